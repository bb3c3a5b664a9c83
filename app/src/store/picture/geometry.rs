//! Points, boxes and the width of a text, in the units of the picture (one unit is one CSS pixel at zoom 1).
//!
//! Differs from the real thing: text is measured by counting, so that a layout needs no browser; widths are an upper
//! estimate of the page's two fonts.

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

pub fn point(x: f64, y: f64) -> Point {
    Point { x, y }
}

impl Point {
    pub fn to(self, other: Point) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    pub fn between(self, other: Point, share: f64) -> Point {
        point(self.x + (other.x - self.x) * share, self.y + (other.y - self.y) * share)
    }

    pub fn moved(self, by: Point) -> Point {
        point(self.x + by.x, self.y + by.y)
    }
}

impl Rect {
    pub fn middle(self) -> Point {
        point(self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    pub fn right(self) -> f64 {
        self.x + self.w
    }

    pub fn bottom(self) -> f64 {
        self.y + self.h
    }

    pub fn moved(self, by: Point) -> Rect {
        Rect { x: self.x + by.x, y: self.y + by.y, ..self }
    }

    pub fn around(middle: Point, w: f64, h: f64) -> Rect {
        Rect { x: middle.x - w / 2.0, y: middle.y - h / 2.0, w, h }
    }

    pub fn holds(self, at: Point) -> bool {
        at.x >= self.x && at.x <= self.right() && at.y >= self.y && at.y <= self.bottom()
    }

    pub fn overlaps(self, other: Rect) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

pub fn length(points: &[Point]) -> f64 {
    points.windows(2).map(|pair| pair[0].to(pair[1])).sum()
}

/// The way along a polyline, from 0 to 1.
pub fn along(points: &[Point], share: f64) -> Option<Point> {
    let first = *points.first()?;
    let mut left = length(points) * share.clamp(0.0, 1.0);
    for pair in points.windows(2) {
        let length = pair[0].to(pair[1]);
        if left <= length {
            return Some(if length > 0.0 { pair[0].between(pair[1], left / length) } else { pair[0] });
        }
        left -= length;
    }
    points.last().copied().or(Some(first))
}

/// Width of a name in the sans-serif font at 12 units, bold.
pub fn name_width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.4
}

/// Width of a text in the monospace font at 11 units.
pub fn mono_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.75
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_along_a_bent_line_is_measured_by_its_length() {
        let bent = [point(0.0, 0.0), point(10.0, 0.0), point(10.0, 30.0)];
        assert_eq!(along(&bent, 0.0), Some(point(0.0, 0.0)));
        assert_eq!(along(&bent, 0.25), Some(point(10.0, 0.0)));
        assert_eq!(along(&bent, 0.5), Some(point(10.0, 10.0)));
        assert_eq!(along(&bent, 2.0), Some(point(10.0, 30.0)));
        assert_eq!(along(&[], 0.5), None);
    }
}
