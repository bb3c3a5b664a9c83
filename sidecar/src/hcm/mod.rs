//! The HTTP connection manager's rules: what it makes of a request before the filters see it, and of a response.
//!
//! Pure: nothing here knows connections or time but as values. `proxy` calls it.
//! Source: Envoy's documentation "HTTP connection management" and "HTTP header manipulation".

pub mod client_cert;
pub mod local_reply;
pub mod path;
pub mod request;
pub mod settings;

pub use local_reply::LocalReplies;
pub use settings::{FilterEntry, HttpFilter, RouteSource, Settings};
