//! Every lesson is proven, three seeds each; `tests::proof` says what that means.
//!
//! Always: a test proves the lessons whose files begin as it says, so that they run side by side; no file is forgotten.

use lessons::author::{Authored, read_course};
use std::path::Path;
use tests::proof;

fn course() -> Vec<Authored> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    read_course(&root).unwrap_or_else(|fault| panic!("{fault}"))
}

fn is_of(authored: &Authored, files: &str) -> bool {
    authored.file.strip_prefix("course/").is_some_and(|file| file.starts_with(files))
}

fn prove(files: &str) {
    let faults: Vec<String> =
        course().iter().filter(|it| is_of(it, files)).flat_map(proof::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

macro_rules! proofs {
    ($($name:ident $files:literal)*) => {
        $(#[test] fn $name() { prove($files); })*

        #[test]
        fn every_lesson_is_proven_once() {
            let course = course();
            assert!(course.len() >= 7, "the course has lost lessons: {}", course.len());
            for authored in &course {
                let count = [$($files),*].iter().filter(|files| is_of(authored, files)).count();
                assert_eq!(count, 1, "{} is proven {count} times", authored.file);
            }
        }
    };
}

proofs! {
    sandboxes "00"
    links_and_routes "01"
    names "02"
    namespaces "03"
    netfilter "04"
    pod_network "07"
}
