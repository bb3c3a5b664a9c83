//! A cluster's objects: kubectl's table of a kind, and of the chosen object its events and its YAML.
//!
//! Always: only the rows in view are in the page, however many there are.

use super::icon::{Glyph, Tool};
use super::splitter::Splitter;
use crate::platform::element;
use crate::platform::resize::Resize;
use api::cluster::{ObjectKey, ObjectShown};
use app::store::cut::cut;
use app::store::lab::Act;
use app::store::live::Live;
use app::store::objects::{Objects, Row, name_room};
use app::store::panes::Split;
use app::words;
use std::rc::Rc;
use yew::prelude::*;

/// A row's height, as the style sheet has it.
const ROW: f64 = 22.0;
/// Rows drawn above and below what is in view.
const SPARE: usize = 12;
/// Letters of a namespace.
const NAMESPACE: usize = 14;
/// Pixels left and right of the table, and of what scrolls it.
const RIM: f64 = 20.0;

#[derive(Properties, PartialEq)]
pub struct ObjectsViewProps {
    pub objects: Live<Objects>,
    pub kind: AttrValue,
    pub namespace: Option<AttrValue>,
    pub object: Option<ObjectKey>,
    pub shown: Option<Rc<ObjectShown>>,
    /// Seconds since boot: ages go by them.
    pub seconds: u64,
    pub detail: f64,
    /// The machine on which kubectl is.
    pub machine: AttrValue,
    pub on_act: Callback<Act>,
    pub on_size: Callback<(Split, f64)>,
    pub on_fold: Callback<Split>,
}

#[component]
pub fn ObjectsView(props: &ObjectsViewProps) -> Html {
    let node = use_node_ref();
    let scroll = use_state(|| (0.0, 400.0));
    {
        let (node, scroll) = (node.clone(), scroll.clone());
        use_effect_with((props.kind.clone(), props.object.is_some()), move |_| {
            scroll.set(element::scroll(&node))
        });
    }
    let width = use_state(|| 400.0);
    {
        let (node, width) = (node.clone(), width.clone());
        use_effect_with((), move |()| {
            let resize = node
                .cast::<web_sys::Element>()
                .and_then(|it| Resize::of(&it, move |wide, _| width.set(wide)));
            move || drop(resize)
        });
    }
    let onscroll = {
        let (node, scroll) = (node.clone(), scroll.clone());
        Callback::from(move |_: Event| scroll.set(element::scroll(&node)))
    };
    html! {
        <div class={classes!("objects", props.object.is_none().then_some("objects--no-detail"))}>
            { choice(props) }
            <div ref={node} class="scroller" {onscroll} tabindex="0" role="group" aria-label={words::TAB_OBJECTS}>{ table(props, *scroll, *width) }</div>
            if let Some(key) = &props.object {
                <Splitter split={Split::Detail} size={props.detail} on_size={props.on_size.clone()} on_fold={props.on_fold.clone()} />
                { detail(key, props) }
            }
        </div>
    }
}

/// Which kind, and of which namespace.
fn choice(props: &ObjectsViewProps) -> Html {
    let objects = props.objects.read();
    let onkind = props.on_act.reform(|event: Event| Act::Kind(element::value(&event)));
    let onnamespace = props
        .on_act
        .reform(|event: Event| Act::Namespace(Some(element::value(&event)).filter(|it| !it.is_empty())));
    let namespaces = objects.namespaces(&props.kind);
    let line = command(&objects, props);
    let run = {
        let (line, on) = (line.clone(), Some(props.machine.to_string()));
        props.on_act.reform(move |_: MouseEvent| Act::Run { line: line.clone(), on: on.clone() })
    };
    html! {
        <div class="choice">
            <select aria-label={words::KIND} onchange={onkind}>
                { for objects.kinds().into_iter().map(|(columns, count)| html! {
                    <option value={columns.kind.clone()} selected={columns.kind == *props.kind}>{ words::kind_count(&columns.kind, count) }</option>
                }) }
            </select>
            if !namespaces.is_empty() {
                <select aria-label={words::NAMESPACE} onchange={onnamespace}>
                    <option value="" selected={props.namespace.is_none()}>{ words::ALL_NAMESPACES }</option>
                    { for namespaces.into_iter().map(|name| html! {
                        <option value={name.to_owned()} selected={props.namespace.as_deref() == Some(name)}>{ name }</option>
                    }) }
                </select>
            }
            <button type="button" class="same" title={words::SAME_AS} onclick={run}>{ line }</button>
        </div>
    }
}

/// What prints the same in a terminal.
fn command(objects: &Objects, props: &ObjectsViewProps) -> String {
    let of = match &props.namespace {
        Some(namespace) => format!(" -n {namespace}"),
        None if objects.namespaces(&props.kind).is_empty() => String::new(),
        None => " -A".to_owned(),
    };
    format!("kubectl get {}{of} -o wide", objects.resource(&props.kind))
}

/// How the table is shown: with namespaces or without, and names of so many letters.
struct View {
    with_namespace: bool,
    /// The column of names, without that of namespaces.
    name: usize,
    letters: usize,
}

fn table(props: &ObjectsViewProps, (top, height): (f64, f64), width: f64) -> Html {
    let objects = props.objects.read();
    let all: Vec<(ObjectKey, &Row)> = objects.rows(&props.kind, props.namespace.as_deref()).collect();
    let first = ((top / ROW) as usize).saturating_sub(SPARE).min(all.len());
    let last = (((top + height) / ROW) as usize + SPARE).clamp(first, all.len());
    let now = props.seconds * 1_000_000_000;
    let rows: Vec<(&ObjectKey, &Row, Vec<String>)> =
        all[first..last].iter().map(|(key, row)| (key, *row, objects.cells(&props.kind, row, now))).collect();
    let headers = objects.headers(&props.kind);
    let view = view(props, headers, &rows, width);
    let gap = |count: usize| {
        html! { if count > 0 { <tr aria-hidden="true" style={format!("height:{}px", count as f64 * ROW)}></tr> } }
    };
    let class = |column: usize| (column == view.name).then_some("name");
    html! {
        <table>
            <thead><tr>
                if view.with_namespace { <th scope="col">{ words::COLUMN_NAMESPACE }</th> }
                { for headers.iter().enumerate().map(|(column, it)| html! { <th scope="col" class={class(column)}>{ it }</th> }) }
            </tr></thead>
            <tbody>
                { gap(first) }
                { for rows.iter().map(|(key, row, cells)| row_view(key, row, cells, &view, props)) }
                { gap(all.len() - last) }
            </tbody>
        </table>
    }
}

fn view(
    props: &ObjectsViewProps,
    headers: &[String],
    rows: &[(&ObjectKey, &Row, Vec<String>)],
    width: f64,
) -> View {
    let name = headers.iter().position(|it| it == "NAME").unwrap_or_default();
    let with_namespace = props.namespace.is_none() && rows.iter().any(|(key, ..)| !key.namespace.is_empty());
    let before = usize::from(with_namespace);
    let spaces = rows.iter().map(|(key, ..)| key.namespace.chars().count().min(NAMESPACE)).max();
    let wide = |(column, header): (usize, &String)| {
        let cells = rows.iter().filter_map(|(.., cells)| Some(cells.get(column)?.chars().count()));
        cells.max().unwrap_or_default().max(header.chars().count())
    };
    let space = words::COLUMN_NAMESPACE;
    let widths: Vec<usize> = with_namespace
        .then(|| spaces.unwrap_or_default().max(space.len()))
        .into_iter()
        .chain(headers.iter().enumerate().map(wide))
        .collect();
    let titles: Vec<&str> =
        with_namespace.then_some(space).into_iter().chain(headers.iter().map(String::as_str)).collect();
    View { with_namespace, name, letters: name_room(&titles, &widths, name + before, width - RIM) }
}

fn row_view(key: &ObjectKey, row: &Row, cells: &[String], view: &View, props: &ObjectsViewProps) -> Html {
    let chosen = props.object.as_ref() == Some(key);
    let onclick = {
        let key = (!chosen).then(|| key.clone());
        props.on_act.reform(move |_: MouseEvent| Act::Object(key.clone()))
    };
    let cell = |(column, text): (usize, &String)| {
        let flash = row.changed.contains(&column);
        // A new key makes a new cell, so that the flash begins anew.
        let cell_key = if flash { format!("{column}-{}", row.turn) } else { column.to_string() };
        let is_name = column == view.name;
        let class = classes!(is_name.then_some("name"), flash.then_some("flash"));
        let pressed = if chosen { "true" } else { "false" };
        html! {
            <td key={cell_key} {class}>
                if is_name {
                    <button type="button" aria-pressed={pressed} title={text.clone()}>{ name(text, view.letters) }</button>
                } else { { text } }
            </td>
        }
    };
    html! {
        <tr key={format!("{}/{}", key.namespace, key.name)} class={chosen.then_some("chosen")} {onclick}>
            if view.with_namespace { <td title={key.namespace.clone()}>{ cut(&key.namespace, NAMESPACE) }</td> }
            { for cells.iter().enumerate().map(cell) }
        </tr>
    }
}

/// A name as far as there is room for it; read aloud it is whole.
fn name(text: &str, letters: usize) -> Html {
    let shown = cut(text, letters);
    if shown == text {
        return html! { { shown } };
    }
    html! { <><span aria-hidden="true">{ shown }</span><span class="unseen">{ text.to_owned() }</span></> }
}

fn detail(key: &ObjectKey, props: &ObjectsViewProps) -> Html {
    let shown = props.shown.as_ref().filter(|it| it.key == *key);
    let resource = props.objects.read().resource(&key.kind).to_owned();
    let of = if key.namespace.is_empty() { String::new() } else { format!(" -n {}", key.namespace) };
    let line = format!("kubectl describe {resource} {}{of}", key.name);
    let run = {
        let (line, on) = (line.clone(), Some(props.machine.to_string()));
        props.on_act.reform(move |_: MouseEvent| Act::Run { line: line.clone(), on: on.clone() })
    };
    html! {
        <section class="object" aria-label={words::object(&key.kind, &key.name)}>
            <header>
                <h3>{ words::object(&key.kind, &key.name) }</h3>
                <button type="button" class="same" title={words::SAME_AS} onclick={run}>{ line }</button>
                <Tool glyph={Glyph::Close} label={words::CLOSE} on_click={props.on_act.reform(|()| Act::Object(None))} />
            </header>
            if let Some(shown) = shown {
                { events(shown) }
                <h4>{ words::YAML }</h4>
                <pre tabindex="0">{ &shown.yaml }</pre>
            } else if props.objects.read().has(key) {
                <p class="empty" role="status">{ words::LOADING }</p>
            } else {
                <p class="empty">{ words::GONE }</p>
            }
        </section>
    }
}

fn events(shown: &ObjectShown) -> Html {
    let table = &shown.events;
    if table.rows.is_empty() {
        return html! { <p class="empty">{ words::NO_EVENTS }</p> };
    }
    html! {
        <>
            <h4>{ words::EVENTS }</h4>
            <table>
                <thead><tr>{ for table.columns.iter().map(|it| html! { <th scope="col">{ it }</th> }) }</tr></thead>
                <tbody>
                    { for table.rows.iter().map(|row| html! {
                        <tr class={(row.first().is_some_and(|it| it == "Warning")).then_some("warning")}>{ for row.iter().map(|cell| html! { <td>{ cell }</td> }) }</tr>
                    }) }
                </tbody>
            </table>
        </>
    }
}
