//! API objects: the tree they are, the texts they come in, and what the API knows of each kind.

pub mod decode;
pub mod default;
pub mod diff;
pub mod endpointslice;
pub mod hash;
pub mod json;
pub mod kind;
pub mod metadata;
pub mod patch;
pub mod quantity;
pub mod schema;
pub mod selector;
pub mod service;
pub mod status;
pub mod time;
pub mod value;
pub mod view;
mod word;
pub mod yaml;

pub use kind::{KINDS, Kind, Resource};
pub use status::{Cause, Status};
pub use time::Time;
pub use value::{Map, NULL, Value};
