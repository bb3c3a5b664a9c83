//! The sidecar on real sockets: `sidecar -c bootstrap.yaml`.

fn main() {}
