//! `lessons publish ROOT OUT`: reads the course below ROOT and writes the site's JSON into OUT.
//! `lessons check ROOT`: reads it only.

use lessons::author::{publish, read_course};
use std::path::Path;
use std::process::ExitCode;

fn run(arguments: &[String]) -> Result<String, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let read = |root: &str| read_course(Path::new(root)).map_err(|fault| fault.to_string());
    match words[..] {
        ["check", root] => Ok(format!("{} lessons read", read(root)?.len())),
        ["publish", root, out] => publish(&read(root)?, Path::new(out))
            .map(|count| format!("{count} lessons published to {out}"))
            .map_err(|error| format!("{out}: {error}")),
        _ => Err("usage: lessons check ROOT | lessons publish ROOT OUT".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(words) => {
            eprintln!("{words}");
            ExitCode::from(2)
        }
    }
}
