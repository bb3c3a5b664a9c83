//! Whole pages, one for each route.

pub mod effects;
pub mod home;
pub mod lab;
pub mod lab_view;
pub mod missing;
