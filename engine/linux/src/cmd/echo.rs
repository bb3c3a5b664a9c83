//! `echo`: print its arguments. Source: echo(1), coreutils; bash(1) and dash(1) for the builtins.
//! ```transcript
//! host# echo -e 'a\tb'
//! a	b
//! ```

use super::{Args, Command, Exit};
use crate::shell::escape::{Style, expand};
use crate::sys::Sys;

pub const ECHO: Command = Command {
    name: "echo",
    path: "/usr/bin/echo",
    man: "echo(1)",
    run: |sys, args| Box::pin(echo(sys, args)),
};

async fn echo(sys: Sys, args: Args) -> Exit {
    sys.print(bash(args.rest())).await;
    Exit::OK
}

/// What bash's builtin and coreutils print: escapes only after `-e`.
pub fn bash(args: &[String]) -> String {
    let (mut newline, mut escapes, mut rest) = (true, false, args);
    while let Some((first, more)) = rest.split_first() {
        let letters =
            first.strip_prefix('-').filter(|it| !it.is_empty() && it.chars().all(|c| "neE".contains(c)));
        let Some(letters) = letters else { break };
        for letter in letters.chars() {
            match letter {
                'n' => newline = false,
                letter => escapes = letter == 'e',
            }
        }
        rest = more;
    }
    let (text, stopped) = match escapes {
        true => expand(&rest.join(" "), Style::Echo),
        false => (rest.join(" "), false),
    };
    if newline && !stopped { text + "\n" } else { text }
}

/// What dash's builtin prints: escapes always.
pub fn dash(args: &[String]) -> String {
    let (newline, rest) = match args {
        [first, rest @ ..] if first == "-n" => (false, rest),
        args => (true, args),
    };
    let (text, stopped) = expand(&rest.join(" "), Style::Echo);
    if newline && !stopped { text + "\n" } else { text }
}
