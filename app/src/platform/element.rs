//! Small things done to elements: where they are, who has the pointer, which is in view.

use super::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, HtmlSelectElement, PointerEvent};
use yew::NodeRef;

/// Left, top, width, height on the screen.
pub fn place(node: &NodeRef) -> Option<(f64, f64, f64, f64)> {
    let rect = node.cast::<Element>()?.get_bounding_client_rect();
    Some((rect.left(), rect.top(), rect.width(), rect.height()))
}

/// All further moves of this pointer go to the element it went down on, and so to whoever hears that.
pub fn capture(event: &PointerEvent) {
    // The listener stands at the root of the page, so the event's current target is not the element meant.
    if let Some(element) = event.target().and_then(|it| it.dyn_into::<Element>().ok()) {
        drop(element.set_pointer_capture(event.pointer_id()));
    }
}

/// The text in the input or select an event is about.
pub fn value(event: &Event) -> String {
    let target = event.target();
    let input = target.as_ref().and_then(|it| it.dyn_ref::<HtmlInputElement>()).map(HtmlInputElement::value);
    let select =
        || target.as_ref().and_then(|it| it.dyn_ref::<HtmlSelectElement>()).map(HtmlSelectElement::value);
    input.or_else(select).unwrap_or_default()
}

pub fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        drop(element.focus());
    }
}

/// Focuses the element with this id, if there is one.
pub fn focus_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        drop(element.focus());
    }
}

/// Scrolls so that an element is in view, no further than needed.
pub fn reveal(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

pub fn set_title(title: &str) {
    document().set_title(title);
}

/// A button of a lesson's prose that was clicked: its attribute `data-NAME`, and the machine it names.
pub fn clicked(event: &Event, name: &str) -> Option<(String, Option<String>)> {
    let target = event.target()?.dyn_into::<Element>().ok()?;
    let button = target.closest(&format!("[data-{name}]")).ok().flatten()?;
    Some((button.get_attribute(&format!("data-{name}"))?, button.get_attribute("data-on")))
}

/// How far an element is scrolled down, and how high it is.
pub fn scroll(node: &NodeRef) -> (f64, f64) {
    node.cast::<Element>()
        .map_or((0.0, 0.0), |it| (f64::from(it.scroll_top()), f64::from(it.client_height())))
}

pub fn scroll_to(node: &NodeRef, top: f64) {
    if let Some(element) = node.cast::<Element>() {
        element.set_scroll_top(top as i32);
    }
}

/// Height of the element around this one.
pub fn parent_height(node: &NodeRef) -> f64 {
    let parent = node.cast::<Element>().and_then(|it| it.parent_element());
    parent.map_or(1.0, |it| it.get_bounding_client_rect().height())
}

pub fn remove_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        element.remove();
    }
}

/// Clicks the piece of prose that has the focus, if it stands for a button.
pub fn press(event: &Event) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    let button =
        target.filter(|it| it.get_attribute("role").as_deref() == Some("button") && it.tag_name() == "SPAN");
    button.inspect(HtmlElement::click).is_some()
}

/// Whether the keyboard is somewhere in the element with this id.
pub fn holds_focus(id: &str) -> bool {
    let element = document().get_element_by_id(id);
    element.is_some_and(|element| element.contains(document().active_element().as_ref().map(AsRef::as_ref)))
}
