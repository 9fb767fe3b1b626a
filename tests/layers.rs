//! The invariants of the house that a search can check: which crate stops where, and that data goes
//! one way.

use std::path::{Path, PathBuf};

/// Modules in the order in which data passes them; those on one line may know each other. A module may
/// use what stands on its own line or above.
const ORDER: &[&[&str]] = &[
    &["source"],
    &["syntax"],
    // What a finding is, a rule says; what a rule asks, the model answers.
    &["semantic", "finding", "rule"],
    &["rules"],
    &["config"],
    &["suppression"],
    // What runs is printed from the tree that was analysed; what is cleared owns it.
    &["program"],
    &["report"],
    &["lint"],
    &["sandbox"],
    &["output", "trial", "identity"],
    &["approval"],
    &["audit"],
    &["call"],
    &["registry"],
    &["server"],
    &["cli"],
];

/// A crate, and the files (or folders) beyond which it is not known.
const BORDERS: &[(&str, &[&str])] = &[
    ("swc_common", &["syntax", "semantic", "rules", "program"]),
    ("swc_ecma_ast", &["syntax", "semantic", "rules", "program"]),
    ("swc_ecma_visit", &["syntax", "semantic", "rules", "program"]),
    ("swc_ecma_parser", &["syntax"]),
    ("swc_ecma_codegen", &["program"]),
    ("swc_ecma_transforms_base", &["syntax", "program"]),
    ("swc_ecma_transforms_typescript", &["program"]),
    ("boa_engine", &["sandbox"]),
    ("boa_gc", &["sandbox"]),
    ("seccompiler", &["sandbox"]),
    ("landlock", &["sandbox"]),
    ("sqlx", &["registry"]),
    ("jsonwebtoken", &["identity", "server"]),
    ("askama", &["server"]),
    ("axum", &["server"]),
    ("form_urlencoded", &["server"]),
    ("hyper", &["server"]),
    ("rmcp", &["server"]),
    ("prometheus_client", &["server"]),
    ("clap", &["cli"]),
    ("miette", &["output"]),
    ("serde_sarif", &["output"]),
    ("quick_junit", &["output"]),
    ("indicatif", &["cli"]),
];

/// Where `unsafe` may stand.
const UNSAFE: &[&str] = &["src/sandbox/heap.rs", "src/sandbox/confine.rs"];

struct File {
    /// Path below the package.
    path: String,
    /// The module at the top that it belongs to.
    module: String,
    /// Lines without comments and tests, with their numbers.
    lines: Vec<(usize, String)>,
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs"));
    paths.sort();
    paths.iter().map(|path| read(root, path)).collect()
}

fn read(root: &Path, path: &Path) -> File {
    let path_shown = path.strip_prefix(root).expect("below").to_string_lossy().replace('\\', "/");
    let module = path_shown.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
    let text = std::fs::read_to_string(path).expect("a file");
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().zip(1..).map(|(line, number)| (number, line.to_owned()));
    let lines = lines.filter(|(_, line)| !line.trim_start().starts_with("//")).collect();
    File { path: path_shown, module, lines }
}

/// Every `word::` of a line, where `word` is a whole word.
fn paths_of<'a>(line: &'a str, root: &str) -> Vec<&'a str> {
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    let found = line.match_indices(root).filter(|(at, _)| !line[..*at].ends_with(is_word)).map(|(at, _)| &line[at + root.len()..]);
    found.filter_map(|rest| rest.strip_prefix("::")).collect()
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

#[test]
fn data_goes_one_way() {
    let mut wrong = String::new();
    for file in files().iter().filter(|file| !["main", "lib"].contains(&file.module.as_str())) {
        let Some(own) = rank(&file.module) else {
            wrong.push_str(&format!("{}: its place in the order is not known\n", file.path));
            continue;
        };
        for (number, line) in &file.lines {
            for rest in paths_of(line, "crate") {
                let names: Vec<&str> = match rest.strip_prefix('{') {
                    Some(group) => group.split([',', '}']).map(str::trim).filter(|part| !part.is_empty()).collect(),
                    None => vec![rest],
                };
                for name in names {
                    let module = name.split(|c: char| c != '_' && !c.is_alphanumeric()).next().unwrap_or_default();
                    if rank(module).is_some_and(|other| other > own) {
                        wrong.push_str(&format!("{}:{number}: `{}` comes before `{module}`\n", file.path, file.module));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn crates_stop_at_their_borders() {
    let mut wrong = String::new();
    for file in files() {
        for (number, line) in &file.lines {
            for (krate, modules) in BORDERS {
                if !paths_of(line, krate).is_empty() && !modules.contains(&file.module.as_str()) {
                    wrong.push_str(&format!("{}:{number}: `{krate}` is not known here\n", file.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn positions_of_the_parser_stop_at_the_syntax() {
    let mut wrong = String::new();
    for file in files().iter().filter(|file| !["syntax", "semantic", "program"].contains(&file.module.as_str())) {
        for (number, line) in &file.lines {
            if line.contains("BytePos") || line.contains("swc_common::Span") {
                wrong.push_str(&format!("{}:{number}: positions here are `TextRange`\n", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn unsafe_code_stands_in_two_files() {
    let mut wrong = String::new();
    for file in files().iter().filter(|file| !UNSAFE.contains(&file.path.as_str())) {
        for (number, line) in &file.lines {
            if line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl") || line.contains("allow(unsafe_code")
            {
                wrong.push_str(&format!("{}:{number}: {}\n", file.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn only_main_prints_or_exits() {
    let mut wrong = String::new();
    // The worker is a process of its own and leaves as the sandbox says.
    for file in files().iter().filter(|file| !["main", "sandbox"].contains(&file.module.as_str())) {
        for (number, line) in &file.lines {
            let printing = ["println!", "print!", "eprint!", "process::exit"].iter().any(|word| line.contains(word));
            if printing {
                wrong.push_str(&format!("{}:{number}: {}\n", file.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn no_panic_is_written_into_the_way_of_untrusted_input() {
    let mut wrong = String::new();
    for file in
        files().iter().filter(|file| ["source", "config", "suppression", "report", "lint", "output", "cli"].contains(&file.module.as_str()))
    {
        for (number, line) in &file.lines {
            if [".unwrap()", ".expect(", "panic!(", "unreachable!("].iter().any(|word| line.contains(word)) {
                wrong.push_str(&format!("{}:{number}: {}\n", file.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
