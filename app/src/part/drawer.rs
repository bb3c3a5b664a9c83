//! The drawer: Packets, Journey, Objects, Rules.

use super::icon::{Glyph, Tool};
use super::journey::JourneyView;
use super::objects::ObjectsView;
use super::packets::Packets;
use super::perhaps;
use super::table::{TablesView, subject};
use crate::platform::element;
use api::DeviceId;
use api::cluster::{ObjectKey, ObjectShown};
use api::inspect::Dissection;
use api::lab::ClusterSpec;
use api::topology::Topology;
use app::store::filter::FilterError;
use app::store::frames::Frames;
use app::store::lab::{Act, Pick, Shown, Tab};
use app::store::live::Live;
use app::store::objects::Objects;
use app::store::panes::Split;
use app::store::tables::Tables;
use app::words;
use lessons::Course;
use std::collections::BTreeSet;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct DrawerProps {
    pub tab: Tab,
    pub topology: Rc<Topology>,
    pub frames: Live<Frames>,
    pub frame: Option<api::FrameId>,
    pub dissection: Option<Rc<Dissection>>,
    pub field: Option<(u32, u32)>,
    pub filter_text: AttrValue,
    pub filter: Option<app::store::filter::Filter>,
    pub filter_error: Option<FilterError>,
    pub devices: BTreeSet<DeviceId>,
    pub chores: bool,
    pub pick: Option<Pick>,
    pub table_pick: Option<Pick>,
    pub shown: Option<Shown>,
    pub tables: Rc<Tables>,
    pub objects: Live<Objects>,
    pub kind: AttrValue,
    pub namespace: Option<AttrValue>,
    pub object: Option<ObjectKey>,
    pub object_shown: Option<Rc<ObjectShown>>,
    /// The Objects pane is about the cluster, not about a place.
    pub cluster: bool,
    pub seconds: u64,
    pub course: Option<Rc<Course>>,
    pub open: AttrValue,
    pub detail: f64,
    /// There is room for sixteen bytes in a line.
    pub wide: bool,
    pub on_act: Callback<Act>,
    pub on_size: Callback<(Split, f64)>,
    pub on_split_fold: Callback<Split>,
    pub on_fold: Callback<()>,
}

const TABS: [(Tab, &str); 4] = [
    (Tab::Packets, words::TAB_PACKETS),
    (Tab::Journey, words::TAB_JOURNEY),
    (Tab::Objects, words::TAB_OBJECTS),
    (Tab::Rules, words::TAB_RULES),
];

#[component]
pub fn Drawer(props: &DrawerProps) -> Html {
    let device = match props.pick {
        Some(Pick::Device(id)) => Some(id),
        _ => None,
    };
    let name = TABS.iter().find(|it| it.0 == props.tab).map(|it| it.1);
    html! {
        <section class="pane drawer" id="drawer" tabindex="-1" aria-label={words::DRAWER}>
            <div class="drawer-tabs">
                <div class="tab-list" role="tablist" aria-label={words::DRAWER}>{ for TABS.iter().map(|it| tab(*it, props)) }</div>
                <span class="push"></span>
                <Tool glyph={Glyph::Download} label={words::CAPTURE} on_click={props.on_act.reform(move |()| Act::Capture(device))} />
                <Tool glyph={Glyph::Right} label={words::FOLD_DRAWER} class="wide-only" on_click={props.on_fold.clone()} />
            </div>
            <div class="drawer-body" role="tabpanel" id="drawer-panel" aria-label={name} tabindex="-1">
                <h2 class="unseen">{ name }</h2>
                { body(props) }
            </div>
        </section>
    }
}

fn tab_id(tab: Tab) -> String {
    format!("drawer-{tab:?}")
}

fn tab((tab, text): (Tab, &'static str), props: &DrawerProps) -> Html {
    let on = props.tab == tab;
    let index = TABS.iter().position(|it| it.0 == tab).unwrap_or(0);
    let onkeydown = perhaps(&props.on_act, move |event: KeyboardEvent| {
        let to = match event.key().as_str() {
            "ArrowRight" => (index + 1) % TABS.len(),
            "ArrowLeft" => (index + TABS.len() - 1) % TABS.len(),
            _ => return None,
        };
        element::focus_id(&tab_id(TABS[to].0));
        Some(Act::Tab(TABS[to].0))
    });
    html! {
        <button type="button" role="tab" id={tab_id(tab)} aria-selected={if on { "true" } else { "false" }} aria-controls="drawer-panel"
            tabindex={if on { "0" } else { "-1" }} {onkeydown} onclick={props.on_act.reform(move |_| Act::Tab(tab))}>{ text }</button>
    }
}

fn body(props: &DrawerProps) -> Html {
    match props.tab {
        Tab::Packets => html! {
            <Packets topology={props.topology.clone()} frames={props.frames.clone()} frame={props.frame}
                dissection={props.dissection.clone()} field={props.field} filter_text={props.filter_text.clone()}
                filter={props.filter.clone()} filter_error={props.filter_error.clone()} devices={props.devices.clone()} chores={props.chores}
                pick={props.pick} detail={props.detail} wide={props.wide} on_act={props.on_act.clone()}
                on_size={props.on_size.clone()} on_fold={props.on_split_fold.clone()} />
        },
        Tab::Journey => html! {
            <JourneyView shown={props.shown.clone()} topology={props.topology.clone()} course={props.course.clone()}
                open={props.open.clone()} on_act={props.on_act.clone()} />
        },
        Tab::Objects if !props.objects.read().is_empty() => html! {
            <div class="subjects">
                { subjects(props) }
                if props.cluster { { objects(props) } } else { { tables(props) } }
            </div>
        },
        Tab::Objects | Tab::Rules => tables(props),
    }
}

/// The cluster's objects, or the kernel tables of the place that is selected.
fn subjects(props: &DrawerProps) -> Html {
    let place = subject(props.table_pick, &props.topology).0;
    let choose = |place: bool, text: String| {
        let pressed = if props.cluster == place { "false" } else { "true" };
        html! { <button type="button" aria-pressed={pressed} onclick={props.on_act.reform(move |_| Act::Place(place))}>{ text }</button> }
    };
    html! {
        <div class="subject"><span class="pair" role="group" aria-label={words::SUBJECT}>
            { choose(false, words::CLUSTER_OBJECTS.to_owned()) }{ choose(true, place) }
        </span></div>
    }
}

fn objects(props: &DrawerProps) -> Html {
    html! {
        <ObjectsView objects={props.objects.clone()} kind={props.kind.clone()} namespace={props.namespace.clone()}
            object={props.object.clone()} shown={props.object_shown.clone()} seconds={props.seconds} detail={props.detail}
            machine={ClusterSpec::CONTROL_PLANE} on_act={props.on_act.clone()} on_size={props.on_size.clone()} on_fold={props.on_split_fold.clone()} />
    }
}

fn tables(props: &DrawerProps) -> Html {
    html! {
        <TablesView tables={props.tables.clone()} rules={props.tab == Tab::Rules} pick={props.table_pick}
            topology={props.topology.clone()} shown={props.shown.clone()} on_act={props.on_act.clone()} />
    }
}
