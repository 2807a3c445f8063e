//! What `netlab test` found, told to people and to programs: one format a file.
//!
//! Everything that a report repeats may come from a topology file or from the network, so each format escapes what is
//! special in it, and all of them show control characters as escapes.

mod details;
pub mod github;
pub mod json;
pub mod junit;
pub mod markdown;
pub(super) mod paint;
pub mod tap;
pub mod text;
pub(super) mod words;
