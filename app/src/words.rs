//! Every string the page shows.
