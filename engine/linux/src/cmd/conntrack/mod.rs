//! `conntrack`: flows listed, deleted, made, changed and followed. Source: conntrack(8), 1.4.7.
//!
//! Differs from Linux: listings are oldest first, not by hash; no expectations, zones, labels or XML.
//! ```transcript
//! host$ conntrack -L
//! conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.
//! ```

mod options;
mod show;

use super::{Args, Command, Exit};
use crate::signal::Signal;
use crate::sys::{Sys, Woke};
use net::netfilter::conntrack::{EventKind, Flow, FlowId, Protocol, Tuple};
use options::{Asked, Verb, Wanted};
use std::time::Duration;

pub const CONNTRACK: Command = Command {
    name: "conntrack",
    path: "/usr/sbin/conntrack",
    man: "conntrack(8)",
    run: |sys, args| Box::pin(conntrack(sys, args)),
};

const SELF: &str = "conntrack v1.4.7 (conntrack-tools)";
const TRY: &str = "Try `conntrack -h' or 'conntrack --help' for more information.";
/// How often `-E` looks for events.
const LOOK: Duration = Duration::from_millis(20);
const IPPROTO_TCP: u8 = 6;

async fn conntrack(sys: Sys, args: Args) -> Exit {
    let asked = match options::read(args.rest()) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            sys.print(usage()).await;
            return Exit(0);
        }
        Err(text) => {
            sys.eprint(format!("{SELF}: {text}\n{TRY}\n")).await;
            return Exit(2);
        }
    };
    if let Some(missing) = missing(&asked) {
        let text = format!("You need to supply the `--{missing}' option for this command");
        sys.eprint(format!("{SELF}: {text}\n{TRY}\n")).await;
        return Exit(2);
    }
    match asked.verb {
        Verb::Help => {
            sys.print(usage()).await;
            return Exit(0);
        }
        Verb::Version => {
            sys.print(format!("{SELF}\n")).await;
            return Exit(0);
        }
        _ => {}
    }
    if sys.uid().await != 0 {
        // These two say what they have done before they look at whether it was.
        match asked.verb {
            Verb::Flush => {
                sys.eprint(format!("{SELF}: connection tracking table has been emptied.\n")).await;
            }
            Verb::Count => {
                let count = sys.net(|net, ns| net.flow_count(ns)).await;
                sys.print(format!("{count}\n")).await;
            }
            _ => {}
        }
        return failed(&sys, "sorry, you must be root or get CAP_NET_ADMIN capability to do this").await;
    }
    match asked.verb {
        Verb::List | Verb::Delete | Verb::Update => each(&sys, asked).await,
        Verb::Get => get(&sys, asked).await,
        Verb::Create => create(&sys, asked.wanted).await,
        Verb::Events => follow(&sys, asked).await,
        Verb::Flush => {
            sys.net(|net, ns| {
                let ids: Vec<FlowId> = net.flows(ns).into_iter().map(|(id, _)| id).collect();
                ids.into_iter().for_each(|id| {
                    net.flow_delete(id);
                });
            })
            .await;
            sys.eprint(format!("{SELF}: connection tracking table has been emptied.\n")).await;
            Exit(0)
        }
        Verb::Count => {
            let count = sys.net(|net, ns| net.flow_count(ns)).await;
            sys.print(format!("{count}\n")).await;
            Exit(0)
        }
        _ => statistics(&sys).await,
    }
}

fn usage() -> String {
    format!(
        "Command line interface for the connection tracking system. Version 1.4.7\n{}",
        include_str!("usage.txt")
    )
}

fn missing(asked: &Asked) -> Option<&'static str> {
    let wanted = &asked.wanted;
    match asked.verb {
        Verb::Create | Verb::Get if wanted.protocol.is_none() => Some("protonum"),
        Verb::Create if wanted.timeout.is_none() => Some("timeout"),
        Verb::Create if wanted.protocol == Some(IPPROTO_TCP) && wanted.state.is_none() => Some("state"),
        Verb::Create | Verb::Get if wanted.source.is_none() && wanted.reply_source.is_none() => {
            Some("orig-src")
        }
        _ => None,
    }
}

async fn failed(sys: &Sys, text: &str) -> Exit {
    sys.eprint(format!("{SELF}: Operation failed: {text}\n")).await;
    Exit(1)
}

/// Lists, deletes or changes each flow that fits.
async fn each(sys: &Sys, asked: Asked) -> Exit {
    let (verb, style) = (asked.verb, asked.style);
    if asked.expectations {
        sys.eprint(format!("{SELF}: 0 expectations have been shown.\n")).await;
        return Exit(0);
    }
    let wanted = asked.wanted;
    let (text, count) = sys
        .net(move |net, ns| {
            let now = net.now();
            // `-U -m 5` sets the mark; it does not choose by it.
            let choice = match verb {
                Verb::Update => Wanted { mark: None, status: 0, state: None, ..wanted.clone() },
                _ => wanted.clone(),
            };
            let chosen: Vec<FlowId> =
                net.flows(ns).into_iter().filter(|(_, flow)| choice.fits(flow)).map(|(id, _)| id).collect();
            if verb == Verb::Update {
                chosen.iter().for_each(|id| net.flow_change(*id, |flow| change(flow, &wanted, now)));
            }
            let flows = net.flows(ns);
            let fitting = flows.iter().filter(|(id, _)| chosen.contains(id));
            let text: String = fitting.map(|(_, flow)| show::flow(flow, style, now)).collect();
            if verb == Verb::Delete {
                chosen.iter().for_each(|id| {
                    net.flow_delete(*id);
                });
            }
            (text, chosen.len())
        })
        .await;
    sys.print(text).await;
    let done = match verb {
        Verb::List => "shown",
        Verb::Delete => "deleted",
        _ => "updated",
    };
    sys.eprint(format!("{SELF}: {count} flow entries have been {done}.\n")).await;
    Exit(u8::from(verb == Verb::Delete && count == 0))
}

fn change(flow: &mut Flow, wanted: &Wanted, now: sim::Instant) {
    if let Some((mark, _)) = wanted.mark {
        flow.mark = mark;
    }
    if let Some(seconds) = wanted.timeout {
        flow.expires = now + Duration::from_secs(seconds);
    }
    flow.status |= wanted.status;
    if let (Protocol::Tcp(tcp), Some(state)) = (&mut flow.protocol, wanted.state) {
        tcp.state = state;
    }
}

async fn get(sys: &Sys, asked: Asked) -> Exit {
    let found = sys
        .net(move |net, ns| {
            let now = net.now();
            let flows = net.flows(ns);
            flows
                .iter()
                .find(|(_, flow)| asked.wanted.fits(flow))
                .map(|(_, flow)| show::flow(flow, asked.style, now))
        })
        .await;
    let Some(line) = found else { return failed(sys, "such conntrack doesn't exist").await };
    sys.print(line).await;
    sys.eprint(format!("{SELF}: 1 flow entries have been shown.\n")).await;
    Exit(0)
}

/// The tuples of a flow made by hand.
fn tuples(wanted: &Wanted) -> Option<(Tuple, Tuple)> {
    let protocol = wanted.protocol?;
    let source = wanted.source.or(wanted.reply_destination)?.0;
    let destination = wanted.destination.or(wanted.reply_source)?.0;
    let [source_port, destination_port, reply_source_port, reply_destination_port] = wanted.ports;
    let (source_port, destination_port) = match protocol {
        1 => {
            let [kind, code, id] = wanted.icmp.map(|it| it.unwrap_or(0));
            (id, u16::from_be_bytes([kind as u8, code as u8]))
        }
        _ => (
            source_port.or(reply_destination_port).unwrap_or(0),
            destination_port.or(reply_source_port).unwrap_or(0),
        ),
    };
    let original = Tuple { source, destination, protocol, source_port, destination_port };
    let mut reply = original.inverted()?;
    let translated = |place: Option<Option<(std::net::IpAddr, Option<u16>)>>| place.flatten();
    if let Some((address, port)) = translated(wanted.dst_nat).or(wanted.reply_source.map(|it| (it.0, None))) {
        reply.source = address;
        reply.source_port = port.unwrap_or(reply.source_port);
    }
    if let Some((address, port)) =
        translated(wanted.src_nat).or(wanted.reply_destination.map(|it| (it.0, None)))
    {
        reply.destination = address;
        reply.destination_port = port.unwrap_or(reply.destination_port);
    }
    if protocol != 1 {
        reply.source_port = reply_source_port.unwrap_or(reply.source_port);
        reply.destination_port = reply_destination_port.unwrap_or(reply.destination_port);
    }
    Some((original, reply))
}

async fn create(sys: &Sys, wanted: Wanted) -> Exit {
    let Some((original, reply)) = tuples(&wanted) else { return failed(sys, "Invalid argument").await };
    let added = sys
        .net(move |net, ns| {
            let now = net.now();
            let mut flow = Flow::new(ns, original, reply, now);
            change(&mut flow, &wanted, now);
            flow.started = now;
            net.flow_add(flow)
        })
        .await;
    if added.is_err() {
        return failed(sys, "Such conntrack exists, try -U to update").await;
    }
    sys.eprint(format!("{SELF}: 1 flow entries have been created.\n")).await;
    Exit(0)
}

async fn statistics(sys: &Sys) -> Exit {
    let it = sys.net(|net, ns| net.flow_statistics(ns)).await;
    let text = format!(
        "cpu=0   \tfound={} invalid={} insert={} insert_failed={} drop={} early_drop={} error={} \
         search_restart={} clash_resolve={} chaintoolong=0 \n",
        it.found,
        it.invalid,
        it.insert,
        it.insert_failed,
        it.drop,
        it.early_drop,
        it.error,
        it.search_restart,
        it.clash_resolve,
    );
    sys.print(text).await;
    Exit(0)
}

/// `-E`: prints events until it is interrupted.
async fn follow(sys: &Sys, asked: Asked) -> Exit {
    sys.catch(Signal::Int).await;
    sys.catch(Signal::Term).await;
    let mut from = sys.net(|net, ns| net.flow_listen(ns)).await;
    let mut count = 0;
    let is_wanted = |kind: EventKind| asked.events.is_empty() || asked.events.contains(&kind);
    loop {
        let (events, next) = sys.net(move |net, ns| net.flow_events(ns, from)).await;
        from = next;
        let (realtime, now) = (sys.realtime().await, sys.now().await);
        let mut text = String::new();
        for event in events.iter().filter(|event| is_wanted(event.kind) && asked.wanted.fits(&event.flow)) {
            let at = realtime.saturating_sub(now.since(event.at));
            text.push_str(&show::event(event.kind, &event.flow, asked.style, event.at, at));
            count += 1;
        }
        if !text.is_empty() {
            sys.print(text).await;
        }
        if let Woke::Signal(_) = sys.sleep(LOOK).await {
            break;
        }
    }
    sys.net(|net, ns| net.flow_stop_listening(ns)).await;
    sys.eprint(format!("{SELF}: {count} flow events have been shown.\n")).await;
    Exit(0)
}
