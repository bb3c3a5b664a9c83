//! `sudo`, `su`, `setpriv`: run a command as another user. Source: sudo(8), su(1), setpriv(1).
//! Differs: everybody is in sudoers, and no password is asked for.
//! ```transcript
//! host# sudo whoami; setpriv --reuid=65534 --clear-groups whoami
//! root
//! nobody
//! ```

use super::long::Names;
use super::{Args, Command, Exit};
use crate::run::Start;
use crate::sys::Sys;
use std::collections::BTreeMap;

pub const SUDO: Command = Command {
    name: "sudo",
    path: "/usr/bin/sudo",
    man: "sudo(8)",
    run: |sys, args| Box::pin(sudo(sys, args)),
};
pub const SU: Command =
    Command { name: "su", path: "/usr/bin/su", man: "su(1)", run: |sys, args| Box::pin(su(sys, args)) };
pub const SETPRIV: Command = Command {
    name: "setpriv",
    path: "/usr/bin/setpriv",
    man: "setpriv(1)",
    run: |sys, args| Box::pin(setpriv(sys, args)),
};

/// A user of /etc/passwd: number, home, shell.
async fn user(sys: &Sys, name: &str) -> Option<(u32, String, String)> {
    let bytes = sys.read_file("/etc/passwd").await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().find(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(name) || fields.nth(1).is_some_and(|uid| name.strip_prefix('#') == Some(uid))
    })?;
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields.get(2)?.parse().ok()?, (*fields.get(5)?).to_owned(), (*fields.get(6)?).to_owned()))
}

#[derive(Default)]
struct Wanted {
    name: String,
    login: bool,
    shell: bool,
    keep: bool,
}

type Words = std::iter::Peekable<std::vec::IntoIter<String>>;

async fn options(sys: &Sys, words: &mut Words) -> Result<Wanted, Exit> {
    let mut wanted = Wanted { name: "root".to_owned(), ..Wanted::default() };
    while let Some(word) = words.peek().filter(|word| word.starts_with('-')).cloned() {
        words.next();
        match word.as_str() {
            "--" => break,
            "-u" | "--user" => wanted.name = words.next().unwrap_or_default(),
            "-i" | "--login" => wanted.login = true,
            "-s" | "--shell" => wanted.shell = true,
            "-E" | "--preserve-env" => wanted.keep = true,
            "-n" | "-H" | "-b" | "-S" => {}
            "-l" => {
                sys.print("User root may run the following commands on this host:\n    (ALL : ALL) ALL\n")
                    .await;
                return Err(Exit::OK);
            }
            "-v" | "-k" | "-K" => return Err(Exit::OK),
            "-V" | "--version" => {
                sys.print("Sudo version 1.9.13p3\n").await;
                return Err(Exit::OK);
            }
            option => {
                let letter = option.trim_start_matches('-').chars().next().unwrap_or('-');
                sys.eprint(format!("sudo: invalid option -- '{letter}'\n{USAGE}")).await;
                return Err(Exit::FAILURE);
            }
        }
    }
    Ok(wanted)
}

async fn sudo(sys: Sys, args: Args) -> Exit {
    let mut words = args.rest().to_vec().into_iter().peekable();
    let Wanted { name, login, shell, keep } = match options(&sys, &mut words).await {
        Ok(wanted) => wanted,
        Err(exit) => return exit,
    };
    let Some((uid, home, user_shell)) = user(&sys, &name).await else {
        sys.eprint(format!(
            "sudo: unknown user {name}\nsudo: error initializing audit plugin sudoers_audit\n"
        ))
        .await;
        return Exit::FAILURE;
    };
    let mut environment = sys.ask(|system, id| system.process(id).environment.clone()).await;
    if !keep {
        let kept = ["TERM", "LANG", "LC_ALL", "TZ", "PATH", "DISPLAY", "COLORTERM"];
        environment.retain(|name, _| kept.contains(&name.as_str()));
    }
    let caller = Names::read(&sys).await.user(sys.uid().await);
    for (key, value) in [
        ("HOME", home.clone()),
        ("LOGNAME", name.clone()),
        ("USER", name.clone()),
        ("SHELL", user_shell.clone()),
        ("SUDO_USER", caller),
        ("PATH", crate::run::DEFAULT_PATH.to_owned()),
    ] {
        environment.insert(key.to_owned(), value);
    }
    while let Some((key, value)) = words.peek().and_then(|word| word.split_once('=')) {
        if !crate::shell::is_name(key) {
            break;
        }
        environment.insert(key.to_owned(), value.to_owned());
        words.next();
    }
    let mut command: Vec<String> = words.collect();
    if command.is_empty() {
        if !login && !shell {
            sys.eprint(USAGE).await;
            return Exit::FAILURE;
        }
        command = vec![user_shell.clone()];
        if login {
            command[0] = format!("-{}", user_shell.rsplit('/').next().unwrap_or("bash"));
        }
    } else if login || shell {
        command = vec![user_shell.clone(), "-c".to_owned(), command.join(" ")];
    }
    let path = (login && command.len() == 1).then_some(user_shell);
    let cwd = login.then_some(home);
    let shown = command[0].clone();
    let start = Start {
        uid: Some(uid),
        gid: Some(uid),
        environment: Some(environment),
        path,
        cwd,
        ..Start::new(command)
    };
    match sys.exec(start).await {
        net::Errno::ENOENT => sys.eprint(format!("sudo: {shown}: command not found\n")).await,
        errno => sys.eprint(format!("sudo: unable to execute {shown}: {errno}\n")).await,
    }
    Exit::FAILURE
}

const USAGE: &str = "usage: sudo -h | -K | -k | -V
usage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]
usage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user]
            [command [arg ...]]
usage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g
            group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user]
            [VAR=value] [-i | -s] [command [arg ...]]
usage: sudo -e [-ABkNnS] [-r role] [-t type] [-C num] [-D directory] [-g group]
            [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] file ...
";

async fn su(sys: Sys, args: Args) -> Exit {
    let (mut login, mut command, mut name) = (false, None, "root".to_owned());
    let mut words = args.rest().iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-" | "-l" | "--login" => login = true,
            "-c" | "--command" => command = words.next().cloned(),
            option if option.starts_with('-') => {
                sys.eprint(format!("su: {option}: not simulated in vethlab\n")).await;
                return Exit::FAILURE;
            }
            given => name = given.to_owned(),
        }
    }
    let Some((uid, home, shell)) = user(&sys, &name).await else {
        sys.eprint(format!(
            "su: user {name} does not exist or the user entry does not contain all the required fields\n"
        ))
        .await;
        return Exit::FAILURE;
    };
    if sys.uid().await != 0 {
        sys.eprint("Password: \nsu: Authentication failure\n").await;
        return Exit::FAILURE;
    }
    let mut environment: BTreeMap<String, String> =
        sys.ask(|system, id| system.process(id).environment.clone()).await;
    for (key, value) in [("HOME", &home), ("SHELL", &shell), ("USER", &name), ("LOGNAME", &name)] {
        environment.insert(key.to_owned(), value.clone());
    }
    let first =
        if login { format!("-{}", shell.rsplit('/').next().unwrap_or("bash")) } else { shell.clone() };
    let mut arguments = vec![first];
    if let Some(command) = command {
        arguments.extend(["-c".to_owned(), command]);
    }
    let cwd = login.then_some(home);
    let start = Start {
        uid: Some(uid),
        gid: Some(uid),
        environment: Some(environment),
        path: Some(shell.clone()),
        cwd,
        ..Start::new(arguments)
    };
    let errno = sys.exec(start).await;
    sys.eprint(format!("su: failed to execute {shell}: {errno}\n")).await;
    Exit::FAILURE
}

async fn setpriv(sys: Sys, args: Args) -> Exit {
    let (mut uid, mut gid) = (None, None);
    let mut words = args.rest().iter().cloned().peekable();
    while let Some(word) = words.peek().filter(|word| word.starts_with("--")).cloned() {
        words.next();
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (word.clone(), None),
        };
        match key.as_str() {
            "--" => break,
            "--clear-groups" | "--keep-groups" | "--init-groups" | "--no-new-privs" | "--nnp" => {}
            "--reuid" | "--ruid" | "--euid" | "--regid" | "--rgid" | "--egid" | "--groups" => {
                let value = value.or_else(|| words.next()).unwrap_or_default();
                if key == "--reuid" || key == "--euid" {
                    let named = user(&sys, &value).await.map(|(uid, ..)| uid);
                    uid = value.parse().ok().or(named);
                    if uid.is_none() {
                        sys.eprint(format!("setpriv: failed to get uid: {value}\n")).await;
                        return Exit(127);
                    }
                } else if key == "--regid" || key == "--egid" {
                    gid = value.parse().ok().or(Names::read(&sys).await.gid(&value));
                    if gid.is_none() {
                        sys.eprint(format!("setpriv: failed to get gid: {value}\n")).await;
                        return Exit(127);
                    }
                }
            }
            option => {
                sys.eprint(format!("setpriv: {option}: not simulated in vethlab\n")).await;
                return Exit(127);
            }
        }
    }
    let command: Vec<String> = words.collect();
    let Some(name) = command.first().cloned() else {
        sys.eprint("setpriv: No program specified\n").await;
        return Exit(127);
    };
    if (uid.is_some() || gid.is_some()) && sys.uid().await != 0 {
        let call = if uid.is_some() { "setresuid" } else { "setresgid" };
        sys.eprint(format!("setpriv: {call} failed: Operation not permitted\n")).await;
        return Exit(127);
    }
    let errno = sys.exec(Start { uid, gid, ..Start::new(command) }).await;
    sys.eprint(format!("setpriv: failed to execute {name}: {errno}\n")).await;
    Exit(if errno == net::Errno::ENOENT { 127 } else { 126 })
}
