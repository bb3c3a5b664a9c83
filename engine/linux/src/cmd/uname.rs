//! `uname`, `clear`, `which`, `man`: where one is, and what there is. Source: their man pages.
//! Differs: the pages of `man` are this world's own, with links to the real ones.
//! ```transcript
//! host# uname -s; which ls
//! Linux
//! /usr/bin/ls
//! ```

use super::getopt::Takes::Nothing;
use super::getopt::{Found, Getopt};
use super::tool::Tool;
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::run::DEFAULT_PATH;
use crate::sys::Sys;

pub const UNAME: Command = Command {
    name: "uname",
    path: "/usr/bin/uname",
    man: "uname(1)",
    run: |sys, args| Box::pin(uname(sys, args)),
};
pub const CLEAR: Command =
    Command { name: "clear", path: "/usr/bin/clear", man: "clear(1)", run: |sys, _| Box::pin(clear(sys)) };
pub const WHICH: Command = Command {
    name: "which",
    path: "/usr/bin/which",
    man: "which(1)",
    run: |sys, args| Box::pin(which(sys, args)),
};
pub const MAN: Command =
    Command { name: "man", path: "/usr/bin/man", man: "man(1)", run: |sys, args| Box::pin(man(sys, args)) };

const RELEASE: &str = "6.18.0";
const KERNEL_VERSION: &str = "#1 SMP PREEMPT_DYNAMIC vethlab";

const UNAME_TOOL: Tool = Tool::gnu(
    "uname",
    "asnrvmpio",
    &[
        ("all", Nothing, 'a'),
        ("hardware-platform", Nothing, 'i'),
        ("kernel-name", Nothing, 's'),
        ("kernel-release", Nothing, 'r'),
        ("kernel-version", Nothing, 'v'),
        ("machine", Nothing, 'm'),
        ("nodename", Nothing, 'n'),
        ("operating-system", Nothing, 'o'),
        ("processor", Nothing, 'p'),
    ],
);

async fn uname(sys: Sys, args: Args) -> Exit {
    let options = match UNAME_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if let Some(extra) = options.operands.first() {
        return UNAME_TOOL.extra_operand(&sys, extra).await;
    }
    let host = sys.hostname().await;
    let parts = [
        ('s', "Linux"),
        ('n', &host),
        ('r', RELEASE),
        ('v', KERNEL_VERSION),
        ('m', "x86_64"),
        ('p', "unknown"),
        ('i', "unknown"),
        ('o', "GNU/Linux"),
    ];
    let shown = |letter| {
        let all = options.has('a') && !matches!(letter, 'p' | 'i');
        all || options.has(letter) || (letter == 's' && options.flags.is_empty())
    };
    let words: Vec<&str> =
        parts.into_iter().filter(|(letter, _)| shown(*letter)).map(|(_, word)| word).collect();
    sys.print(words.join(" ") + "\n").await;
    Exit::OK
}

async fn clear(sys: Sys) -> Exit {
    sys.print("\u{1b}[H\u{1b}[2J\u{1b}[3J").await;
    Exit::OK
}

async fn which(sys: Sys, args: Args) -> Exit {
    let mut walk = Getopt::new(args.name(), args.rest(), "+as", &[]);
    let mut all = false;
    for found in walk.by_ref() {
        match found {
            Found::Option('a', _) => all = true,
            Found::Option(..) => {}
            Found::Wrong(text) => {
                let letter = text.trim_end().trim_end_matches('\'').chars().last().unwrap_or('?');
                sys.eprint(format!("Illegal option -{letter}\n")).await;
                sys.print("Usage: /usr/bin/which [-a] args\n").await;
                return Exit(2);
            }
        }
    }
    let names = walk.operands();
    let path = sys.env("PATH").await.unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let mut exit = if names.is_empty() { Exit::FAILURE } else { Exit::OK };
    for name in names {
        let mut found = false;
        let places = if name.contains('/') {
            vec![name.clone()]
        } else {
            path.split(':').map(|dir| format!("{}/{name}", if dir.is_empty() { "." } else { dir })).collect()
        };
        for place in places {
            let file = sys.stat(&place).await.is_ok_and(|stat| stat.kind == FileKind::File);
            if file && sys.access(&place, 1).await {
                sys.print(place + "\n").await;
                found = true;
                if !all {
                    break;
                }
            }
        }
        if !found {
            exit = Exit::FAILURE;
        }
    }
    exit
}

async fn man(sys: Sys, args: Args) -> Exit {
    let words: Vec<&String> = args.rest().iter().collect();
    if let Some(option) = words.iter().find(|word| word.starts_with('-')) {
        sys.eprint(format!("man: {option}: not simulated in vethlab; use man NAME\n")).await;
        return Exit::FAILURE;
    }
    let section = words.first().filter(|word| word.parse::<u8>().is_ok()).map(|word| word.as_str());
    let names = &words[usize::from(section.is_some())..];
    if names.is_empty() {
        match section {
            Some(section) => sys.eprint(format!("No manual entry for {section}\n(Alternatively, what manual page do you want from section {section}?)\nFor example, try 'man man'.\n")).await,
            None => sys.eprint("What manual page do you want?\nFor example, try 'man man'.\n").await,
        }
        return Exit::FAILURE;
    }
    let mut exit = Exit::OK;
    for name in names {
        let wanted = (*name).clone();
        let command = sys.ask(move |system, _| system.command(&wanted)).await;
        match command {
            Some(command) => {
                let page = super::manual(command.name);
                let none = || format!("{}\n\n{}\n", command.man.to_uppercase(), command.path);
                sys.print(page.unwrap_or_else(none)).await;
            }
            None => {
                sys.eprint(format!("No manual entry for {name}\n")).await;
                exit = Exit(16);
            }
        }
    }
    exit
}
