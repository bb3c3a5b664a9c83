//! How the lab's screen is divided: widths of the side panes, height of the terminals, what is folded, what a narrow
//! screen shows. Kept across visits.
//!
//! Always: every size stays within limits that leave each pane usable, whatever was stored or dragged.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// Between lesson and picture.
    Lesson,
    /// Between picture and drawer.
    Drawer,
    /// Between picture and terminals.
    Terminal,
    /// Between a drawer's list and its detail.
    Detail,
}

/// What a narrow screen shows; a wide one shows all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Narrow {
    Lesson,
    Picture,
    Terminal,
    Packets,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Panes {
    /// CSS pixels.
    pub lesson: f64,
    pub drawer: f64,
    /// Per cent of the middle column's height.
    pub terminal: f64,
    /// Per cent of the drawer's height.
    pub detail: f64,
    pub lesson_folded: bool,
    pub drawer_folded: bool,
    pub terminal_folded: bool,
    pub narrow: Narrow,
}

impl Default for Panes {
    fn default() -> Self {
        Panes {
            lesson: 340.0,
            drawer: 440.0,
            terminal: 42.0,
            detail: 46.0,
            lesson_folded: false,
            drawer_folded: false,
            terminal_folded: false,
            narrow: Narrow::Lesson,
        }
    }
}

impl Split {
    /// Least, greatest, and one step of an arrow key.
    pub fn limits(self) -> (f64, f64, f64) {
        match self {
            Split::Lesson => (260.0, 620.0, 16.0),
            Split::Drawer => (280.0, 720.0, 16.0),
            Split::Terminal => (15.0, 80.0, 4.0),
            Split::Detail => (15.0, 85.0, 4.0),
        }
    }
}

impl Panes {
    pub fn get(&self, split: Split) -> f64 {
        match split {
            Split::Lesson => self.lesson,
            Split::Drawer => self.drawer,
            Split::Terminal => self.terminal,
            Split::Detail => self.detail,
        }
    }

    pub fn set(&mut self, split: Split, size: f64) {
        let (least, most, _) = split.limits();
        let size = if size.is_finite() { size.clamp(least, most) } else { least };
        match split {
            Split::Lesson => self.lesson = size,
            Split::Drawer => self.drawer = size,
            Split::Terminal => self.terminal = size,
            Split::Detail => self.detail = size,
        }
    }

    pub fn toggle(&mut self, split: Split) {
        match split {
            Split::Lesson => self.lesson_folded = !self.lesson_folded,
            Split::Drawer => self.drawer_folded = !self.drawer_folded,
            Split::Terminal => self.terminal_folded = !self.terminal_folded,
            Split::Detail => self.detail = Panes::default().detail,
        }
    }

    /// Reads what an earlier visit stored; anything unreadable is the default.
    pub fn read(text: &str) -> Panes {
        let mut panes: Panes = serde_json::from_str(text).unwrap_or_default();
        for split in [Split::Lesson, Split::Drawer, Split::Terminal, Split::Detail] {
            panes.set(split, panes.get(split));
        }
        panes
    }

    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("panes are plain data")
    }

    /// CSS variables that the style sheet divides the screen by.
    pub fn style(&self) -> String {
        format!(
            "--lesson:{}px;--drawer:{}px;--terminal:{}%;--detail:{}%",
            self.lesson, self.drawer, self.terminal, self.detail
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_kept_and_mended() {
        let mut panes = Panes::default();
        panes.set(Split::Lesson, 400.0);
        panes.toggle(Split::Drawer);
        assert_eq!(Panes::read(&panes.write()), panes);
        assert_eq!(Panes::read("{}"), Panes::default());
        assert_eq!(Panes::read("nonsense"), Panes::default());
        assert_eq!(Panes::read(r#"{"lesson": 9000, "terminal": -3}"#).lesson, 620.0);
    }

    #[test]
    fn a_pane_never_becomes_unusable() {
        let mut panes = Panes::default();
        panes.set(Split::Terminal, f64::NAN);
        assert_eq!(panes.terminal, 15.0);
        panes.set(Split::Terminal, 300.0);
        assert_eq!(panes.terminal, 80.0);
    }
}
