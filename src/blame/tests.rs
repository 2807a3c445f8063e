//! Labs that are made up from their plans, broken in one way each.

mod back;
mod flat;
mod outside;
mod refused;
mod settings;
mod there;
pub(crate) mod world;
