//! A canvas: boxes, lines and words in units of one's own, and pieces of another canvas stamped on it.
//!
//! Always: lengths are in the units last given to `scale`, but a stamp lands on whole device pixels, so it stays sharp.

use super::{document, window};
use app::store::picture::{Point, Rect};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, Element, HtmlCanvasElement};
use yew::NodeRef;

pub struct Canvas {
    element: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
}

/// Device pixels a CSS pixel.
pub fn pixel_ratio() -> f64 {
    window().device_pixel_ratio().max(0.5)
}

impl Canvas {
    pub fn of(node: &NodeRef) -> Option<Canvas> {
        Canvas::from(node.cast::<Element>()?)
    }

    /// One that is nowhere on the page.
    pub fn unseen() -> Option<Canvas> {
        Canvas::from(document().create_element("canvas").ok()?)
    }

    fn from(element: Element) -> Option<Canvas> {
        let element: HtmlCanvasElement = element.dyn_into().ok()?;
        let context = element.get_context("2d").ok().flatten()?.dyn_into().ok()?;
        Some(Canvas { element, context })
    }

    /// Makes it so many device pixels large, and empty.
    pub fn clear(&self, width: f64, height: f64) {
        let (width, height) = (width.clamp(1.0, 8_192.0) as u32, height.clamp(1.0, 8_192.0) as u32);
        if (self.element.width(), self.element.height()) != (width, height) {
            self.element.set_width(width);
            self.element.set_height(height);
        }
        drop(self.context.set_transform(1.0, 0.0, 0.0, 1.0, 0.0, 0.0));
        self.context.set_global_alpha(1.0);
        self.context.clear_rect(0.0, 0.0, f64::from(width), f64::from(height));
    }

    /// From here on a unit is `scale` device pixels, and `origin` (in units) is the left upper corner.
    pub fn scale(&self, scale: f64, origin: Point) {
        let (x, y) = (-origin.x * scale, -origin.y * scale);
        drop(self.context.set_transform(scale, 0.0, 0.0, scale, x, y));
    }

    pub fn alpha(&self, alpha: f64) {
        self.context.set_global_alpha(alpha);
    }

    pub fn dash(&self, lengths: &[f64]) {
        let lengths: js_sys::Array = lengths.iter().map(|it| wasm_bindgen::JsValue::from_f64(*it)).collect();
        drop(self.context.set_line_dash(&lengths));
    }

    pub fn fill(&self, rect: Rect, radius: f64, colour: &str) {
        self.outline(rect, radius);
        self.context.set_fill_style_str(colour);
        self.context.fill();
    }

    pub fn stroke(&self, rect: Rect, radius: f64, colour: &str, width: f64) {
        self.outline(rect, radius);
        self.ink(colour, width);
    }

    pub fn line(&self, points: &[Point], colour: &str, width: f64) {
        self.context.begin_path();
        points.iter().for_each(|at| self.context.line_to(at.x, at.y));
        self.ink(colour, width);
    }

    /// Words whose middle line is at `at`.
    pub fn text(&self, text: &str, at: Point, font: &str, colour: &str) {
        self.context.set_font(font);
        self.context.set_text_baseline("middle");
        self.context.set_fill_style_str(colour);
        drop(self.context.fill_text(text, at.x, at.y));
    }

    /// Puts a piece of `sheet` (in its device pixels) with its middle at a place in device pixels.
    pub fn stamp(&self, sheet: &Canvas, piece: Rect, middle: Point) {
        let (x, y) = ((middle.x - piece.w / 2.0).round(), (middle.y - piece.h / 2.0).round());
        drop(self.context.draw_image_with_html_canvas_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            &sheet.element,
            piece.x,
            piece.y,
            piece.w,
            piece.h,
            x,
            y,
            piece.w,
            piece.h,
        ));
    }

    /// Says something of what is drawn, for whoever reads the page and cannot see.
    pub fn tell(&self, name: &str, value: &str) {
        drop(self.element.set_attribute(name, value));
    }

    fn outline(&self, rect: Rect, radius: f64) {
        self.context.begin_path();
        drop(self.context.round_rect_with_f64(rect.x, rect.y, rect.w, rect.h, radius));
    }

    fn ink(&self, colour: &str, width: f64) {
        self.context.set_stroke_style_str(colour);
        self.context.set_line_width(width);
        self.context.stroke();
    }
}
