//! `why`: what became of this machine's last packet, stop by stop, in the words of the page's Journey pane.
//!
//! Not a tool of any real machine: a kernel shows this with nftrace, dropwatch and tcpdump together.
//! `why -a` shows the last ten packets in a line each, `why N` the N-th from the last.

use super::{Args, Command, Exit};
use crate::sys::Sys;
use crate::system::System;
use api::journey::{Journey, StopKind, Verdict};

pub const WHY: Command = Command {
    name: "why",
    path: "/usr/local/bin/why",
    man: "why(1)",
    run: |sys, args| Box::pin(why(sys, args)),
};

/// Packets that `why -a` lists.
const LISTED: usize = 10;

async fn why(sys: Sys, args: Args) -> Exit {
    let words: Vec<&str> = args.rest().iter().map(String::as_str).collect();
    let back = match words[..] {
        [] => 1,
        ["-a"] => return list(&sys).await,
        [number] if number.parse::<usize>().is_ok_and(|it| it > 0) => number.parse().unwrap_or(1),
        _ => {
            sys.eprint("Usage: why [-a | N]\n").await;
            return Exit(2);
        }
    };
    let text = sys
        .ask(move |system, id| {
            let machine = system.process(id).machine;
            let journeys = system.net.journeys_of(machine, back);
            (journeys.len() == back).then(|| story(system, &journeys[0]))
        })
        .await;
    match text {
        Some(text) => {
            sys.print(text).await;
            Exit::OK
        }
        None => {
            sys.eprint("why: this machine has sent no such packet\n").await;
            Exit::FAILURE
        }
    }
}

async fn list(sys: &Sys) -> Exit {
    let text = sys
        .ask(|system, id| {
            let machine = system.process(id).machine;
            let journeys = system.net.journeys_of(machine, LISTED);
            let line = |(at, journey): (usize, &Journey)| {
                format!("{:>3}  {}  {}\n", journeys.len() - at, journey.summary, ended(system, journey))
            };
            journeys.iter().enumerate().map(line).collect::<String>()
        })
        .await;
    sys.print(text).await;
    Exit::OK
}

/// The whole life of a packet, one stop a line, and how it ended.
fn story(system: &System, journey: &Journey) -> String {
    let places: Vec<String> = journey
        .stops
        .iter()
        .map(|stop| format!("{} {}", system.place_name(stop.machine, stop.netns), stop.device_name))
        .collect();
    let width = places.iter().map(|place| place.trim_end().chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n", journey.summary);
    for (number, (stop, place)) in journey.stops.iter().zip(&places).enumerate() {
        text.push_str(&format!("{:>3}  {:width$}  {}\n", number + 1, place.trim_end(), stop.kind.text()));
    }
    text + &ended(system, journey) + "\n"
}

fn ended(system: &System, journey: &Journey) -> String {
    let last = journey
        .stops
        .iter()
        .rfind(|stop| matches!(stop.kind, StopKind::Dropped { .. }))
        .or(journey.stops.last());
    let place = last.map(|stop| system.place_name(stop.machine, stop.netns)).unwrap_or_default();
    match journey.verdict {
        None => match last.map(|stop| &stop.kind) {
            Some(wait @ StopKind::NeighbourWait { .. }) => {
                format!("Still on its way: it {}. ARP asks three times, a second apart.", wait.text())
            }
            _ => "Still on its way.".to_owned(),
        },
        Some(Verdict::Delivered) => format!("Delivered on {place}."),
        Some(Verdict::Consumed) => format!("Taken by the kernel of {place}."),
        Some(Verdict::Dropped(reason)) => {
            format!("Ended at {place}: {}. {}", reason.name(), reason.explain())
        }
    }
}
