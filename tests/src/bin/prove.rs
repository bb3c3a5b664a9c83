//! `prove FILE…`: proves the lessons whose files' paths hold one of these words, and says what is wrong with them.
//!
//! For an author: `cargo run -p tests --bin prove -- 08-services/10`. All lessons are proven by the tests.

use lessons::author::read_course;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    let course = match read_course(&root) {
        Ok(course) => course,
        Err(fault) => {
            eprintln!("{fault}");
            return ExitCode::from(2);
        }
    };
    let mut faults = 0;
    for authored in course.iter().filter(|it| words.iter().any(|word| it.file.contains(word))) {
        let began = Instant::now();
        let found = tests::proof::faults(authored);
        faults += found.len();
        found.iter().for_each(|fault| println!("{fault}"));
        println!("{}: {} faults, {:.1} s", authored.file, found.len(), began.elapsed().as_secs_f32());
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
