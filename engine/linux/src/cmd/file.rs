//! `mkdir`, `rmdir`, `rm`, `touch`, `ln`: files come and go. Source: the man pages of coreutils. Not simulated: rm -i.
//! ```transcript
//! host# mkdir a/b
//! mkdir: cannot create directory 'a/b': No such file or directory
//! ```

use super::coreutils::{HELP, Line, VERSION, misused, quoted};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::fs::{FileKind, OpenFlags};
use crate::sys::Sys;
use net::Errno;

pub const MKDIR: Command = Command {
    name: "mkdir",
    path: "/usr/bin/mkdir",
    man: "mkdir(1)",
    run: |sys, args| Box::pin(mkdir(sys, args)),
};
pub const RMDIR: Command = Command {
    name: "rmdir",
    path: "/usr/bin/rmdir",
    man: "rmdir(1)",
    run: |sys, args| Box::pin(rmdir(sys, args)),
};
pub const RM: Command =
    Command { name: "rm", path: "/usr/bin/rm", man: "rm(1)", run: |sys, args| Box::pin(rm(sys, args)) };
pub const TOUCH: Command = Command {
    name: "touch",
    path: "/usr/bin/touch",
    man: "touch(1)",
    run: |sys, args| Box::pin(touch(sys, args)),
};
pub const LN: Command =
    Command { name: "ln", path: "/usr/bin/ln", man: "ln(1)", run: |sys, args| Box::pin(ln(sys, args)) };

const MKDIR_LONG: &[Long] = &[
    HELP,
    VERSION,
    ("mode", Takes::Value, 'm'),
    ("parents", Takes::Nothing, 'p'),
    ("verbose", Takes::Nothing, 'v'),
];

async fn mkdir(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "m:pv", MKDIR_LONG, "[OPTION]... DIRECTORY...", 1).await {
        Ok(line) if line.operands.is_empty() => return misused(&sys, "mkdir", "missing operand").await,
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let mode = match line.value('m').map(|text| u16::from_str_radix(text, 8)) {
        None => 0o755,
        Some(Ok(mode)) => mode,
        Some(Err(_)) => {
            sys.eprint(format!("mkdir: invalid mode {}\n", quoted(line.value('m').unwrap_or_default())))
                .await;
            return Exit::FAILURE;
        }
    };
    let mut exit = Exit::OK;
    for path in &line.operands {
        let steps: Vec<String> = match line.has('p') {
            false => vec![path.clone()],
            true => path
                .match_indices('/')
                .map(|(at, _)| at)
                .filter(|at| *at > 0)
                .chain([path.len()])
                .map(|at| path[..at].to_owned())
                .collect(),
        };
        for step in steps {
            match sys.mkdir(&step, mode).await {
                Ok(()) if line.has('v') => {
                    sys.print(format!("mkdir: created directory {}\n", quoted(&step))).await
                }
                Ok(()) => {}
                Err(Errno::EEXIST) if line.has('p') && is_directory(&sys, &step).await => {}
                Err(errno) => {
                    sys.eprint(format!("mkdir: cannot create directory {}: {errno}\n", quoted(&step))).await;
                    exit = Exit::FAILURE;
                    break;
                }
            }
        }
    }
    exit
}

pub(super) async fn is_directory(sys: &Sys, path: &str) -> bool {
    sys.stat(path).await.is_ok_and(|stat| stat.kind == FileKind::Directory)
}

async fn rmdir(sys: Sys, args: Args) -> Exit {
    let long = &[HELP, VERSION, ("parents", Takes::Nothing, 'p')];
    let line = match Line::read(&sys, &args, "p", long, "[OPTION]... DIRECTORY...", 1).await {
        Ok(line) if line.operands.is_empty() => return misused(&sys, "rmdir", "missing operand").await,
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let mut exit = Exit::OK;
    for path in &line.operands {
        let mut step = path.trim_end_matches('/');
        loop {
            if let Err(errno) = sys.rmdir(step).await {
                sys.eprint(format!("rmdir: failed to remove {}: {errno}\n", quoted(step))).await;
                exit = Exit::FAILURE;
                break;
            }
            match step.rsplit_once('/').filter(|(parent, _)| line.has('p') && !parent.is_empty()) {
                Some((parent, _)) => step = parent,
                None => break,
            }
        }
    }
    exit
}

const RM_LONG: &[Long] = &[
    HELP,
    VERSION,
    ("force", Takes::Nothing, 'f'),
    ("recursive", Takes::Nothing, 'r'),
    ("verbose", Takes::Nothing, 'v'),
];

async fn rm(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "dfirRv", RM_LONG, "[OPTION]... [FILE]...", 1).await {
        Ok(line) if line.operands.is_empty() && !line.has('f') => {
            return misused(&sys, "rm", "missing operand").await;
        }
        Ok(line) => line,
        Err(exit) => return exit,
    };
    if line.has('i') {
        sys.eprint("rm: -i: not simulated in vethlab; name the files to remove\n").await;
        return Exit::FAILURE;
    }
    let (recursive, force) = (line.has('r') || line.has('R'), line.has('f'));
    let mut exit = Exit::OK;
    for path in &line.operands {
        let refused = match sys.lstat(path).await {
            Err(Errno::ENOENT | Errno::ENOTDIR) if force => continue,
            Err(errno) => Some(errno),
            Ok(stat) if stat.kind == FileKind::Directory && recursive => remove_tree(&sys, path).await.err(),
            Ok(stat) if stat.kind == FileKind::Directory && line.has('d') => sys.rmdir(path).await.err(),
            Ok(stat) if stat.kind == FileKind::Directory => Some(Errno::EISDIR),
            Ok(_) => sys.remove(path).await.err(),
        };
        match refused {
            Some(errno) => {
                sys.eprint(format!("rm: cannot remove {}: {errno}\n", quoted(path))).await;
                exit = Exit::FAILURE;
            }
            None if line.has('v') => sys.print(format!("removed {}\n", quoted(path))).await,
            None => {}
        }
    }
    exit
}

/// A directory and all below it, the deepest first.
async fn remove_tree(sys: &Sys, root: &str) -> Result<(), Errno> {
    let (mut todo, mut emptied) = (vec![root.to_owned()], Vec::new());
    while let Some(directory) = todo.pop() {
        for entry in sys.read_dir(&directory).await? {
            let path = format!("{directory}/{}", entry.name);
            match entry.stat.kind {
                FileKind::Directory => todo.push(path),
                _ => sys.remove(&path).await?,
            }
        }
        emptied.push(directory);
    }
    for directory in emptied.iter().rev() {
        sys.rmdir(directory).await?;
    }
    Ok(())
}

async fn touch(sys: Sys, args: Args) -> Exit {
    let long = &[HELP, VERSION, ("no-create", Takes::Nothing, 'c')];
    let line = match Line::read(&sys, &args, "acm", long, "[OPTION]... FILE...", 1).await {
        Ok(line) if line.operands.is_empty() => return misused(&sys, "touch", "missing file operand").await,
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let (mut exit, now) = (Exit::OK, sys.now().await);
    for path in &line.operands {
        let done = match sys.stat(path).await {
            Ok(_) => sys.utime(path, now).await,
            Err(Errno::ENOENT) if line.has('c') => Ok(()),
            Err(Errno::ENOENT) => match sys.open(path, OpenFlags::APPEND).await {
                Ok(fd) => sys.close(fd).await,
                Err(errno) => Err(errno),
            },
            Err(errno) => Err(errno),
        };
        if let Err(errno) = done {
            sys.eprint(format!("touch: cannot touch {}: {errno}\n", quoted(path))).await;
            exit = Exit::FAILURE;
        }
    }
    exit
}

const LN_LONG: &[Long] = &[HELP, VERSION, ("force", Takes::Nothing, 'f'), ("symbolic", Takes::Nothing, 's')];

async fn ln(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "fnsT", LN_LONG, "[OPTION]... TARGET LINK_NAME", 1).await {
        Ok(line) if line.operands.is_empty() => return misused(&sys, "ln", "missing file operand").await,
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let target = &line.operands[0];
    let last = target.rsplit('/').next().unwrap_or_default().to_owned();
    let name = match line.operands.get(1) {
        Some(name) if is_directory(&sys, name).await && !line.has('n') && !line.has('T') => {
            format!("{name}/{last}")
        }
        Some(name) => name.clone(),
        None => last,
    };
    if line.has('f') && sys.lstat(&name).await.is_ok() {
        sys.remove(&name).await.unwrap_or_default();
    }
    let (made, kind) = match line.has('s') {
        true => (sys.symlink(target, &name).await, "symbolic"),
        false => (sys.link(target, &name).await, "hard"),
    };
    match made {
        Ok(()) => Exit::OK,
        Err(errno) => {
            let what = if kind == "hard" {
                format!("{} => {}", quoted(&name), quoted(target))
            } else {
                quoted(&name)
            };
            sys.eprint(format!("ln: failed to create {kind} link {what}: {errno}\n")).await;
            Exit::FAILURE
        }
    }
}
