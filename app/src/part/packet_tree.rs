//! A packet's layers as a tree, field by field; pointing at one marks its bytes.

use super::icon::{Glyph, Icon};
use api::inspect::{Dissection, Field};
use app::store::lab::Act;
use app::words;
use std::collections::BTreeSet;
use std::rc::Rc;
use yew::prelude::*;

/// Trees deeper than this are cut off.
const DEPTH: usize = 12;

#[derive(Properties, PartialEq)]
pub struct PacketTreeProps {
    pub dissection: Rc<Dissection>,
    pub field: Option<(u32, u32)>,
    pub on_act: Callback<Act>,
}

/// Where a node is: the index at each level.
type Path = Vec<usize>;

#[component]
pub fn PacketTree(props: &PacketTreeProps) -> Html {
    // The innermost layer is open at first; what was opened stays open for the next packet.
    let toggled = use_state(BTreeSet::<Path>::new);
    let last = props.dissection.layers.len().saturating_sub(1);
    let is_open = |path: &Path| toggled.contains(path) != (path.len() == 1 && path[0] == last);
    let mut rows = Vec::new();
    for (index, layer) in props.dissection.layers.iter().enumerate() {
        collect(layer, vec![index], &is_open, &mut rows);
    }
    let row = |(path, field, open): &(Path, &Field, bool)| {
        let (start, length) = (field.start, field.length);
        let parent = !field.fields.is_empty();
        let on = props.field == Some((start, length)) && length > 0;
        let onclick = {
            let (toggled, path, on_act) = (toggled.clone(), path.clone(), props.on_act.clone());
            Callback::from(move |_: MouseEvent| {
                if parent {
                    let mut next = (*toggled).clone();
                    if !next.remove(&path) {
                        next.insert(path.clone());
                    }
                    toggled.set(next);
                }
                on_act.emit(Act::Field((length > 0).then_some((start, length))));
            })
        };
        html! {
            <button type="button" class={classes!((path.len() == 1).then_some("layer"), on.then_some("on"))}
                style={format!("--d:{}", path.len() - 1)} title={field.name.clone()} {onclick}
                aria-expanded={parent.then_some(if *open { "true" } else { "false" })}>
                if parent { <Icon glyph={Glyph::Chevron} /> }
                { &field.text }
            </button>
        }
    };
    html! { <div class="tree" role="group" aria-label={words::LAYERS}>{ for rows.iter().map(row) }</div> }
}

fn collect<'a>(
    field: &'a Field,
    path: Path,
    is_open: &impl Fn(&Path) -> bool,
    rows: &mut Vec<(Path, &'a Field, bool)>,
) {
    let open = is_open(&path);
    rows.push((path.clone(), field, open));
    if open && path.len() < DEPTH {
        for (index, child) in field.fields.iter().enumerate() {
            let mut deeper = path.clone();
            deeper.push(index);
            collect(child, deeper, is_open, rows);
        }
    }
}
