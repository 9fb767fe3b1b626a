//! `no-host-access`: the function reaches for the host: modules, processes, files, network.

use crate::finding::{Confidence, Finding, Level};
use crate::rule::{Context, Rule, RuleMeta};
use crate::semantic::environment::{Global, classify};
use crate::source::TextRange;

/// What is said about the rule.
pub static META: RuleMeta = RuleMeta {
    id: "no-host-access",
    summary: "The function reaches for the host: modules, processes, files, network",
    checklist: "1",
    level: Level::Error,
    confidence: Confidence::High,
    cwe: &["CWE-829"],
    security_severity: "9.1",
    since: "0.1.0",
    page: include_str!("../../rules/no-host-access.md"),
};

/// The rule.
pub struct NoHostAccess;

impl Rule for NoHostAccess {
    fn meta(&self) -> &'static RuleMeta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let semantic = cx.semantic;
        let mut findings: Vec<Finding> = semantic.ir().imports.iter().map(|i| reach("import", "loads another module", i.range)).collect();
        for mention in &semantic.seen().mentions {
            if mention.path == "import()" {
                findings.push(reach("import()", "loads another module", mention.range));
            } else if mention.path == "import.meta" {
                findings.push(reach("import.meta", "tells where the module stands", mention.range));
            } else if mention.is_global_name
                && !semantic.seen().created_globals.contains(&mention.path)
                && let Global::Host(why) = classify(&mention.path, semantic.settings(), semantic.is_commonjs())
            {
                findings.push(reach(&mention.path, why, mention.range));
            }
        }
        findings
    }
}

fn reach(name: &str, why: &str, range: TextRange) -> Finding {
    Finding::new(&META, range, format!("`{name}` {why}"))
        .tag("not available to a function")
        .help("a function has its input, `__env` and the ECMAScript built-ins; let the platform do the rest")
}
