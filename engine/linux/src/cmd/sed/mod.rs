//! `sed`: edit lines by a script. Source: sed(1), GNU sed 4.9.
//! Not simulated: the commands e F W; flag M of s.
//! ```transcript
//! host# printf 'one\ntwo\n' | sed -e 's/o/0/g' -e '1d'
//! tw0
//! host# printf 'a.b\tc\r\n' | sed -e 's/\r$//' -e 's/\x2e/\x2D/; s/\t/ /'
//! a-b c
//! ```

mod address;
mod parse;
mod program;
mod run;
mod substitute;

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::tool::Tool;
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const SED: Command =
    Command { name: "sed", path: "/usr/bin/sed", man: "sed(1)", run: |sys, args| Box::pin(sed(sys, args)) };

const TOOL: Tool = Tool {
    name: "sed",
    short: "bsnrzuEe:f:l:i::V:",
    long: &[
        ("expression", Value, 'e'),
        ("file", Value, 'f'),
        ("in-place", MayValue, 'i'),
        ("quiet", Nothing, 'n'),
        ("silent", Nothing, 'n'),
        ("regexp-extended", Nothing, 'E'),
        ("separate", Nothing, 's'),
        ("unbuffered", Nothing, 'u'),
        ("null-data", Nothing, 'z'),
    ],
    missing: "zb",
    usage: 1,
    package: "(GNU sed) 4.9",
};

async fn sed(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut operands = options.operands.clone();
    let mut script: Vec<(String, String)> = Vec::new();
    for (letter, value) in &options.flags {
        let value = value.as_deref().unwrap_or_default();
        match letter {
            'e' => script.push((format!("-e expression #{}", script.len() + 1), value.to_owned())),
            'f' => match super::input::read_text(&sys, value).await {
                Ok(text) => script.push((format!("file {value}"), text)),
                Err(errno) => {
                    TOOL.complain(&sys, format!("couldn't open file {value}: {errno}")).await;
                    return Exit::FAILURE;
                }
            },
            _ => {}
        }
    }
    if script.is_empty() {
        if operands.is_empty() {
            return TOOL.try_help(&sys).await;
        }
        script.push(("-e expression #1".to_owned(), operands.remove(0)));
    }
    let extended = options.has('E') || options.has('r');
    let program = match parse::parse(&script, extended) {
        Ok(program) => program,
        Err(words) => {
            TOOL.complain(&sys, words).await;
            return Exit::FAILURE;
        }
    };
    let mut runner = run::Runner::new(&sys, program, options.has('n'));
    let in_place =
        options.flags.iter().rev().find(|(letter, _)| *letter == 'i').map(|(_, suffix)| suffix.clone());
    match in_place {
        Some(suffix) => runner.in_place(&operands, suffix.as_deref().unwrap_or_default()).await,
        None => {
            let files = if operands.is_empty() { vec!["-".to_owned()] } else { operands };
            runner.files(&files, options.has('s')).await
        }
    }
}
