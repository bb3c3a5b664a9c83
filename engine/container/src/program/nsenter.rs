//! `nsenter`: runs a program in the network namespace, or the whole container, of a process.
//! Simulated: -t PID, `-n[FILE]`, -a, -m, -u, -i, -p (with -m: the container's root and process numbers).
//! Source: nsenter(1), util-linux 2.38.

use linux::{Args, Command, Exit, Start, Sys};

pub static NSENTER: Command = Command {
    name: "nsenter",
    path: "/usr/bin/nsenter",
    man: "nsenter(1)",
    run: |sys, args| Box::pin(nsenter(sys, args)),
};

async fn nsenter(sys: Sys, args: Args) -> Exit {
    let (mut target, mut net, mut root) = (None, None, false);
    let mut words = args.rest().iter();
    let mut command: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-t" | "--target" => target = words.next().and_then(|it| it.parse::<u32>().ok()),
            "-n" | "--net" => net = Some(String::new()),
            "-a" | "--all" => (net, root) = (Some(String::new()), true),
            "-m" | "--mount" => root = true,
            "-u" | "--uts" | "-i" | "--ipc" | "-p" | "--pid" => {}
            "--" => {}
            it if it.starts_with("--net=") => net = Some(it["--net=".len()..].to_owned()),
            it if it.starts_with("--target=") => target = it["--target=".len()..].parse().ok(),
            it if it.starts_with("-n") && it.len() > 2 => net = Some(it[2..].to_owned()),
            it if it.starts_with('-') => {
                sys.eprint(format!(
                    "nsenter: {it}: not simulated in vethlab; use -t PID with -n, -m or -a\n"
                ))
                .await;
                return Exit::FAILURE;
            }
            _ => {
                command.push(word.clone());
                command.extend(words.by_ref().cloned());
            }
        }
    }
    if command.is_empty() {
        command.push(sys.env("SHELL").await.unwrap_or_else(|| "/bin/sh".to_owned()));
    }
    let mut start = Start::new(command.clone());
    match net.as_deref() {
        Some("") | None if target.is_none() => {
            sys.eprint("nsenter: no target PID specified\n").await;
            return Exit::FAILURE;
        }
        Some("") => {
            let path = format!("/proc/{}/ns/net", target.unwrap_or(0));
            match sys.netns_at(&path).await {
                Ok(netns) => start.netns = Some((netns, None)),
                Err(errno) => {
                    sys.eprint(format!("nsenter: cannot open {path}: {errno}\n")).await;
                    return Exit::FAILURE;
                }
            }
        }
        Some(path) => match sys.netns_at(path).await {
            Ok(netns) => start.netns = Some((netns, None)),
            Err(errno) => {
                sys.eprint(format!("nsenter: cannot open {path}: {errno}\n")).await;
                return Exit::FAILURE;
            }
        },
        None => {}
    }
    if root {
        start.container = sys.container_of(target.unwrap_or(0)).await;
        start.cwd = Some("/".to_owned());
    }
    match sys.spawn(start).await {
        Ok(child) => sys.wait_child(child).await,
        Err(errno) => {
            let name = command.first().map_or("", String::as_str);
            sys.eprint(format!("nsenter: failed to execute {name}: {errno}\n")).await;
            Exit(if errno == net::Errno::ENOENT { 127 } else { 126 })
        }
    }
}
