//! The picture in words, for whoever would rather read it or have it read.

use api::cluster::ObjectKey;
use api::topology::{Service, Topology};
use app::store::lab::{Act, Pick};
use app::store::picture::describe::{DescribedDevice, describe, service_words};
use app::words;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct PictureListProps {
    pub topology: Rc<Topology>,
    pub pick: Option<Pick>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn PictureList(props: &PictureListProps) -> Html {
    let device = |row: &DescribedDevice| {
        let pick = Pick::Device(row.id);
        let pressed = props.pick == Some(pick);
        html! {
            <li>
                <button type="button" aria-pressed={if pressed { "true" } else { "false" }}
                    onclick={props.on_act.reform(move |_| Act::Pick((!pressed).then_some(pick)))}>{ &row.words }</button>
            </li>
        }
    };
    html! {
        <div class="picture-list">
            <h2 class="unseen">{ words::AS_LIST }</h2>
            if !props.topology.services.is_empty() {
                <section>
                    <h3>{ words::SERVICES }</h3>
                    <ul>{ for props.topology.services.values().map(|it| service(it, props)) }</ul>
                </section>
            }
            { for describe(&props.topology).iter().map(|machine| html! {
                <section>
                    <h3>{ &machine.name }{ " " }<span>{ machine.role }</span></h3>
                    <ul>{ for machine.rows.iter().map(device) }</ul>
                </section>
            }) }
        </div>
    }
}

fn service(service: &Service, props: &PictureListProps) -> Html {
    let key = ObjectKey {
        kind: "Service".to_owned(),
        namespace: service.namespace.clone(),
        name: service.name.clone(),
    };
    html! {
        <li>
            <button type="button" onclick={props.on_act.reform(move |_| Act::Object(Some(key.clone())))}>{ service_words(&props.topology, service) }</button>
        </li>
    }
}
