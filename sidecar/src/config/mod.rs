//! Envoy v3 bootstrap configuration, read strictly.
