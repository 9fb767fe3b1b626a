//! Whole functions as people write them: nothing false in the clean ones, the marked defect in the others.

mod gaps;
mod markers;

use std::collections::BTreeMap;

use markers::{judge, list};

#[test]
fn clean_functions_have_no_error_and_defective_ones_have_theirs() {
    let all = judge("field");
    let (mut failing, mut clean, mut defective) = (BTreeMap::new(), 0, 0);
    for file in &all {
        let mut wrong = String::new();
        match file.folder.split('/').next() {
            Some("clean") => {
                clean += 1;
                assert!(file.expected.is_empty(), "{} is marked, but clean", file.path);
            }
            Some("defective") => {
                defective += 1;
                assert!(!file.expected.is_empty(), "{} is not marked", file.path);
            }
            _ => panic!("{} is neither clean nor defective", file.path),
        }
        if let Some(problem) = &file.problem {
            wrong.push_str(&format!("not checked:\n  {}: {problem}\n", file.path));
        }
        if !file.missed().is_empty() {
            wrong.push_str(&format!("missed:\n{}", list(&file.path, file.missed())));
        }
        if !file.false_errors().is_empty() {
            wrong.push_str(&format!("false:\n{}", list(&file.path, file.false_errors())));
        }
        if !wrong.is_empty() {
            failing.insert(format!("fixtures/{}", file.path), wrong);
        }
    }
    assert!(clean >= 40 && defective >= 25, "{clean} clean and {defective} defective functions");
    gaps::compare("fixtures/field/", &failing);
}
