//! The engine of labs with a Kubernetes cluster: the Linux one and more.

fn main() {
    worker::start();
}
