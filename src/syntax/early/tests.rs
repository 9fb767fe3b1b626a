use crate::source::SourceFile;
use crate::syntax::parse;

/// `fixtures/early-errors.txt`: a verdict, an extension and a program a line, `⏎` for a line feed.
fn programs(verdict: &str) -> impl Iterator<Item = (&'static str, String)> {
    let lines = include_str!("../../../fixtures/early-errors.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts = lines.filter_map(move |line| line.strip_prefix(verdict)?.trim_start().split_once(' '));
    parts.map(|(extension, program)| (extension, program.replace('⏎', "\n")))
}

fn is_refused(extension: &str, program: &str) -> bool {
    parse(&SourceFile::new(format!("a.{extension}"), program)).is_err()
}

#[test]
fn early_errors_are_raised() {
    let (all, missed): (Vec<_>, Vec<_>) = programs("bad").partition(|(extension, program)| is_refused(extension, program));
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(all.len() > 400);
}

#[test]
fn near_misses_are_none() {
    let (refused, all): (Vec<_>, Vec<_>) = programs("good").partition(|(extension, program)| is_refused(extension, program));
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(all.len() > 200);
}

#[test]
fn the_first_in_the_text_is_reported() {
    let at = |path: &str, text: &str| parse(&SourceFile::new(path, text)).err().map(|error| (error.range.start, error.message));
    assert_eq!(at("a.js", "let a;\nlet a; this.#b"), Some((11, "`a` is declared twice".into())));
    assert_eq!(at("a.js", "export { helper }; /(/"), Some((9, "`helper` is exported and declared nowhere".into())));
    assert_eq!(
        at("a.js", "const limit = await 1"),
        Some((14, "`await` is only valid in async functions and at the top level of modules".into()))
    );
}
