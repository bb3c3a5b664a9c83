//! `ip netns`: named namespaces, and programs in them.
//!
//! Differs from iproute2: `netns monitor` is not simulated.

use crate::cmd::iproute2::run::{Run, refused};
use crate::cmd::iproute2::{Stop, Words, matches, number};
use crate::run::Start;
use api::NetnsId;
use net::Errno;
use net::rtnetlink::NetlinkError;

/// NAME_MAX
const NAME_BYTES: usize = 255;

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/netns.txt"))
}

fn invalid(name: &str) -> bool {
    name.is_empty() || name.len() > NAME_BYTES || name.contains('/') || name == "." || name == ".."
}

fn fail(text: impl Into<String>) -> Stop {
    Stop::fail(1, text)
}

/// What a namespace file that cannot be opened is told with.
fn cannot_open(name: &str, error: Errno) -> String {
    match error {
        Errno::EINVAL | Errno::EPERM => format!("setting the network namespace \"{name}\" failed: {error}\n"),
        _ => format!("Cannot open network namespace \"{name}\": {error}\n"),
    }
}

pub async fn netns(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list(run).await };
    if let Some(name) = words.peek().filter(|name| !run.options.all && invalid(name)) {
        return Err(Stop::exit(255, format!("Invalid netns name \"{name}\"\n")));
    }
    let is = |full| matches(verb, full);
    match verb {
        _ if is("list") || is("show") || is("lst") => list(run).await,
        _ if is("list-id") => list_id(run, words).await,
        _ if is("help") => Err(usage()),
        _ if is("add") => add(run, words).await,
        _ if is("set") => set(run, words).await,
        _ if is("delete") => delete(run, words).await,
        _ if is("identify") => identify(run, words).await,
        _ if is("pids") => pids(run, words).await,
        _ if is("exec") => exec(run, words).await,
        _ if is("monitor") => Err(Stop::not_simulated("ip", "netns monitor", "ip monitor nsid")),
        _ if is("attach") => attach(run, words).await,
        _ => Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip netns help\".\n"))),
    }
}

async fn list(run: &mut Run) -> Result<(), Stop> {
    let names = run.sys.netns_names().await;
    let known = run
        .kernel(move |net, ns| -> Vec<(String, Option<i32>)> {
            names.into_iter().map(|(name, other)| (name, net.netns_id(ns, other))).collect()
        })
        .await;
    if known.is_empty() && !run.sys.exists(crate::NETNS_RUN).await {
        return Ok(());
    }
    run.out.begin();
    for (name, nsid) in &known {
        run.out.open_object(None);
        run.out.field("name", name, name);
        if let Some(nsid) = nsid {
            run.out.field("id", *nsid, format_args!(" (id: {nsid})"));
        }
        run.out.text("\n");
        run.out.close_object();
    }
    run.out.end();
    Ok(())
}

async fn list_id(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut wanted = None;
    while let Some(word) = words.next() {
        match word {
            "nsid" => {
                if wanted.is_some() {
                    return Err(Stop::second("nsid", word));
                }
                let value = words.value()?;
                let nsid = number::integer(value).and_then(|nsid| i32::try_from(nsid).ok());
                wanted = Some(nsid.ok_or_else(|| Stop::wrong("\"nsid\" value is invalid", value))?);
            }
            "target-nsid" => {
                return Err(Stop::not_simulated("ip", word, "ip netns exec NAME ip netns list-id"));
            }
            _ => return Err(usage()),
        }
    }
    let snapshot = run.snapshot().await;
    let mut ids = run.kernel(|net, ns| net.netns_ids(ns)).await;
    if let Some(wanted) = wanted {
        ids.retain(|(nsid, _)| *nsid == wanted);
        if ids.is_empty() {
            return Err(refused(&NetlinkError::new(Errno::ENOENT, "Peer netns reference is invalid"), 2));
        }
    }
    run.out.begin();
    for (nsid, _) in ids {
        run.out.open_object(None);
        run.out.field("nsid", nsid, format_args!("nsid {nsid} "));
        if let Some(name) = snapshot.nsid_name(nsid) {
            run.out.field("name", name, format_args!("(iproute2 netns name: {name})"));
        }
        run.out.text("\n");
        run.out.close_object();
    }
    run.out.end();
    Ok(())
}

async fn add(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let name = words.next().ok_or_else(|| fail("No netns name specified\n"))?;
    own_folder(run).await?;
    let cannot = |error| format!("Cannot create namespace file \"{}/{name}\": {error}\n", crate::NETNS_RUN);
    run.sys.netns_add(name).await.map(|_| ()).map_err(|error| fail(cannot(error)))
}

/// /run/netns is a mount of its own, which only root may make one.
async fn own_folder(run: &Run) -> Result<(), Stop> {
    let folder = crate::NETNS_RUN;
    match (run.sys.uid().await, run.sys.exists(folder).await) {
        (0, _) => Ok(()),
        (_, false) => Err(fail(format!("mkdir {folder} failed: {}\n", Errno::EACCES))),
        (_, true) => Err(fail(format!("mount --make-shared {folder} failed: {}\n", Errno::EPERM))),
    }
}

async fn attach(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let (Some(name), Some(word)) = (words.next(), words.next()) else {
        return Err(fail("No netns name and PID specified\n"));
    };
    let pid = number::integer(word).and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid != 0);
    let pid = pid.ok_or_else(|| fail(format!("Invalid PID: {word}\n")))?;
    own_folder(run).await?;
    let path = format!("{}/{name}", crate::NETNS_RUN);
    if run.sys.exists(&path).await {
        return Err(fail(format!("Cannot create namespace file \"{path}\": {}\n", Errno::EEXIST)));
    }
    let Some(netns) = netns_of_process(run, u32::try_from(pid).unwrap_or(0)).await else {
        return Err(fail(format!("Bind /proc/{pid}/ns/net -> {path} failed: {}\n", Errno::ENOENT)));
    };
    let name = name.to_owned();
    let bound = run
        .sys
        .ask(move |system, id| system.netns_bind(system.process(id).machine, &name, Some(netns)))
        .await;
    bound.map(|_| ()).map_err(|error| fail(format!("Cannot create namespace file \"{path}\": {error}\n")))
}

async fn set(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let name = words.next().ok_or_else(|| fail("No netns name specified\n"))?;
    let value = words.next().ok_or_else(|| fail("No nsid specified\n"))?;
    let nsid = match value {
        "auto" => None,
        _ => match number::integer(value).and_then(|nsid| i32::try_from(nsid).ok()) {
            None => return Err(Stop::wrong("Invalid \"netnsid\" value", value)),
            Some(..0) => return Err(Stop::wrong("\"netnsid\" value should be >= 0", value)),
            Some(nsid) => Some(nsid),
        },
    };
    let other = run.sys.netns_named(name).await.map_err(|error| fail(cannot_open(name, error)))?;
    run.request(move |net, ns| net.netns_id_set(ns, other, nsid)).await
}

async fn delete(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    if run.options.all {
        for (name, _) in run.sys.netns_names().await {
            delete_one(run, &name).await?;
        }
        return Ok(());
    }
    let name = words.next().ok_or_else(|| fail("No netns name specified\n"))?;
    delete_one(run, name).await
}

async fn delete_one(run: &Run, name: &str) -> Result<(), Stop> {
    let cannot = |error| format!("Cannot remove namespace file \"{}/{name}\": {error}\n", crate::NETNS_RUN);
    run.sys.netns_delete(name).await.map_err(|error| fail(cannot(error)))
}

async fn netns_of_process(run: &Run, pid: u32) -> Option<NetnsId> {
    run.sys
        .ask(move |system, id| {
            let machine = system.process(id).machine;
            let mut here = system.processes().filter(|process| process.machine == machine);
            let found = here.find(|process| process.pid == pid && process.exit.is_none());
            // Process 1 is the machine itself.
            found.map(|process| process.netns).or((pid == 1).then(|| system.host(machine).netns))
        })
        .await
}

async fn identify(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let pid = words.next();
    if !words.is_empty() {
        return Err(fail("extra arguments specified\n"));
    }
    let netns = match pid {
        None => Some(run.sys.net(|_, netns| netns).await),
        Some(word) if !word.bytes().all(|digit| digit.is_ascii_digit()) => {
            return Err(fail(format!("Specified string '{word}' is not a pid\n")));
        }
        Some(word) => netns_of_process(run, word.parse().unwrap_or(0)).await,
    };
    let missing = || fail(format!("Cannot open network namespace: {}\n", Errno::ENOENT));
    let netns = netns.ok_or_else(missing)?;
    // The last name that fits is told.
    let names = run.sys.netns_names().await;
    let name = names.iter().rfind(|(_, bound)| *bound == netns).map_or("", |(name, _)| name.as_str());
    run.out.text(format_args!("{name}\n"));
    Ok(())
}

async fn pids(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let name = words.next().ok_or_else(|| fail("No netns name specified\n"))?;
    if !words.is_empty() {
        return Err(fail("extra arguments specified\n"));
    }
    let netns = run.sys.netns_named(name).await;
    let netns = netns.map_err(|error| fail(format!("Cannot open network namespace: {error}\n")))?;
    let mut pids = run
        .sys
        .ask(move |system, id| -> Vec<u32> {
            let machine = system.process(id).machine;
            let here = system.processes().filter(|process| process.machine == machine);
            here.filter(|it| it.netns == netns && it.exit.is_none()).map(|it| it.pid).collect()
        })
        .await;
    pids.sort_unstable();
    pids.iter().for_each(|pid| run.out.text(format_args!("{pid}\n")));
    Ok(())
}

async fn exec(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    if run.options.all {
        return exec_in_all(run, words.rest()).await;
    }
    let name = words.next().ok_or_else(|| fail("No netns name specified\n"))?;
    let arguments = words.rest().to_vec();
    let Some(program) = arguments.first().cloned() else {
        return Err(fail("No command specified\n"));
    };
    let netns = run.sys.netns_to_enter(name).await;
    let netns = netns.map_err(|error| Stop::fail(255, cannot_open(name, error)))?;
    let start = Start { netns: Some((netns, Some(name.to_owned()))), ..Start::new(arguments) };
    run.flush().await;
    if run.in_batch {
        return match run.sys.spawn(start).await {
            Ok(child) => match run.sys.wait_child(child).await {
                crate::cmd::Exit::OK => Ok(()),
                exit => Err(Stop::fail(exit.0, "")),
            },
            Err(error) => Err(not_started(&program, error)),
        };
    }
    let error = run.sys.exec(start).await;
    Err(not_started(&program, error))
}

fn not_started(program: &str, error: Errno) -> Stop {
    fail(format!("exec of \"{program}\" failed: {error}\n"))
}

async fn exec_in_all(run: &mut Run, arguments: &[String]) -> Result<(), Stop> {
    let Some(program) = arguments.first() else { return Err(fail("No command specified\n")) };
    for (name, netns) in run.sys.netns_names().await {
        run.out.text(format_args!("\nnetns: {name}\n"));
        run.flush().await;
        if let Err(error) = run.sys.run(arguments.to_vec(), Some((netns, Some(name)))).await {
            run.sys.eprint(not_started(program, error).text).await;
        }
    }
    Ok(())
}
