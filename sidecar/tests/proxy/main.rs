//! The proxy as a whole, without sockets: `lab` is its driver.

mod admin;
mod discovery;
mod ends;
mod floods;
mod fuzz;
mod lab;
