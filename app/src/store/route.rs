//! Where the learner is: the part of the address after `#`, so that the site works as plain files under any path.
//!
//! Stands between the address bar and `app.rs`. Always: `Route::parse(route.to_string()) == route`.
//! `#/` home · `#/lab/ID` · `#/sandbox` · each lab may carry `/s/PAYLOAD`, a shared world (see `share`).

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Home,
    /// `id` is a lesson's; the sandbox has none. `shared` is the payload of a share link.
    Lab {
        id: Option<String>,
        shared: Option<String>,
    },
    Missing,
}

impl Route {
    pub fn lab(id: &str) -> Route {
        Route::Lab { id: Some(id.to_string()), shared: None }
    }

    pub fn sandbox() -> Route {
        Route::Lab { id: None, shared: None }
    }

    /// Reads `location.hash`, with or without its `#`.
    pub fn parse(hash: &str) -> Route {
        let path = hash.trim_start_matches('#').trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            [""] => Route::Home,
            ["sandbox"] => Route::sandbox(),
            ["sandbox", "s", payload] => Route::Lab { id: None, shared: Some((*payload).to_string()) },
            ["lab", id] if is_id(id) => Route::lab(id),
            ["lab", id, "s", payload] if is_id(id) => {
                Route::Lab { id: Some((*id).to_string()), shared: Some((*payload).to_string()) }
            }
            _ => Route::Missing,
        }
    }
}

/// A lesson's id becomes a file name, so nothing but a slug may pass.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Home => write!(f, "#/"),
            Route::Missing => write!(f, "#/404"),
            Route::Lab { id, shared } => {
                match id {
                    Some(id) => write!(f, "#/lab/{id}")?,
                    None => write!(f, "#/sandbox")?,
                }
                shared.iter().try_for_each(|payload| write!(f, "/s/{payload}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_reads_back_from_its_own_text() {
        let shared = Route::Lab { id: Some("two-lans".into()), shared: Some("aGk_-".into()) };
        for route in [Route::Home, Route::sandbox(), Route::lab("switch"), shared] {
            assert_eq!(Route::parse(&route.to_string()), route);
        }
    }

    #[test]
    fn an_address_that_is_no_lesson_is_missing() {
        for hash in ["#/lab/", "#/lab/../secret", "#/lab/a.b", "#/elsewhere", "#/lab/a/b"] {
            assert_eq!(Route::parse(hash), Route::Missing, "{hash}");
        }
    }

    #[test]
    fn an_empty_hash_is_home() {
        assert_eq!(Route::parse(""), Route::Home);
        assert_eq!(Route::parse("#"), Route::Home);
    }
}
