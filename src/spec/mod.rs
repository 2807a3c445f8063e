//! PURE. The topology file as it is written: every table a plain struct, every value with its place.
//!
//! Reading never stops at the first error: a value of the wrong type becomes a diagnostic and an empty [`Field`],
//! so that whoever reads on can tell "written, but wrong" from "not written" and does not complain twice.

mod field;
mod read;
mod schema;
mod shape;
mod syntax;
mod types;

pub use field::{Field, Names, Pods, Row};
pub use read::read;
pub use schema::schema;
pub use types::{
    Cluster, Container, Document, External, IMPAIR_EXAMPLES, Impair, Node, Pod, Router, Segment, Test,
    Underlay, WORD_LISTS,
};
