//! `id`, `whoami`, `groups`: who the user is. Source: id(1), whoami(1), groups(1), coreutils 9.1.
//! ```transcript
//! host# id; id -un daemon
//! uid=0(root) gid=0(root) groups=0(root)
//! daemon
//! ```

use super::getopt::Takes::Nothing;
use super::long::Names;
use super::tool::{COREUTILS, Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const ID: Command =
    Command { name: "id", path: "/usr/bin/id", man: "id(1)", run: |sys, args| Box::pin(id(sys, args)) };
pub const WHOAMI: Command = Command {
    name: "whoami",
    path: "/usr/bin/whoami",
    man: "whoami(1)",
    run: |sys, args| Box::pin(whoami(sys, args)),
};
pub const GROUPS: Command = Command {
    name: "groups",
    path: "/usr/bin/groups",
    man: "groups(1)",
    run: |sys, args| Box::pin(groups(sys, args)),
};

const TOOL: Tool = Tool {
    name: "id",
    short: "aGgnruzZ",
    long: &[
        ("context", Nothing, 'Z'),
        ("group", Nothing, 'g'),
        ("groups", Nothing, 'G'),
        ("name", Nothing, 'n'),
        ("real", Nothing, 'r'),
        ("user", Nothing, 'u'),
        ("zero", Nothing, 'z'),
    ],
    missing: "zZ",
    usage: 1,
    package: COREUTILS,
};

const fn plain(name: &'static str) -> Tool {
    Tool::gnu(name, "", &[])
}

/// The name of a user in /etc/passwd, else the number.
pub async fn user_name(sys: &Sys, uid: u32) -> String {
    Names::read(sys).await.user(uid)
}

/// The user and group of a name, or the process's own.
async fn who(sys: &Sys, names: &Names, name: Option<&String>) -> Option<(u32, u32)> {
    match name {
        None => Some(sys.ask(|system, id| (system.process(id).uid, system.process(id).gid)).await),
        Some(name) => {
            let uid = names.uid(name).or_else(|| name.parse().ok())?;
            Some((uid, names.login_group(&names.user(uid)).unwrap_or(uid)))
        }
    }
}

async fn id(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let choices = ['u', 'g', 'G'].iter().filter(|letter| options.has(**letter)).count();
    if choices > 1 {
        TOOL.complain(&sys, "cannot print \"only\" of more than one choice").await;
        return Exit::FAILURE;
    }
    if choices == 0 && (options.has('n') || options.has('r')) {
        TOOL.complain(&sys, "cannot print only names or real IDs in default format").await;
        return Exit::FAILURE;
    }
    let names = Names::read(&sys).await;
    let own = [None];
    let wanted: Vec<Option<&String>> = options.operands.iter().map(Some).collect();
    let mut exit = Exit::OK;
    for name in if wanted.is_empty() { &own[..] } else { &wanted } {
        let Some((uid, gid)) = who(&sys, &names, *name).await else {
            let shown = quoted(name.map_or("", String::as_str));
            TOOL.complain(&sys, format!("{shown}: no such user")).await;
            exit = Exit::FAILURE;
            continue;
        };
        let (user, group) = (names.user(uid), names.group(gid));
        let text = match (options.last_of("ugG"), options.has('n')) {
            (Some('u'), true) => user,
            (Some('u'), false) => uid.to_string(),
            (Some(_), true) => group,
            (Some(_), false) => gid.to_string(),
            _ => format!("uid={uid}({user}) gid={gid}({group}) groups={gid}({group})"),
        };
        sys.print(text + "\n").await;
    }
    exit
}

async fn whoami(sys: Sys, args: Args) -> Exit {
    let tool = plain("whoami");
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if let Some(extra) = options.operands.first() {
        return tool.extra_operand(&sys, extra).await;
    }
    let uid = sys.uid().await;
    sys.print(user_name(&sys, uid).await + "\n").await;
    Exit::OK
}

async fn groups(sys: Sys, args: Args) -> Exit {
    let tool = plain("groups");
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let names = Names::read(&sys).await;
    if options.operands.is_empty() {
        let gid = sys.ask(|system, id| system.process(id).gid).await;
        sys.print(names.group(gid) + "\n").await;
    }
    let mut exit = Exit::OK;
    for name in &options.operands {
        match who(&sys, &names, Some(name)).await {
            Some((_, gid)) => sys.print(format!("{name} : {}\n", names.group(gid))).await,
            None => {
                tool.complain(&sys, format!("{}: no such user", quoted(name))).await;
                exit = Exit::FAILURE;
            }
        }
    }
    exit
}
