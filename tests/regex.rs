//! The verdicts on backtracking, compared with an oracle's.

use fnvet::semantic::regex::{Backtracking, backtracking};

#[derive(serde::Deserialize)]
struct List {
    regex: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    pattern: String,
    #[serde(default)]
    flags: String,
    /// What the oracle says.
    recheck: String,
    /// What is said here, where it differs, and why.
    ours: Option<String>,
    because: Option<String>,
}

fn class(verdict: &Backtracking) -> String {
    match verdict {
        Backtracking::Linear => "linear".into(),
        Backtracking::Polynomial { degree, .. } => format!("polynomial {degree}"),
        Backtracking::Exponential { .. } => "exponential".into(),
        Backtracking::Unknown(reason) => format!("unknown: {reason}"),
    }
}

fn list() -> Vec<Case> {
    toml::from_str::<List>(include_str!("data/regexes.toml")).unwrap().regex
}

#[test]
fn verdicts_agree_with_the_oracle_or_say_why_not() {
    let mut wrong = Vec::new();
    for case in list() {
        let started = std::time::Instant::now();
        let verdict = backtracking(&case.pattern, &case.flags);
        let (found, expected) = (class(&verdict), case.ours.as_ref().unwrap_or(&case.recheck));
        if &found != expected {
            let attack = match &verdict {
                Backtracking::Polynomial { attack, .. } | Backtracking::Exponential { attack } => attack.to_string(),
                _ => String::new(),
            };
            wrong.push(format!("/{}/{}: {found}, expected {expected} {attack} {:?}", case.pattern, case.flags, started.elapsed()));
        }
        assert_eq!(case.ours.is_some(), case.because.is_some(), "{}", case.pattern);
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_list_is_long_and_the_differences_are_few() {
    let list = list();
    let differ = list.iter().filter(|case| case.ours.is_some()).count();
    // Nothing that the oracle calls exponential is called less here.
    let missed = list.iter().filter(|case| case.recheck == "exponential" && case.ours.is_some()).count();
    assert!(list.len() >= 150);
    assert_eq!(missed, 0);
    assert!(differ * 20 <= list.len(), "{differ} of {}", list.len());
}
