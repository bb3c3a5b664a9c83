//! What an envelope looks like, drawn once for each protocol, plain and as a tunnel's, to be stamped from then on.
//!
//! Always: as sharp as the picture's scale; in the colours the page had when they were drawn.

use super::{PROTOCOLS, protocol_class};
use crate::platform::canvas::Canvas;
use crate::platform::theme::token;
use api::event::Protocol;
use app::store::picture::geometry::point;
use app::store::picture::{Point, Rect};

/// Width and height of a piece of the sheet, in units of the picture: the larger envelope with a rim.
const PIECE: (f64, f64) = (40.0, 30.0);

/// The page's colours and font, as far as a canvas needs them.
pub struct Palette {
    protocols: Vec<String>,
    background: String,
    pane: String,
    tunnel: String,
    font: String,
}

impl Palette {
    pub fn read() -> Palette {
        Palette {
            protocols: PROTOCOLS.iter().map(|it| token(&format!("--{}", protocol_class(*it)))).collect(),
            background: token("--bg"),
            pane: token("--pane"),
            tunnel: token("--vxlan"),
            font: token("--mono"),
        }
    }

    fn colour(&self, protocol: Protocol) -> &str {
        &self.protocols[index(protocol)]
    }
}

fn index(protocol: Protocol) -> usize {
    PROTOCOLS.iter().position(|it| *it == protocol).unwrap_or(PROTOCOLS.len() - 1)
}

pub struct Stamps {
    sheet: Canvas,
    palette: Palette,
    /// Device pixels a unit.
    scale: f64,
}

impl Stamps {
    pub fn draw(palette: Palette, scale: f64) -> Option<Stamps> {
        let sheet = Canvas::unseen()?;
        let (w, h) = piece(scale);
        sheet.clear(w * PROTOCOLS.len() as f64, h * 2.0);
        let stamps = Stamps { sheet, palette, scale };
        for protocol in PROTOCOLS {
            stamps.envelope(protocol, false);
            stamps.envelope(protocol, true);
        }
        Some(stamps)
    }

    pub fn fits(&self, scale: f64) -> bool {
        (self.scale - scale).abs() < 1e-6
    }

    fn envelope(&self, protocol: Protocol, tunnel: bool) {
        let at = self.piece(protocol, tunnel).middle();
        let origin = point(-at.x / self.scale, -at.y / self.scale);
        let Stamps { sheet, palette, .. } = self;
        sheet.scale(self.scale, origin);
        let middle = point(0.0, 0.0);
        if tunnel {
            let around = Rect::around(middle, 34.0, 25.0);
            sheet.fill(around, 4.0, &palette.pane);
            sheet.dash(&[3.0, 2.0]);
            sheet.stroke(around, 4.0, &palette.tunnel, 1.4);
            sheet.dash(&[]);
        }
        let paper = Rect::around(middle, 24.0, 17.0);
        sheet.fill(paper, 2.5, palette.colour(protocol));
        sheet.stroke(paper, 2.5, &palette.background, 1.0);
        sheet.line(&[point(-11.0, -6.5), point(0.0, 2.0), point(11.0, -6.5)], &palette.pane, 1.2);
    }

    fn piece(&self, protocol: Protocol, tunnel: bool) -> Rect {
        let (w, h) = piece(self.scale);
        Rect { x: w * index(protocol) as f64, y: if tunnel { h } else { 0.0 }, w, h }
    }

    /// Puts an envelope with its middle at `at`, in device pixels.
    pub fn put(&self, canvas: &Canvas, protocol: Protocol, tunnel: bool, at: Point) {
        canvas.stamp(&self.sheet, self.piece(protocol, tunnel), at);
    }

    /// The way to a Service and back: dashed as it is, because no packet leaves the machine on it.
    pub fn look_up(&self, canvas: &Canvas, points: &[Point]) {
        canvas.dash(&[3.0, 4.0]);
        canvas.line(points.get(..3).unwrap_or(points), &self.palette.tunnel, 1.2);
        canvas.dash(&[]);
    }

    /// The words of an envelope in a box; all lengths in units of the picture.
    pub fn say(&self, canvas: &Canvas, protocol: Protocol, words: &str, around: Rect, size: f64) {
        canvas.alpha(0.86);
        canvas.fill(around, 3.0, &self.palette.background);
        canvas.alpha(1.0);
        let at = point(around.x + 3.0, around.middle().y + 0.5);
        canvas.text(words, at, &format!("{size:.2}px {}", self.palette.font), self.palette.colour(protocol));
    }
}

/// In whole device pixels, so that no piece shows an edge of its neighbour.
fn piece(scale: f64) -> (f64, f64) {
    ((PIECE.0 * scale).ceil(), (PIECE.1 * scale).ceil())
}
