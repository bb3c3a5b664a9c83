//! `cargo run --release -p tests --bin bench [WORD...]`: how fast the engine is on this machine, natively.
//!
//! With words, only the groups of figures that are named so: packets, scale, whole, cluster.

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    tests::bench::run(&wanted, &mut |line| println!("{line}"));
}
