//! `bridge mdb`: which multicast groups are wanted behind which port.
//!
//! Differs from iproute2: this kernel keeps no such table; a group's frames go to every port.

use super::{no_device, unknown_command};
use crate::cmd::iproute2::run::Run;
use crate::cmd::iproute2::{Stop, Words, matches};

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/mdb.txt"))
}

pub async fn mdb(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let not_simulated = || Err(Stop::not_simulated("bridge", "mdb", "ip maddr"));
    match words.next() {
        None => not_simulated(),
        Some(verb) if matches(verb, "add") || matches(verb, "delete") => {
            if words.is_empty() {
                let text = "Device, group address and port name are required arguments.\n";
                return Err(Stop::fail(255, text));
            }
            not_simulated()
        }
        Some(verb) if matches(verb, "show") || matches(verb, "lst") || matches(verb, "list") => {
            let snapshot = run.snapshot().await;
            while let Some(word) = words.next() {
                if word == "dev" {
                    let name = words.value()?;
                    snapshot.index(name).ok_or_else(|| no_device(name))?;
                }
            }
            not_simulated()
        }
        Some(verb) if matches(verb, "help") => Err(usage()),
        Some(verb) => Err(unknown_command("mdb", verb)),
    }
}
