//! The proxy as a whole, without sockets: `lab` is its driver.

mod admin;
mod discovery;
mod floods;
mod fuzz;
mod lab;
