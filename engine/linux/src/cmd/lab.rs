//! `lab`: the page's own controls as a command. It hands its words to the page, which acts on them.
//!
//! Not a tool of any real machine; `lab help` says so.
//! ```transcript
//! host$ lab
//! Usage: lab check|hint|solution|reset|undo|redo|step|back|pause|play|speed N|capture|share|export
//! ```

use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const LAB: Command = Command {
    name: "lab",
    path: "/usr/local/bin/lab",
    man: "lab(1)",
    run: |sys, args| Box::pin(lab(sys, args)),
};

const USAGE: &str =
    "Usage: lab check|hint|solution|reset|undo|redo|step|back|pause|play|speed N|capture|share|export\n";

/// What the page understands; `speed` takes a number beside it.
const WORDS: &[&str] = &[
    "back", "capture", "check", "export", "hint", "pause", "play", "redo", "reset", "share", "solution",
    "speed", "step", "undo",
];

async fn lab(sys: Sys, args: Args) -> Exit {
    let words = args.rest().to_vec();
    match words.first().map(String::as_str) {
        None | Some("help" | "-h" | "--help") => {
            sys.print(USAGE).await;
            return Exit::OK;
        }
        Some(word) if !WORDS.contains(&word) => {
            sys.eprint(format!("lab: unknown command: {word}\n{USAGE}")).await;
            return Exit(2);
        }
        Some("speed") if !words.get(1).is_some_and(|speed| speed.parse::<f64>().is_ok_and(|it| it > 0.0)) => {
            sys.eprint("lab: speed: expected a number above 0 (1 is real time)\n").await;
            return Exit(2);
        }
        Some(_) => {}
    }
    let told = sys.ask(move |system, id| system.lab_command(id, words)).await;
    if told {
        return Exit::OK;
    }
    sys.eprint("lab: this needs a terminal on the page\n").await;
    Exit::FAILURE
}
