//! `wget` of busybox: fetches a URL with `curl`'s engine. Simulated: -q, -O FILE, -T SECONDS, --spider, --timeout=,
//! --header=, --post-data=. Source: busybox `networking/wget.c`.

use linux::{Args, Command, Exit, OpenFlags, Start, Sys};

pub static WGET: Command =
    Command { name: "wget", path: "/bin/wget", man: "wget(1)", run: |sys, args| Box::pin(wget(sys, args)) };

#[derive(Default)]
struct Wanted {
    quiet: bool,
    spider: bool,
    output: Option<String>,
    timeout: Option<String>,
    headers: Vec<String>,
    data: Option<String>,
    url: String,
}

/// The words of a command line; the first one that is not understood.
fn parse(words: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value =
            |name: &str| words.next().cloned().ok_or(format!("option requires an argument -- '{name}'"));
        match word
            .split_once('=')
            .map_or((word.as_str(), None), |(name, value)| (name, Some(value.to_owned())))
        {
            ("--spider", None) => wanted.spider = true,
            ("--quiet", None) => wanted.quiet = true,
            ("--timeout", Some(seconds)) => wanted.timeout = Some(seconds),
            ("--output-document", Some(file)) => wanted.output = Some(file),
            ("--header", Some(header)) => wanted.headers.push(header),
            ("--header", None) => wanted.headers.push(value("header")?),
            ("--post-data", Some(data)) => wanted.data = Some(data),
            (long, _) if long.starts_with("--") => return Err(format!("unrecognized option '{long}'")),
            _ if word.starts_with('-') && word.len() > 1 => {
                for (at, letter) in word.char_indices().skip(1) {
                    let rest = &word[at + letter.len_utf8()..];
                    let mut value =
                        |name: &str| if rest.is_empty() { value(name) } else { Ok(rest.to_owned()) };
                    match letter {
                        'q' => wanted.quiet = true,
                        'S' => return Err("-S: not simulated in vethlab; use curl -v".to_owned()),
                        'O' => wanted.output = Some(value("O")?),
                        'T' => wanted.timeout = Some(value("T")?),
                        other => return Err(format!("invalid option -- '{other}'")),
                    }
                    if "OT".contains(letter) {
                        break;
                    }
                }
            }
            _ => wanted.url.clone_from(word),
        }
    }
    if wanted.url.is_empty() { Err("missing URL".to_owned()) } else { Ok(wanted) }
}

async fn wget(sys: Sys, args: Args) -> Exit {
    let wanted = match parse(args.rest()) {
        Ok(wanted) => wanted,
        Err(words) => {
            sys.eprint(format!("wget: {words}\nUsage: wget [-q] [-O FILE] [-T SEC] [--spider] URL\n")).await;
            return Exit::FAILURE;
        }
    };
    let url = if wanted.url.contains("://") { wanted.url.clone() } else { format!("http://{}", wanted.url) };
    let host = url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
    let (Ok((reader, writer)), Ok(null)) =
        (sys.pipe().await, sys.open("/dev/null", OpenFlags::READ_WRITE).await)
    else {
        return Exit::FAILURE;
    };
    let status = "\n%{stderr}%{http_code} %{remote_ip} %{remote_port}";
    let mut words =
        vec!["curl", "-sL", "-w", status, "--max-time", wanted.timeout.as_deref().unwrap_or("900")];
    for header in &wanted.headers {
        words.extend(["-H", header]);
    }
    if let Some(data) = &wanted.data {
        words.extend(["-d", data]);
    }
    words.extend(["-A", "Wget", &url]);
    let Ok((told, telling)) = sys.pipe().await else { return Exit::FAILURE };
    let files = Some(vec![(0, null), (1, writer), (2, telling)]);
    // curl may be missing in the image; it is a part of this program here.
    let start = Start { files, ..Start::new(words) };
    let started = sys.spawn_command("curl", start).await;
    for fd in [writer, telling, null] {
        sys.close(fd).await.ok();
    }
    let Ok(child) = started else { return Exit::FAILURE };
    let mut body = sys.read_all(reader).await.unwrap_or_default();
    let told = String::from_utf8_lossy(&sys.read_all(told).await.unwrap_or_default()).into_owned();
    let exit = sys.wait_child(child).await;
    body.pop();
    finish(&sys, &wanted, &host, exit, &told, body).await
}

async fn finish(sys: &Sys, wanted: &Wanted, host: &str, exit: Exit, told: &str, body: Vec<u8>) -> Exit {
    let mut parts = told.split(' ');
    let code = parts.next().unwrap_or_default().to_owned();
    let (address, port) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let asked = host.rsplit_once(':').map_or("80", |(_, port)| port);
    if !wanted.quiet && !address.is_empty() {
        sys.eprint(format!("Connecting to {host} ({address}:{port})\n")).await;
    }
    let failed = match exit.0 {
        0 if code.starts_with('2') => None,
        0 => Some(format!(
            "server returned error: HTTP/1.1 {code} {}",
            if code == "404" { "Not Found" } else { "" }
        )),
        6 => Some(format!("bad address '{host}'")),
        7 => Some(format!(
            "can't connect to remote host ({}): Connection refused",
            if address.is_empty() { name } else { address }
        )),
        28 => Some("download timed out".to_owned()),
        _ => Some(format!("error getting response from {name}:{asked}")),
    };
    if let Some(words) = failed {
        sys.eprint(format!("wget: {}\n", words.trim_end())).await;
        return Exit::FAILURE;
    }
    if wanted.spider {
        if !wanted.quiet {
            sys.eprint("remote file exists\n").await;
        }
        return Exit::OK;
    }
    let usual = wanted.url.rsplit('/').next().filter(|it| !it.is_empty() && wanted.url.contains('/'));
    let file = wanted.output.clone().unwrap_or_else(|| usual.unwrap_or("index.html").to_owned());
    if file == "-" {
        sys.write(1, &body).await.ok();
        return Exit::OK;
    }
    if wanted.output.is_none() && sys.exists(&file).await {
        sys.eprint(format!("wget: can't open '{file}': File exists\n")).await;
        return Exit::FAILURE;
    }
    if !wanted.quiet {
        sys.eprint(format!("saving to '{file}'\n'{file}' saved\n")).await;
    }
    match sys.write_file(&file, &body).await {
        Ok(()) => Exit::OK,
        Err(errno) => {
            sys.eprint(format!("wget: can't open '{file}': {errno}\n")).await;
            Exit::FAILURE
        }
    }
}
