//! Kernel tables as a tool prints them; cells that changed flash.

use api::NetnsId;
use api::inspect::Table;
use api::topology::Topology;
use app::store::lab::{Act, Pick, Shown};
use app::store::picture::describe::{full_name, place_name};
use app::store::picture::netns_of;
use app::store::tables::{Tables, taken};
use app::words;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct TablesViewProps {
    pub tables: Rc<Tables>,
    /// Rule lists; else all other tables.
    pub rules: bool,
    pub pick: Option<Pick>,
    pub topology: Rc<Topology>,
    /// The packet that is shown: the rules it took are marked.
    pub shown: Option<Shown>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn TablesView(props: &TablesViewProps) -> Html {
    let tables: Vec<(usize, &Table)> =
        if props.rules { props.tables.rules().collect() } else { props.tables.objects().collect() };
    let (name, machine) = subject(props.pick, &props.topology);
    html! {
        <div class={classes!("tables", props.rules.then_some("tables--rules"))}>
            <p class="head"><b>{ name }</b>if props.pick.is_none_or(|it| matches!(it, Pick::Machine(_))) { <span>{ words::PICK_PLACE }</span> }</p>
            { for tables.iter().filter(|it| !props.rules || !it.1.rows.is_empty()).map(|(index, table)| table_view(*index, table, machine.as_ref(), props)) }
            if tables.is_empty() { <p class="empty">{ if props.rules { words::NO_RULES } else { words::NO_TABLES } }</p> }
        </div>
    }
}

/// What the tables are about, and the machine on which a command shows them.
pub fn subject(pick: Option<Pick>, topology: &Topology) -> (String, Option<String>) {
    let machine = |id| topology.machines.get(&id).map(|it| it.name.clone());
    let of_netns = |id| topology.netns.get(&id).and_then(|netns| machine(netns.machine));
    match pick {
        Some(Pick::Machine(id)) => (machine(id).unwrap_or_default(), machine(id)),
        Some(Pick::Netns(id)) => (place_name(topology, id), of_netns(id)),
        Some(Pick::Device(id)) => match topology.devices.get(&id) {
            Some(device) => (full_name(topology, device), of_netns(device.netns)),
            None => (String::new(), None),
        },
        None => (String::new(), None),
    }
}

fn netns(pick: Option<Pick>, topology: &Topology) -> Option<NetnsId> {
    match pick? {
        Pick::Netns(id) => Some(id),
        Pick::Device(id) => topology.devices.get(&id).map(|it| it.netns),
        Pick::Machine(id) => netns_of(topology, id).0,
    }
}

/// The columns as they are shown: those that say anything. A rule names its chain, and is long: counters stand before
/// it, where they are seen.
fn order(table: &Table, rules: bool) -> Vec<usize> {
    let columns = 0..table.rows.iter().map(Vec::len).max().unwrap_or(0).max(table.columns.len());
    let says =
        |column: &usize| table.rows.iter().any(|row| row.get(*column).is_some_and(|it| !it.is_empty()));
    let columns = columns.filter(|column| table.rows.is_empty() || says(column));
    let place = |title: &str| table.columns.iter().position(|it| it == title).filter(|_| rules);
    match (place("chain"), place("rule")) {
        (Some(chain), Some(rule)) => columns.filter(|it| *it != chain && *it != rule).chain([rule]).collect(),
        _ => columns.collect(),
    }
}

fn table_view(index: usize, table: &Table, machine: Option<&String>, props: &TablesViewProps) -> Html {
    let (line, on) = (table.command.clone(), machine.cloned());
    let run = props.on_act.reform(move |_: MouseEvent| Act::Run { line: line.clone(), on: on.clone() });
    let order = order(table, props.rules);
    let netns = netns(props.pick, &props.topology);
    let taken = props
        .shown
        .as_ref()
        .zip(netns)
        .map(|(shown, netns)| taken(table, netns, &shown.journey))
        .unwrap_or_default();
    let cell = |row: usize, column: usize, text: &String| {
        let flash = props.tables.changed.contains(&(index, row, column));
        // A new key makes a new cell, so that the flash begins anew.
        let key = if flash { format!("{column}-{}", props.tables.turn) } else { column.to_string() };
        html! { <td {key} class={flash.then_some("flash")}>{ text }</td> }
    };
    html! {
        <section class="table" key={table.title.clone()}>
            <h3>
                { &table.title }
                if !table.command.is_empty() { <button type="button" title={words::SAME_AS} onclick={run}>{ &table.command }</button> }
            </h3>
            <div class="scroller" tabindex="0" role="group" aria-label={table.title.clone()}>
                <table>
                    if !table.columns.is_empty() {
                        <thead><tr>{ for order.iter().map(|column| html! { <th scope="col">{ table.columns.get(*column).cloned().unwrap_or_default() }</th> }) }</tr></thead>
                    }
                    <tbody>
                        { for table.rows.iter().enumerate().map(|(row, cells)| html! {
                            <tr class={taken.contains(&row).then_some("taken")} title={taken.contains(&row).then_some(words::TAKEN)}>{ for order.iter().filter_map(|column| Some(cell(row, *column, cells.get(*column)?))) }</tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </section>
    }
}
