//! Where the words beside moving envelopes stand: to the right, else to the left, and never over one another.
//!
//! Stands between the stage and the SVG. Always: as many places as anchors, in their order; an earlier label keeps its
//! place, a later one gives way upwards or downwards by whole lines.

use super::geometry::{Point, Rect, point};

/// Height of a label, and so one line to give way by.
const LINE: f64 = 16.0;
/// Lines a label gives way at most; beyond that words lie over words.
const LINES: i32 = 4;

/// An envelope that has something to say.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    pub at: Point,
    /// From the envelope's middle to its label.
    pub beside: f64,
    pub width: f64,
}

/// The left upper corner of each label, seen from its envelope. `taken` is where nothing may stand, `right` where the
/// picture ends.
pub fn places(taken: &[Rect], anchors: &[Anchor], right: f64) -> Vec<Point> {
    let mut taken = taken.to_vec();
    let place = |anchor: &Anchor| {
        let fits = anchor.at.x + anchor.beside + anchor.width <= right;
        let x = if fits { anchor.beside } else { -anchor.beside - anchor.width };
        let line = |line: i32| Rect {
            x: anchor.at.x + x,
            y: anchor.at.y - LINE / 2.0 + f64::from(line) * LINE,
            w: anchor.width,
            h: LINE,
        };
        let ways = (0..=LINES).flat_map(|step| [-step, step]).map(line);
        let free = ways.clone().find(|rect| taken.iter().all(|other| !rect.overlaps(*other)));
        let rect = free.unwrap_or_else(|| line(0));
        taken.push(rect);
        point(x, rect.y - anchor.at.y)
    };
    anchors.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(x: f64, y: f64) -> Anchor {
        Anchor { at: point(x, y), beside: 15.0, width: 100.0 }
    }

    #[test]
    fn a_label_stands_right_of_its_envelope_or_left_where_the_picture_ends() {
        assert_eq!(places(&[], &[anchor(10.0, 50.0)], 400.0), [point(15.0, -8.0)]);
        assert_eq!(places(&[], &[anchor(350.0, 50.0)], 400.0), [point(-115.0, -8.0)]);
    }

    #[test]
    fn labels_of_envelopes_in_one_spot_stand_below_one_another() {
        let all = places(&[], &[anchor(10.0, 50.0), anchor(10.0, 50.0), anchor(12.0, 54.0)], 400.0);
        let rects: Vec<f64> = all.iter().zip([50.0, 50.0, 54.0]).map(|(place, y)| place.y + y).collect();
        for (index, one) in rects.iter().enumerate() {
            assert!(rects[index + 1..].iter().all(|other| (one - other).abs() >= LINE), "{rects:?}");
        }
    }

    #[test]
    fn a_label_gives_way_to_the_words_of_a_drop() {
        let drop = Rect { x: 0.0, y: 45.0, w: 200.0, h: 12.0 };
        let place = places(&[drop], &[anchor(10.0, 50.0)], 400.0)[0];
        assert!(place.y + 50.0 + LINE <= 45.0 || place.y + 50.0 >= 57.0, "{place:?}");
    }
}
