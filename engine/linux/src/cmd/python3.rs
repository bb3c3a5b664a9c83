//! `python3`: only `python3 -m http.server [PORT] [--bind ADDRESS] [--directory DIR]`, and its version.
//!
//! Always: anything else says that it is not simulated. The server itself is in `daemon/python`.
//! Differs from Python: without --cgi.
//! Source: Python 3.11 `http/server.py`, `argparse`.

use super::{Args, Command, Exit};
use crate::daemon::python::{self, Server};
use crate::sys::Sys;

pub const PYTHON3: Command = Command {
    name: "python3",
    path: "/usr/bin/python3",
    man: "python3(1)",
    run: |sys, args| Box::pin(python3(sys, args)),
};

const USAGE: &str = "usage: server.py [-h] [--cgi] [-b ADDRESS] [-d DIRECTORY] [-p VERSION] [port]\n";
const HELP: &str = "
positional arguments:
  port                  bind to this port (default: 8000)

options:
  -h, --help            show this help message and exit
  --cgi                 run as CGI server
  -b ADDRESS, --bind ADDRESS
                        bind to this address (default: all interfaces)
  -d DIRECTORY, --directory DIRECTORY
                        serve this directory (default: current directory)
  -p VERSION, --protocol VERSION
                        conform to this HTTP version (default: HTTP/1.0)
";
/// Options by their long names.
const LONG: &[&str] = &["--help", "--cgi", "--bind", "--directory", "--protocol"];
/// EX_USAGE of argparse and of python itself.
const USAGE_EXIT: Exit = Exit(2);

/// What a command line comes to.
enum Asked {
    Help,
    Serve(Server),
    /// An error of argparse's.
    Wrong(String),
    /// Cannot be done here.
    Missing(&'static str),
}

async fn python3(sys: Sys, args: Args) -> Exit {
    // -u: stdout is not held back.
    let unbuffered = args.rest().first().is_some_and(|word| word == "-u");
    let words = &args.rest()[usize::from(unbuffered)..];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let options = match words.as_slice() {
        ["-V" | "--version", ..] => {
            sys.print("Python 3.11.2\n").await;
            return Exit::OK;
        }
        ["-m", "http.server", rest @ ..] | ["-mhttp.server", rest @ ..] => rest,
        _ => {
            let what = "not simulated in vethlab; of Python there is only: python3 -m http.server [PORT]";
            sys.eprint(format!("python3: {what}\n")).await;
            return USAGE_EXIT;
        }
    };
    match asked(options) {
        Asked::Help => {
            sys.print(format!("{USAGE}{HELP}")).await;
            Exit::OK
        }
        Asked::Wrong(text) => {
            sys.eprint(format!("{USAGE}server.py: error: {text}\n")).await;
            USAGE_EXIT
        }
        Asked::Missing(option) => {
            let instead = "use files, as without it";
            sys.eprint(format!("python3: {option}: not simulated in vethlab; {instead}\n")).await;
            USAGE_EXIT
        }
        Asked::Serve(server) => python::run(sys, Server { unbuffered, ..server }).await,
    }
}

fn asked(words: &[&str]) -> Asked {
    let mut server = Server {
        port: 8000,
        bind: None,
        directory: None,
        protocol: String::from("HTTP/1.0"),
        unbuffered: false,
    };
    let mut positional: Vec<&str> = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" || word[1..].parse::<f64>().is_ok() {
            positional.push(word);
            continue;
        }
        if word == "--" {
            positional.extend(words.by_ref());
            break;
        }
        let (option, attached) = match split(word) {
            Ok(found) => found,
            Err(text) => return Asked::Wrong(text),
        };
        match (option, attached) {
            ("--help", None) => return Asked::Help,
            ("--cgi", None) => return Asked::Missing("--cgi"),
            ("--help" | "--cgi", Some(value)) => {
                let shown = if option == "--help" { "-h/--help" } else { option };
                return Asked::Wrong(format!("argument {shown}: ignored explicit argument '{value}'"));
            }
            (option, attached) => {
                let next = || words.next().filter(|value| !value.starts_with('-') || *value == "-");
                let Some(value) = attached.or_else(next) else {
                    let letter = &option[2..3];
                    return Asked::Wrong(format!("argument -{letter}/{option}: expected one argument"));
                };
                match option {
                    "--bind" => server.bind = Some(value.to_owned()),
                    "--directory" => server.directory = Some(value.to_owned()),
                    _ => server.protocol = value.to_owned(),
                }
            }
        }
    }
    let unknown = positional.split_off(positional.len().min(1));
    if let Some(port) = positional.first() {
        match port.replace('_', "").parse() {
            Ok(port) => server.port = port,
            Err(_) => return Asked::Wrong(format!("argument port: invalid int value: '{port}'")),
        }
    }
    match unknown.as_slice() {
        [] => Asked::Serve(server),
        unknown => Asked::Wrong(format!("unrecognized arguments: {}", unknown.join(" "))),
    }
}

/// An option's long name, and the value written together with it.
fn split(word: &str) -> Result<(&'static str, Option<&str>), String> {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let unknown = || format!("unrecognized arguments: {word}");
    if name.starts_with("--") {
        return LONG
            .iter()
            .find(|long| long.starts_with(name))
            .map(|long| (*long, value))
            .ok_or_else(unknown);
    }
    let letter = word.chars().nth(1).ok_or_else(unknown)?;
    let long = ["--help", "--bind", "--directory", "--protocol"].into_iter();
    let found = long.into_iter().find(|long| long.chars().nth(2) == Some(letter)).ok_or_else(unknown)?;
    let rest = &word[1 + letter.len_utf8()..];
    Ok((found, Some(rest.strip_prefix('=').unwrap_or(rest)).filter(|rest| !rest.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        match asked(&line.split_whitespace().collect::<Vec<_>>()) {
            Asked::Help => String::from("help"),
            Asked::Missing(option) => format!("missing {option}"),
            Asked::Wrong(text) => text,
            Asked::Serve(it) => format!("{} {:?} {:?} {}", it.port, it.bind, it.directory, it.protocol),
        }
    }

    #[test]
    fn the_command_line_is_read_as_argparse_reads_it() {
        assert_eq!(told(""), "8000 None None HTTP/1.0");
        assert_eq!(told("-b 10.0.0.1 80 --dir=/srv"), "80 Some(\"10.0.0.1\") Some(\"/srv\") HTTP/1.0");
        assert_eq!(told("-b10.0.0.1 -p HTTP/1.1"), "8000 Some(\"10.0.0.1\") None HTTP/1.1");
        assert_eq!(told("abc"), "argument port: invalid int value: 'abc'");
        assert_eq!(told("80 81"), "unrecognized arguments: 81");
        assert_eq!(told("--bogus"), "unrecognized arguments: --bogus");
        assert_eq!(told("-b"), "argument -b/--bind: expected one argument");
        assert_eq!(told("--cgi"), "missing --cgi");
    }
}
