//! What the panes of a lab call.
//!
//! Always: made once for a lab, because a component is drawn again when a callback it is given is another one.

use super::lab::{LabPage, Msg};
use crate::platform::terminal::Terminal as Xterm;
use api::TtyId;
use app::store::command::Run;
use app::store::lab::Act;
use app::store::panes::{Narrow, Split};
use std::rc::Rc;
use yew::prelude::*;

pub(super) struct Calls {
    pub act: Callback<Act>,
    pub run: Callback<Run>,
    pub size: Callback<(Split, f64)>,
    pub fold: Callback<Split>,
    pub fold_terminal: Callback<()>,
    pub fold_drawer: Callback<()>,
    pub show: Callback<Narrow>,
    pub palette: Callback<()>,
    pub shut_palette: Callback<()>,
    pub retry: Callback<()>,
    pub copied: Callback<bool>,
    pub terminal: Callback<(TtyId, Option<Rc<Xterm>>)>,
    pub split: Callback<()>,
    pub control: Callback<()>,
    pub save_crash: Callback<()>,
}

impl Calls {
    pub fn new(ctx: &Context<LabPage>) -> Calls {
        let link = ctx.link();
        Calls {
            act: link.callback(Msg::Act),
            run: link.callback(Msg::Run),
            size: link.callback(|(split, size)| Msg::Size(split, size)),
            fold: link.callback(Msg::Fold),
            fold_terminal: link.callback(|()| Msg::Fold(Split::Terminal)),
            fold_drawer: link.callback(|()| Msg::Fold(Split::Drawer)),
            show: link.callback(Msg::Show),
            palette: link.callback(|()| Msg::Palette(true)),
            shut_palette: link.callback(|()| Msg::Palette(false)),
            retry: link.callback(|()| Msg::Retry),
            copied: link.callback(Msg::Copied),
            terminal: link.callback(|(tty, terminal)| Msg::Terminal(tty, terminal)),
            split: link.callback(|()| Msg::Split),
            control: link.callback(|()| Msg::Control),
            save_crash: link.callback(|()| Msg::SaveCrash),
        }
    }
}
