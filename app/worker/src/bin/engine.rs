//! The engine of labs of Linux machines.

fn main() {
    worker::start();
}
