//! What may stand in an object, beyond its types: the API server's rules, in its words.

pub mod name;
