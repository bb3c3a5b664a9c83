//! `awk`: a language for lines and fields. Source: awk(1), mawk 1.3.4; POSIX.1-2017 awk.
//! Differs from mawk: `for (k in a)` goes through keys in the order they were made; no -W options but version.
//! ```transcript
//! host# printf 'a 1\nb 2\n' | awk '{ sum += $2 } END { print NR, sum }'
//! 2 3
//! ```

mod builtin;
mod call;
mod evaluate;
mod expression;
mod input;
mod lexer;
mod parser;
mod program;
mod run;
mod statement;
mod value;
mod variables;

use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const AWK: Command =
    Command { name: "awk", path: "/usr/bin/awk", man: "awk(1)", run: |sys, args| Box::pin(awk(sys, args)) };

async fn awk(sys: Sys, args: Args) -> Exit {
    let mut words = args.rest().iter().peekable();
    let (mut separator, mut assignments, mut text) = (None, Vec::new(), None::<String>);
    while let Some(word) = words.peek().filter(|word| word.len() > 1 && word.starts_with('-')) {
        let word = (*word).clone();
        words.next();
        if word == "--" {
            break;
        }
        if word == "--version" || word == "-Wversion" || word == "-V" {
            sys.print("mawk 1.3.4 20200120\nCopyright 2008-2019,2020, Thomas E. Dickey\n").await;
            return Exit::OK;
        }
        let letter = word.chars().nth(1).unwrap_or(' ');
        if !"Fvf".contains(letter) {
            sys.eprint(format!("awk: not an option: {word}\n")).await;
            return Exit(2);
        }
        let value = match word.chars().skip(2).collect::<String>() {
            rest if !rest.is_empty() => rest,
            _ => match words.next() {
                Some(value) => value.clone(),
                None => {
                    sys.eprint(format!("awk: option requires an argument -- {letter}\n")).await;
                    return Exit(2);
                }
            },
        };
        match letter {
            'F' => separator = Some(value),
            'v' => assignments.push(value),
            _ => match super::input::read_text(&sys, &value).await {
                Ok(script) => text = Some(text.unwrap_or_default() + &script + "\n"),
                Err(_) => {
                    sys.eprint(format!("awk: cannot open {value}\" (No such file or directory)\n")).await;
                    return Exit(2);
                }
            },
        }
    }
    let text = match text.or_else(|| words.next().cloned()) {
        Some(text) => text,
        None => {
            sys.eprint("Usage: mawk [Options] [Program] [file ...]\n").await;
            return Exit(2);
        }
    };
    let program = match parser::parse(&text) {
        Ok(program) => program,
        Err(words) => {
            sys.eprint(format!("awk: {words}\n")).await;
            return Exit(2);
        }
    };
    let mut runner = run::Runner::new(&sys, program, words.cloned().collect()).await;
    if let Some(separator) = separator {
        runner.set_separator(&separator);
    }
    for assignment in assignments {
        if !runner.assign_argument(&assignment) {
            sys.eprint(format!("awk: improper assignment: -v {assignment}\n")).await;
            return Exit(2);
        }
    }
    runner.run().await
}
