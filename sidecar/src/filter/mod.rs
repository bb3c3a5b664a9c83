//! What the HTTP and network filters decide.
