//! Kernel tables as a tool prints them; cells that changed flash.

use api::inspect::Table;
use api::topology::Topology;
use app::store::lab::{Act, Pick};
use app::store::picture::describe::{full_name, place_name};
use app::store::tables::Tables;
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
    pub on_act: Callback<Act>,
}

#[component]
pub fn TablesView(props: &TablesViewProps) -> Html {
    let tables: Vec<(usize, &Table)> =
        if props.rules { props.tables.rules().collect() } else { props.tables.objects().collect() };
    let (name, machine) = subject(props);
    html! {
        <div class={classes!("tables", props.rules.then_some("tables--rules"))}>
            <p class="head"><b>{ name }</b></p>
            { for tables.iter().map(|(index, table)| table_view(*index, table, machine.as_ref(), props)) }
            if tables.is_empty() { <p class="empty">{ if props.rules { words::NO_RULES } else { words::NO_TABLES } }</p> }
        </div>
    }
}

/// What the tables are about, and the machine on which a command shows them.
fn subject(props: &TablesViewProps) -> (String, Option<String>) {
    let topology = &props.topology;
    let machine = |id| topology.machines.get(&id).map(|it| it.name.clone());
    let of_netns = |id| topology.netns.get(&id).and_then(|netns| machine(netns.machine));
    match props.pick {
        Some(Pick::Machine(id)) => (machine(id).unwrap_or_default(), machine(id)),
        Some(Pick::Netns(id)) => (place_name(topology, id), of_netns(id)),
        Some(Pick::Device(id)) => match topology.devices.get(&id) {
            Some(device) => (full_name(topology, device), of_netns(device.netns)),
            None => (String::new(), None),
        },
        None => (String::new(), None),
    }
}

/// The columns as they are shown. A rule names its chain, and is long: counters stand before it, where they are seen.
fn order(table: &Table, rules: bool) -> Vec<usize> {
    let columns = 0..table.rows.iter().map(Vec::len).max().unwrap_or(0).max(table.columns.len());
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
                            <tr>{ for order.iter().filter_map(|column| Some(cell(row, *column, cells.get(*column)?))) }</tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </section>
    }
}
