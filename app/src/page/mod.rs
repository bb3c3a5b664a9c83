//! Whole pages, one for each route.

mod calls;
pub mod effects;
pub mod home;
pub mod lab;
pub mod lab_view;
pub mod missing;
mod seen;
