//! `dns`: one query from a place, by its own resolv.conf. Asked with dig.

use super::{quoted, text};
use crate::World;
use api::Fact;

pub(super) fn resolve(world: &mut World, from: &str, name: &str, record: &str) -> Result<Fact, String> {
    let name = text::filled(world, name)?;
    let ran = world.run(from, &format!("dig +tries=1 +time=2 {} {}", quoted(&name), quoted(record)))?;
    let status =
        ran.out.lines().find_map(|line| line.split_once("status: ")?.1.split(',').next()).map_or_else(
            || ran.out.trim().lines().last().unwrap_or_default().trim_start_matches(";; ").to_owned(),
            str::to_owned,
        );
    let answers = ran.out.lines().skip_while(|line| *line != ";; ANSWER SECTION:").skip(1);
    let records = answers.take_while(|line| !line.is_empty()).filter_map(row).collect();
    let (journeys, end) = world.journeys_of(&ran);
    Ok(Fact::Resolved { status, records, journeys, end })
}

/// `name. 60 IN A 10.0.0.5` as `A 10.0.0.5`.
fn row(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip(3);
    let kind = words.next()?;
    Some(std::iter::once(kind).chain(words).collect::<Vec<_>>().join(" "))
}
