//! What parses and the engine does not run, or runs otherwise than the standard says, wherever it
//! stands. What the lowering cannot follow it notes by itself.

use swc_common::Span;
use swc_ecma_ast::{AutoAccessor, Ident, ImportDecl, ImportPhase};
use swc_ecma_visit::{Visit, VisitWith};

use crate::source::TextRange;
use crate::syntax::{Parsed, range_of};

/// The places and the constructs, in order of position.
pub fn unsupported(parsed: &Parsed) -> Vec<(TextRange, &'static str)> {
    let mut finder = Finder::default();
    parsed.program.visit_with(&mut finder);
    finder.found.sort();
    finder.found
}

#[derive(Default)]
struct Finder {
    found: Vec<(TextRange, &'static str)>,
}

impl Finder {
    fn add(&mut self, span: Span, what: &'static str) {
        self.found.push((range_of(span), what));
    }
}

impl Visit for Finder {
    /// The parser ends a statement after this name where the standard does not
    /// (`typeof await⏎[0]`): other engines would run another program.
    fn visit_ident(&mut self, node: &Ident) {
        if node.sym == *"await" {
            self.add(node.span, "a variable named `await`");
        }
    }

    fn visit_auto_accessor(&mut self, node: &AutoAccessor) {
        self.add(node.span, "`accessor` fields");
        node.visit_children_with(self);
    }

    fn visit_import_decl(&mut self, node: &ImportDecl) {
        if node.phase != ImportPhase::Evaluation {
            self.add(node.span, "`import defer` and `import source`");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;
    use crate::syntax::parse;

    fn unsupported_in(path: &str, text: &str) -> Vec<&'static str> {
        unsupported(&parse(&SourceFile::new(path, text)).expect("it parses")).into_iter().map(|(_, what)| what).collect()
    }

    #[test]
    fn what_the_engine_lacks_is_named() {
        assert_eq!(unsupported_in("a.ts", "class A { accessor y = 1 }"), ["`accessor` fields"]);
        assert_eq!(unsupported_in("a.js", "var o = { await: 1 }; o.await; await\n[0]"), ["a variable named `await`"]);
        assert_eq!(unsupported_in("a.mjs", "import defer * as ns from 'x'"), ["`import defer` and `import source`"]);
        assert_eq!(unsupported_in("a.js", "class A { static #x = 1; static { } } async () => { await 1 }"), Vec::<&str>::new());
    }
}
