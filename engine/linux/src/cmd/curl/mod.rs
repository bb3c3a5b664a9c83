//! `curl`: asks web servers and shows what they answer. Source: curl(1), curl 7.88.1.
//! Not simulated: protocols other than HTTP/1.x, cookie files, --next, --parallel, -K, -C, -z.
//!
//! Always: what -v, the meter and the errors say is what happened on the wire.
//! Differs from curl: of TLS the greeting alone (see [`crate::tls`]); URLs of one command are asked one after another.

mod connect;
mod data;
mod glob;
mod handle;
mod http;
mod names;
mod options;
mod request;
mod show;
mod sink;
mod tls;
mod url;
mod write_out;

use super::{Args, Command, Exit};
use crate::sys::Sys;
use handle::{Body, Failure, Handle, Info};
use options::{Meter, Options, Output, Wrong};
use sink::Sink;
use std::time::Duration;
use url::Url;
use write_out::Told;

pub const CURL: Command = Command {
    name: "curl",
    path: "/usr/bin/curl",
    man: "curl(1)",
    run: |sys, args| Box::pin(curl(sys, args)),
};

const TRY: &str = "curl: try 'curl --help' or 'curl --manual' for more information\n";
/// RETRY_SLEEP_DEFAULT and RETRY_SLEEP_MAX
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(600);

/// `Warning: `, broken to 79 columns.
fn warning(text: &str) -> String {
    const WIDTH: usize = 79 - "Warning: ".len();
    let mut told = String::new();
    let mut rest = text;
    while rest.len() > WIDTH && rest.is_ascii() {
        let blank = rest[1..WIDTH].rfind([' ', '\t']).map(|at| at + 1);
        let cut = blank.unwrap_or(WIDTH - 1) + 1;
        told += &format!("Warning: {}\n", &rest[..cut]);
        rest = &rest[cut..];
    }
    if rest.is_empty() { told } else { told + "Warning: " + rest }
}

async fn curl(sys: Sys, args: Args) -> Exit {
    let options = match Options::parse(args.rest()) {
        Ok(mut options) => {
            options.read_environment(&sys).await;
            options
        }
        Err((word, Wrong::Option(reason))) => {
            sys.eprint(format!("curl: option {word}: {reason}\n{TRY}")).await;
            return Exit(2);
        }
        Err((_, Wrong::NotSimulated(name))) => {
            sys.eprint(format!("curl: {name}: not simulated in vethlab; use plain HTTP/1.1 options\n")).await;
            return Exit(2);
        }
    };
    if options.help {
        sys.print(include_str!("help.txt")).await;
        return Exit::OK;
    }
    if options.version {
        sys.print(include_str!("version.txt")).await;
        return Exit::OK;
    }
    if options.urls.is_empty() {
        let reason = if args.rest().is_empty() { "" } else { "curl: no URL specified!\n" };
        sys.eprint(format!("{reason}{TRY}")).await;
        return Exit(2);
    }
    match run(&sys, &options).await {
        Ok(exit) => exit,
        Err(failure) => {
            if options.tells_errors() {
                sys.eprint(format!("curl: ({}) {}\n", failure.code, failure.text)).await;
            }
            Exit(failure.code)
        }
    }
}

async fn run(sys: &Sys, options: &Options) -> Result<Exit, Failure> {
    if usize::from(options.head)
        + usize::from(!options.data.is_empty() && !options.get)
        + usize::from(!options.form.is_empty())
        > 1
    {
        let text = "You can only select one HTTP request method! POST (-d, --data), HEAD (-I, --head) or multipart formpost (-F, --form).";
        if !options.silent {
            sys.eprint(warning(text) + "\n").await;
        }
        return Err(Failure::new(2, "Failed initialization"));
    }
    for entry in &options.resolve {
        if !is_entry(entry) {
            return Err(Failure::new(49, format!("Couldn't parse CURLOPT_RESOLVE entry '{entry}'")));
        }
    }
    let (body, query) = data::body(sys, options).await?;
    if let Some(path) = options.dump_header.as_deref().filter(|path| *path != "-") {
        sys.write_file(path, b"").await.map_err(|_| Failure::new(23, "Failed to open the file"))?;
    }
    let mut handle = Handle::new(sys, options);
    let mut exit = Exit::OK;
    let mut number = 0;
    for (index, pattern) in options.urls.iter().enumerate() {
        let urls = match options.glob {
            false => vec![(pattern.clone(), Vec::new())],
            true => glob::expand(pattern).map_err(|bad| Failure::new(3, glob::complaint(bad, pattern)))?,
        };
        for (url, marks) in urls {
            let mut url = url;
            if !query.is_empty() {
                let joint = if url.contains('?') { '&' } else { '?' };
                url = format!("{url}{joint}{query}");
            }
            let mut job = Job { url, marks, index, number, body: body.clone() };
            number += 1;
            exit = Exit(job.run(&mut handle).await);
            if exit != Exit::OK && options.fail_early {
                return Ok(exit);
            }
        }
    }
    Ok(exit)
}

/// `[+]HOST:PORT:ADDRESS`, or `-HOST:PORT`.
fn is_entry(entry: &str) -> bool {
    let (fields, removes) = match entry.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (entry.strip_prefix('+').unwrap_or(entry), false),
    };
    let mut parts = fields.splitn(3, ':');
    let (host, port, address) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let port = port.is_some_and(|port| port.parse::<u16>().is_ok());
    !host.is_empty() && port && (removes || address.is_some_and(|address| !address.is_empty()))
}

/// One URL to be fetched.
struct Job {
    url: String,
    /// What `#1`, `#2` … of the pattern stand for.
    marks: Vec<String>,
    /// Which URL of the command line it comes from.
    index: usize,
    number: usize,
    body: Body,
}

impl Job {
    async fn run(&mut self, handle: &mut Handle<'_>) -> u8 {
        let (sys, options) = (handle.sys.clone(), handle.options);
        let mut sink = match self.prepare(&sys, options).await {
            Ok(sink) => sink,
            Err(failure) => {
                self.complain(&sys, options, &failure).await;
                return failure.code;
            }
        };
        let on_terminal = sink.path().is_none() && sys.is_tty(1).await;
        let meter = if options.silent || on_terminal { Meter::Off } else { options.meter };
        handle.show.transfer(meter, on_terminal);
        let begun = sys.now().await;
        let (mut left, mut pause) = (options.retries, options.retry_delay.unwrap_or(RETRY));
        loop {
            let mut info = Info { url: self.url.clone(), ..Info::default() };
            let mut failure = handle.transfer(&self.url, &self.body, &mut info, &mut sink).await.err();
            if failure.is_none() && options.fail_with_body && info.status >= 400 {
                failure =
                    Some(Failure::new(22, format!("The requested URL returned error: {}", info.status)));
            }
            if let Some(failure) = &failure {
                self.complain(&sys, options, failure).await;
            } else if sink.bytes == 0 && sink.path().is_some() {
                // An empty answer makes an empty file.
                sink.open().await.ok();
            }
            let in_time = options.retry_max.is_zero() || sys.now().await - begun < options.retry_max;
            let reason = reason_to_retry(options, &info, failure.as_ref()).filter(|_| left > 0 && in_time);
            let Some(reason) = reason else {
                handle.show.end().await;
                self.write_out(&sys, options, &info, failure.as_ref(), &sink).await;
                sink.close().await;
                return failure.map_or(0, |failure| failure.code);
            };
            let after = info.retry_after.filter(|_| reason == ": HTTP error").map(Duration::from_secs);
            let wait = after.filter(|after| !after.is_zero()).unwrap_or(pause);
            if !options.silent {
                let seconds = wait.as_secs();
                let text = format!("Problem {reason}. Will retry in {seconds} seconds. {left} retries left.");
                sys.eprint(warning(&text) + "\n").await;
                if sink.bytes > 0 && sink.path().is_some() {
                    sys.eprint(format!("Throwing away {} bytes\n", sink.bytes)).await;
                }
            }
            left -= 1;
            if options.retry_delay.is_none() {
                pause = (pause * 2).min(RETRY_MOST);
            }
            sink.close().await;
            sink.bytes = 0;
            sys.sleep(wait).await;
        }
    }

    /// Where its body goes and what it sends.
    async fn prepare(&mut self, sys: &Sys, options: &Options) -> Result<Sink, Failure> {
        if let Some(path) = options.uploads.get(self.index) {
            self.body = match data::upload(sys, path).await {
                Err(failure) => {
                    sys.eprint(format!("curl: Can't open '{path}'!\n{TRY}")).await;
                    return Err(failure);
                }
                body => body?,
            };
            if let Some(url) =
                Url::parse(&self.url, true).filter(|url| url.path.ends_with('/') && path != "-")
            {
                let name = path.rsplit('/').next().unwrap_or_default();
                self.url = Url { path: format!("{}{name}", url.path), ..url }.text();
            }
        }
        let remote = Some(Output::Remote).filter(|_| options.remote_all);
        let path = match options.outputs.get(self.index).cloned().or(remote) {
            None => None,
            Some(Output::File(path)) => Some(self.with_marks(&path)),
            Some(Output::Remote) => {
                let url = Url::parse(&self.url, true)
                    .ok_or_else(|| Failure::new(3, "URL using bad/illegal format or missing URL"))?;
                let name = url.path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
                if name.is_empty() {
                    if !options.silent {
                        sys.eprint("curl: Remote file name has no length!\n").await;
                    }
                    return Err(Failure::new(23, "Failed writing received data to disk/application"));
                }
                Some(name)
            }
        };
        let path = match (&options.output_dir, path) {
            (Some(folder), Some(path)) if path != "-" => Some(format!("{folder}/{path}")),
            (_, path) => path,
        };
        Ok(Sink::new(sys, options, path))
    }

    /// -o with `#1` filled in.
    fn with_marks(&self, path: &str) -> String {
        let mut name = path.to_owned();
        for (index, mark) in self.marks.iter().enumerate().rev() {
            name = name.replace(&format!("#{}", index + 1), mark);
        }
        name
    }

    async fn complain(&self, sys: &Sys, options: &Options, failure: &Failure) {
        if options.tells_errors() {
            sys.eprint(format!("curl: ({}) {}\n", failure.code, failure.text)).await;
        }
    }

    async fn write_out(
        &self,
        sys: &Sys,
        options: &Options,
        info: &Info,
        failure: Option<&Failure>,
        sink: &Sink,
    ) {
        let Some(template) = &options.write_out else { return };
        let read = match template.strip_prefix('@') {
            Some("-") => String::from_utf8_lossy(&sys.read_all(0).await.unwrap_or_default()).into_owned(),
            Some(path) => {
                String::from_utf8_lossy(&sys.read_file(path).await.unwrap_or_default()).into_owned()
            }
            None => template.clone(),
        };
        let told = Told { info, failure, file: sink.path(), number: self.number };
        let (out, err) = told.fill(&read);
        sys.print(out).await;
        sys.eprint(err).await;
    }
}

/// Why it should be tried again, in curl's words.
fn reason_to_retry(options: &Options, info: &Info, failure: Option<&Failure>) -> Option<&'static str> {
    match failure {
        Some(Failure { code: 5 | 6 | 28, .. }) => Some(": timeout"),
        Some(Failure { code: 7, refused: true, .. }) if options.retry_refused => Some(": connection refused"),
        None | Some(Failure { code: 22, .. }) if matches!(info.status, 408 | 429 | 500 | 502 | 503 | 504) => {
            Some(": HTTP error")
        }
        Some(_) if options.retry_all => Some("(retrying all errors)"),
        _ => None,
    }
}
