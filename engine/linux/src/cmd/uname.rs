//! `hostname`, `uname`, `whoami`, `id`, `clear`, `which`, `man`: where and who one is. Source: their man pages.
//! Not simulated: `man` beyond the name of a command's real manual page.
//! ```transcript
//! host# uname -s; whoami
//! Linux
//! root
//! ```

use super::coreutils::{HELP, Line, VERSION, misused, quoted};
use super::getopt::Takes;
use super::id::user_name;
use super::{Args, Command, Exit};
use crate::run::DEFAULT_PATH;
use crate::sys::Sys;

pub const HOSTNAME: Command = Command {
    name: "hostname",
    path: "/usr/bin/hostname",
    man: "hostname(1)",
    run: |sys, args| Box::pin(hostname(sys, args)),
};
pub const UNAME: Command = Command {
    name: "uname",
    path: "/usr/bin/uname",
    man: "uname(1)",
    run: |sys, args| Box::pin(uname(sys, args)),
};
pub const WHOAMI: Command = Command {
    name: "whoami",
    path: "/usr/bin/whoami",
    man: "whoami(1)",
    run: |sys, args| Box::pin(whoami(sys, args)),
};
pub const ID: Command =
    Command { name: "id", path: "/usr/bin/id", man: "id(1)", run: |sys, args| Box::pin(id(sys, args)) };
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

async fn hostname(sys: Sys, args: Args) -> Exit {
    let name = sys.hostname().await;
    match args.rest().first().map(String::as_str) {
        None => sys.print(name + "\n").await,
        Some("-s") => sys.print(name.split('.').next().unwrap_or_default().to_owned() + "\n").await,
        Some("-I") => {
            let addresses = sys
                .net(|net, ns| {
                    let all = net.addresses(ns, net::rtnetlink::Family::Inet).into_iter();
                    all.filter(|it| !it.local.is_loopback())
                        .map(|it| format!("{} ", it.local))
                        .collect::<String>()
                })
                .await;
            sys.print(addresses + "\n").await;
        }
        Some(option) if option.starts_with('-') => {
            sys.eprint(format!("hostname: {option}: not simulated in vethlab; use hostname, -s or -I\n"))
                .await;
            return Exit(255);
        }
        Some(new) => {
            let new = new.to_owned();
            sys.ask(move |system, id| {
                let machine = system.process(id).machine;
                system.host_mut(machine).hostname = new;
            })
            .await;
        }
    }
    Exit::OK
}

async fn uname(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(
        &sys,
        &args,
        "asnrvmpio",
        &[HELP, VERSION, ("all", Takes::Nothing, 'a')],
        "[OPTION]...",
        1,
    )
    .await
    {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    if let Some(extra) = line.operands.first() {
        return misused(&sys, "uname", &format!("extra operand {}", quoted(extra))).await;
    }
    let host = sys.hostname().await;
    let parts = [
        ('s', "Linux"),
        ('n', &host),
        ('r', RELEASE),
        ('v', KERNEL_VERSION),
        ('m', "x86_64"),
        ('o', "GNU/Linux"),
    ];
    let shown = |letter| line.has('a') || line.has(letter) || (letter == 's' && line.options.is_empty());
    let words: Vec<&str> =
        parts.into_iter().filter(|(letter, _)| shown(*letter)).map(|(_, word)| word).collect();
    sys.print(words.join(" ") + "\n").await;
    Exit::OK
}

async fn whoami(sys: Sys, _: Args) -> Exit {
    let uid = sys.uid().await;
    sys.print(user_name(&sys, uid).await + "\n").await;
    Exit::OK
}

async fn id(sys: Sys, args: Args) -> Exit {
    let uid = sys.uid().await;
    let name = user_name(&sys, uid).await;
    let text = match args.rest().first().map(String::as_str) {
        None => format!("uid={uid}({name}) gid={uid}({name}) groups={uid}({name})"),
        Some("-u" | "-g") => uid.to_string(),
        Some("-un" | "-gn") => name,
        Some(other) => {
            sys.eprint(format!("id: {other}: not simulated in vethlab; use id, -u, -un\n")).await;
            return Exit::FAILURE;
        }
    };
    sys.print(text + "\n").await;
    Exit::OK
}

async fn clear(sys: Sys) -> Exit {
    sys.print("\u{1b}[H\u{1b}[2J\u{1b}[3J").await;
    Exit::OK
}

async fn which(sys: Sys, args: Args) -> Exit {
    let path = sys.env("PATH").await.unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let mut exit = Exit::OK;
    for name in args.rest().iter().filter(|word| !word.starts_with('-')) {
        let mut found = false;
        let places = if name.contains('/') {
            vec![name.clone()]
        } else {
            path.split(':').map(|dir| format!("{dir}/{name}")).collect()
        };
        for place in places {
            if sys.access(&place, 1).await {
                sys.print(place + "\n").await;
                found = true;
                break;
            }
        }
        if !found {
            exit = Exit::FAILURE;
        }
    }
    exit
}

async fn man(sys: Sys, args: Args) -> Exit {
    let Some(name) = args.rest().iter().rfind(|word| word.parse::<u8>().is_err()).cloned() else {
        sys.eprint("What manual page do you want?\nFor example, try 'man man'.\n").await;
        return Exit::FAILURE;
    };
    let wanted = name.clone();
    match sys.ask(move |system, _| system.command(&wanted).map(|command| (command.man, command.path))).await {
        Some((page, path)) => {
            let (title, section) = page.trim_end_matches(')').split_once('(').unwrap_or((page, "1"));
            let link = format!("https://man7.org/linux/man-pages/man{section}/{title}.{section}.html");
            sys.print(format!(
                "{page}, {path}: its text is not simulated in vethlab; read {link}, or try '{name} --help'.\n"
            ))
            .await;
            Exit::OK
        }
        None => {
            sys.eprint(format!("No manual entry for {name}\n")).await;
            Exit(16)
        }
    }
}
