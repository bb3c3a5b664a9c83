//! `cargo run --release -p tests --bin bench`: how fast the engine is on this machine, in figures and ratios.
//!
//! Prints one line a figure, with its goal or a ratio beside it; never fails on a figure, since machines differ.
//! A ratio compares the same work where ten and where ten thousand things exist: it should be near 1.

mod cluster;
mod scale;
mod service;
mod whole;

use std::error::Error;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

fn line(what: &str, figure: &str, beside: &str) {
    println!("{what:<62} {figure:>16}   {beside}");
}

/// The same work with few and with many: both figures, and how many times as long the second takes.
fn grown(what: &str, few: f64, many: f64) {
    line(what, &format!("{many:.0} ns"), &format!("{few:.0} ns with 10: {:.2} times", many / few));
}

fn service() -> Outcome<()> {
    line(
        "pod → DNAT → VXLAN → pod, 1450 B, 100 flows, tracing off",
        &format!("{:.0} ns", service::packets(false)?),
        "goal ≤ 500 ns",
    );
    line(
        "the same as the page has it: every stop told, every frame kept",
        &format!("{:.0} ns", service::packets(true)?),
        "",
    );
    line("TCP across nodes, MTU 1450", &format!("{:.2} Gb/s", service::stream()?), "goal ≥ 15 Gb/s");
    line("connections through a Service", &format!("{:.0} /s", service::connections()?), "goal ≥ 200,000 /s");
    Ok(())
}

fn scale() -> Outcome<()> {
    for hops in [1, 10, 100] {
        let each = scale::routers(hops)?;
        let rate = format!("{:.0} ns a hop", each / hops as f64);
        line(&format!("a packet through {hops} routers"), &format!("{:.0} /s", 1e9 / each), &rate);
    }
    for bridges in [1, 10] {
        let each = scale::bridges(bridges)?;
        let rate = format!("{:.0} ns a bridge", each / bridges as f64);
        line(&format!("a frame through {bridges} bridges"), &format!("{:.0} /s", 1e9 / each), &rate);
    }
    use scale::Many;
    let few = |many| scale::with(many, 10);
    grown("a packet past 10,000 routes", few(Many::Routes)?, scale::with(Many::Routes, 10_000)?);
    grown(
        "a packet past 10,000 rules for single addresses",
        few(Many::Rules)?,
        scale::with(Many::Rules, 10_000)?,
    );
    grown("a packet past 1,000 neighbours", few(Many::Neighbours)?, scale::with(Many::Neighbours, 1_000)?);
    grown("a packet past 100,000 tracked flows", few(Many::Flows)?, scale::with(Many::Flows, 100_000)?);
    grown(
        "a packet past 2,000 other namespaces",
        few(Many::Namespaces)?,
        scale::with(Many::Namespaces, 2_000)?,
    );
    Ok(())
}

fn whole() -> Outcome<()> {
    let (milliseconds, id) = whole::slowest_boot()?;
    line(&format!("slowest lab to boot ({id})"), &format!("{milliseconds:.1} ms"), "");
    line("replay of a tape of 100 lines", &format!("{:.0} ms", whole::replay()?), "");
    line("HTTP requests, curl to nginx on another machine", &format!("{:.0} /s", whole::requests()?), "");
    let (netns, veth) = whole::memory()?;
    line("memory of an idle namespace", &format!("{:.1} kB", netns / 1024.0), "");
    line("memory of an idle veth pair, up, with addresses", &format!("{:.1} kB", veth / 1024.0), "");
    Ok(())
}

fn cluster() -> Outcome<()> {
    let few = cluster::deployment(100)?.as_secs_f64() * 1e3;
    let many = cluster::deployment(1_000)?.as_secs_f64() * 1e3;
    let beside = format!("goal ≤ 1 s with kubelets; {few:.0} ms for 100");
    line("Deployment of 1,000 Pods: API, controllers, scheduler", &format!("{many:.0} ms"), &beside);
    Ok(())
}

fn main() -> Outcome<()> {
    service()?;
    scale()?;
    whole()?;
    cluster()
}
