//! `parity PATH…`: replays recordings of the real tools, files or folders, and says where our world differs.
//!
//! `--known FILE` takes the failures listed there as expected, and them alone. Exit code 0 if nothing failed.

use std::path::PathBuf;
use std::process::ExitCode;
use tests::parity::known::Known;
use tests::parity::report;

const USAGE: &str = "usage: parity [--known FILE] PATH…";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("parity: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[String]) -> Result<bool, String> {
    if let [one, path] = words
        && one == "--one"
    {
        return report::run_one(path.as_ref()).map(|()| true);
    }
    let (known, paths) = match words {
        [option, file, paths @ ..] if option == "--known" => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            (Known::parse(file.as_ref(), &text)?, paths)
        }
        paths => (Known::default(), paths),
    };
    if paths.is_empty() || paths.iter().any(|path| path.starts_with("--")) {
        return Err(USAGE.to_owned());
    }
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let files = report::recordings(&paths)?;
    Ok(report::run(&files, known))
}
