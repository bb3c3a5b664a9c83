//! `mktemp`: a new file or directory with a name nobody has. Source: mktemp(1), coreutils 9.1.
//! ```transcript
//! host# mktemp -p /tmp net.XXXXXX | cut -c1-9
//! /tmp/net.
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::OpenFlags;
use crate::sys::Sys;
use net::Errno;

pub const MKTEMP: Command = Command {
    name: "mktemp",
    path: "/usr/bin/mktemp",
    man: "mktemp(1)",
    run: |sys, args| Box::pin(mktemp(sys, args)),
};

const TOOL: Tool = Tool::gnu(
    "mktemp",
    "dp:qtuV",
    &[
        ("directory", Nothing, 'd'),
        ("dry-run", Nothing, 'u'),
        ("quiet", Nothing, 'q'),
        ("suffix", Value, '\u{3}'),
        ("tmpdir", MayValue, 'p'),
    ],
);

const TEMPLATE: &str = "tmp.XXXXXXXXXX";
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Names tried before all are taken to be used up.
const TRIES: usize = 1000;

/// What stands before, how many letters are made up, what stands behind.
struct Template {
    before: String,
    count: usize,
    after: String,
}

fn template(text: &str, suffix: Option<&str>) -> Result<Template, String> {
    if let Some(suffix) = suffix {
        if !text.ends_with('X') {
            return Err(format!("with --suffix, template {} must end in X", quoted(text)));
        }
        if suffix.contains('/') {
            return Err(format!("invalid suffix {}, contains directory separator", quoted(suffix)));
        }
    }
    let end = text.rfind('X').map_or(text.len(), |at| at + 1);
    let (head, after) = text.split_at(end);
    let before = head.trim_end_matches('X');
    let count = head.len() - before.len();
    let whole = format!("{text}{}", suffix.unwrap_or_default());
    match count {
        0..3 => Err(format!("too few X's in template {}", quoted(&whole))),
        _ => Ok(Template {
            before: before.to_owned(),
            count,
            after: after.to_owned() + suffix.unwrap_or_default(),
        }),
    }
}

/// The directory that the template lies in; `None` where it says so itself.
async fn directory(sys: &Sys, options: &Options, given: bool) -> Option<String> {
    let set = sys.env("TMPDIR").await.filter(|path| !path.is_empty());
    let named = options.value('p').filter(|path| !path.is_empty()).map(str::to_owned);
    let default = || "/tmp".to_owned();
    match (options.has('t'), options.has('p') || !given) {
        (true, _) => Some(set.or(named).unwrap_or_else(default)),
        (false, true) => Some(named.or(set).unwrap_or_else(default)),
        (false, false) => None,
    }
}

async fn mktemp(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.has('V') {
        sys.print(format!("mktemp {COREUTILS}\n")).await;
        return Exit::OK;
    }
    if options.operands.len() > 1 {
        return TOOL.wrong(&sys, "too many templates").await;
    }
    let text = options.operands.first().map_or(TEMPLATE, String::as_str);
    let place = directory(&sys, &options, !options.operands.is_empty()).await;
    let mut parts = match template(text, options.value('\u{3}')) {
        Ok(parts) => parts,
        Err(words) => {
            TOOL.complain(&sys, words).await;
            return Exit::FAILURE;
        }
    };
    if let Some(place) = place {
        let refused = match options.has('t') {
            true if text.contains('/') => Some("contains directory separator"),
            false if text.starts_with('/') => Some("it may not be absolute"),
            _ => None,
        };
        if let Some(words) = refused {
            let lead = if options.has('t') { "" } else { "with --tmpdir, " };
            let words = match options.has('t') {
                true => format!("invalid template, {}, {words}", quoted(text)),
                false => format!("invalid template, {}; {lead}{words}", quoted(text)),
            };
            TOOL.complain(&sys, words).await;
            return Exit::FAILURE;
        }
        parts.before = format!("{}/{}", place.trim_end_matches('/'), parts.before);
    }
    make(&sys, &options, &parts).await
}

async fn make(sys: &Sys, options: &Options, parts: &Template) -> Exit {
    let exclusive = OpenFlags { exclusive: true, ..OpenFlags::READ_WRITE };
    let kind = if options.has('d') { "directory" } else { "file" };
    let mut refused = Errno::EEXIST;
    for _ in 0..TRIES {
        let count = parts.count;
        let letters: String = sys
            .ask(move |system, _| {
                (0..count)
                    .map(|_| char::from(LETTERS[system.random.below(LETTERS.len() as u32) as usize]))
                    .collect()
            })
            .await;
        let path = format!("{}{letters}{}", parts.before, parts.after);
        let made = match (options.has('u'), options.has('d')) {
            (true, _) if sys.lstat(&path).await.is_ok() => Err(Errno::EEXIST),
            (true, _) => Ok(()),
            (_, true) => sys.mkdir(&path, 0o700).await,
            _ => match sys.open_mode(&path, exclusive, 0o600).await {
                Ok(fd) => sys.close(fd).await,
                Err(errno) => Err(errno),
            },
        };
        match made {
            Ok(()) => {
                sys.print(path + "\n").await;
                return Exit::OK;
            }
            Err(Errno::EEXIST) => {}
            Err(errno) => {
                refused = errno;
                break;
            }
        }
    }
    if !options.has('q') {
        let path = format!("{}{}{}", parts.before, "X".repeat(parts.count), parts.after);
        let words = format!("failed to create {kind} via template {}: {refused}", quoted(&path));
        TOOL.complain(sys, words).await;
    }
    Exit::FAILURE
}
