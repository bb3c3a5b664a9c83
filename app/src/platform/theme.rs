//! Light, dark, or as the system has it; and whether things may move.

use super::{document, storage, window};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn kept() -> Theme {
        match storage::get("theme").as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    pub fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }

    /// Puts it on the page and keeps it.
    pub fn put(self) {
        storage::set("theme", self.name());
        if let Some(root) = document().document_element() {
            drop(root.set_attribute("data-theme", self.name()));
        }
    }
}

/// The value of a design token (`--bg`) as the page has it now.
pub fn token(name: &str) -> String {
    let root = document().document_element();
    let style = root.and_then(|root| window().get_computed_style(&root).ok().flatten());
    style.and_then(|style| style.get_property_value(name).ok()).unwrap_or_default().trim().to_string()
}

pub fn reduced_motion() -> bool {
    media("(prefers-reduced-motion: reduce)")
}

/// A screen too narrow to show all panes at once.
pub fn narrow() -> bool {
    media("(max-width: 1099px)")
}

fn media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}
