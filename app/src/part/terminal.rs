//! One terminal: an element that xterm.js fills. All reading and editing of lines happens in the simulated machine.

use crate::platform::terminal::Terminal as Xterm;
use api::TtyId;
use std::rc::Rc;
use web_sys::HtmlElement;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct TerminalProps {
    pub tty: TtyId,
    pub label: AttrValue,
    pub on: bool,
    pub screen_reader: bool,
    /// Given the terminal once it is there, and nothing when it is gone.
    pub on_open: Callback<(TtyId, Option<Rc<Xterm>>)>,
    pub on_data: Callback<(TtyId, Vec<u8>)>,
    pub on_size: Callback<(TtyId, u16, u16)>,
}

#[component]
pub fn Terminal(props: &TerminalProps) -> Html {
    let node = use_node_ref();
    {
        let (node, tty, label) = (node.clone(), props.tty, props.label.clone());
        let reader = props.screen_reader;
        let (on_open, on_data, on_size) =
            (props.on_open.clone(), props.on_data.clone(), props.on_size.clone());
        use_effect_with(tty, move |tty| {
            let tty = *tty;
            let gone = on_open.clone();
            if let Some(host) = node.cast::<HtmlElement>() {
                let data = move |bytes| on_data.emit((tty, bytes));
                let size = move |columns, rows| on_size.emit((tty, columns, rows));
                on_open.emit((tty, Some(Rc::new(Xterm::open(&host, &label, reader, data, size)))));
            }
            move || gone.emit((tty, None))
        });
    }
    html! {
        <div class={classes!("screen", props.on.then_some("screen--on"))} role="tabpanel" id={format!("screen-{}", props.tty.0)}
            aria-labelledby={format!("tab-{}", props.tty.0)}>
            <div ref={node} class="host"></div>
        </div>
    }
}
