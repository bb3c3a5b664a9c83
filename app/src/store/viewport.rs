//! Which part of the picture is in view, on a screen of which size.
//!
//! Always: until it is moved, all of the picture is in view, not magnified beyond `MAGNIFY`; it can never be lost.

use super::picture::{Picture, Rect};

/// A small picture is not blown up beyond this when it fits.
const MAGNIFY: f64 = 1.3;
/// Pixels in the right upper corner that a fitting picture leaves to the tools: their width or their height.
const TOOLS: (f64, f64) = (144.0, 44.0);
/// Screen pixels a unit, at most and at least.
const NEAREST: f64 = 4.0;
const FARTHEST: f64 = 0.08;

/// Below this scale writing is set larger, by this much at most.
const READABLE: f64 = 0.85;
const GROW: f64 = 1.25;

/// How large a picture of that size can be on the screen, and where its middle is then, from the screen's left upper
/// corner: below the tools, or left of them.
pub fn fitting(screen: (f64, f64), size: (f64, f64)) -> (f64, f64, f64) {
    let size = (size.0.max(1.0), size.1.max(1.0));
    let scale = |w: f64, h: f64| (w.max(1.0) / size.0).min(h.max(1.0) / size.1).min(MAGNIFY);
    let (below, beside) = (scale(screen.0, screen.1 - TOOLS.1), scale(screen.0 - TOOLS.0, screen.1));
    if beside > below {
        let free = (screen.0 - size.0 * beside) / 2.0;
        (beside, screen.0 / 2.0 - (TOOLS.0 - free).max(0.0), screen.1 / 2.0)
    } else {
        (below, screen.0 / 2.0, (screen.1 + TOOLS.1) / 2.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Viewport {
    width: f64,
    height: f64,
    /// Scale (pixels a unit) and the point of the picture in the middle of the screen; `None` fits.
    moved: Option<(f64, f64, f64)>,
}

impl Default for Viewport {
    fn default() -> Self {
        Viewport { width: 690.0, height: 460.0, moved: None }
    }
}

impl Viewport {
    pub fn fit(&mut self) {
        self.moved = None;
    }

    pub fn differs(&self, width: f64, height: f64) -> bool {
        width > 1.0
            && height > 1.0
            && ((width - self.width).abs() > 0.5 || (height - self.height).abs() > 0.5)
    }

    /// Answers whether anything changed.
    pub fn resize(&mut self, width: f64, height: f64) -> bool {
        let differs = self.differs(width, height);
        if differs {
            (self.width, self.height) = (width, height);
        }
        differs
    }

    /// The middle of the screen, in pixels.
    pub fn middle(&self) -> (f64, f64) {
        (self.width / 2.0, self.height / 2.0)
    }

    /// CSS pixels a unit of the picture.
    pub fn scale(&self, picture: &Picture) -> f64 {
        self.state(picture).0
    }

    /// How much larger writing is set where the whole is small: as far as the boxes have room.
    pub fn grow(&self, picture: &Picture) -> f64 {
        (READABLE / self.scale(picture)).clamp(1.0, GROW)
    }

    fn state(&self, picture: &Picture) -> (f64, f64, f64) {
        self.moved.unwrap_or_else(|| {
            let (scale, x, y) = fitting((self.width, self.height), (picture.width, picture.height));
            let (right, down) = (x - self.width / 2.0, y - self.height / 2.0);
            (scale, picture.width / 2.0 - right / scale, picture.height / 2.0 - down / scale)
        })
    }

    /// The rectangle of the picture that fills the screen.
    pub fn shown(&self, picture: &Picture) -> Rect {
        let (scale, x, y) = self.state(picture);
        let (w, h) = (self.width / scale, self.height / scale);
        Rect { x: x - w / 2.0, y: y - h / 2.0, w, h }
    }

    /// Zooms by a factor; the point under `at` (pixels) stays where it is.
    pub fn zoom(&mut self, picture: &Picture, by: f64, at: (f64, f64)) {
        let (scale, x, y) = self.state(picture);
        let next = (scale * by).clamp(FARTHEST, NEAREST);
        let (dx, dy) = (at.0 - self.width / 2.0, at.1 - self.height / 2.0);
        let shift = 1.0 / scale - 1.0 / next;
        self.put(picture, next, x + dx * shift, y + dy * shift);
    }

    /// Moves the view by so many pixels.
    pub fn pan(&mut self, picture: &Picture, dx: f64, dy: f64) {
        let (scale, x, y) = self.state(picture);
        self.put(picture, scale, x + dx / scale, y + dy / scale);
    }

    fn put(&mut self, picture: &Picture, scale: f64, x: f64, y: f64) {
        self.moved =
            Some((scale, x.clamp(0.0, picture.width.max(1.0)), y.clamp(0.0, picture.height.max(1.0))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: f64, height: f64) -> Picture {
        Picture { width, height, ..Picture::default() }
    }

    #[test]
    fn a_large_picture_fits_and_a_small_one_is_not_blown_up() {
        let view = Viewport::default();
        let large = view.shown(&picture(2_000.0, 500.0));
        assert!(large.w >= 2_000.0 && large.h >= 500.0);
        let small = view.shown(&picture(100.0, 50.0));
        assert!((690.0 / small.w - MAGNIFY).abs() < 1e-9);
        assert!((small.middle().x - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_high_picture_stands_beside_the_tools_and_a_wide_one_below_them() {
        let (view, tools) =
            (Viewport::default(), Rect { x: 690.0 - TOOLS.0, y: 0.0, w: TOOLS.0, h: TOOLS.1 });
        for (width, height) in [(400.0, 800.0), (900.0, 300.0), (700.0, 690.0)] {
            let picture = picture(width, height);
            let (rect, scale) = (view.shown(&picture), view.scale(&picture));
            let corner = ((0.0 - rect.x) * scale, (0.0 - rect.y) * scale);
            let on_screen = Rect { x: corner.0, y: corner.1, w: width * scale, h: height * scale };
            assert!(!on_screen.overlaps(tools), "{on_screen:?}");
            assert!(
                on_screen.x > -0.1 && on_screen.right() < 690.1 && on_screen.bottom() < 460.1,
                "{on_screen:?}"
            );
        }
    }

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let (mut view, picture) = (Viewport::default(), picture(1_000.0, 800.0));
        let under = |view: &Viewport| {
            let rect = view.shown(&picture);
            (rect.x + 100.0 * rect.w / 690.0, rect.y + 50.0 * rect.h / 460.0)
        };
        let before = under(&view);
        view.zoom(&picture, 2.0, (100.0, 50.0));
        let after = under(&view);
        assert!((before.0 - after.0).abs() < 1e-6 && (before.1 - after.1).abs() < 1e-6);
    }

    #[test]
    fn the_picture_cannot_be_lost() {
        let (mut view, picture) = (Viewport::default(), picture(300.0, 300.0));
        view.pan(&picture, 1e9, -1e9);
        let shown = view.shown(&picture);
        assert!(shown.overlaps(Rect { x: 0.0, y: 0.0, w: 300.0, h: 300.0 }));
        view.zoom(&picture, 1e-9, (0.0, 0.0));
        assert!(view.shown(&picture).w <= 690.0 / FARTHEST + 1.0);
        view.fit();
        assert_eq!(view, Viewport::default());
    }
}
