//! A part of the benchmark, as it is shown.

use serde_json::Value;

/// What one part found.
pub(crate) struct Section {
    /// As `NETLAB_BENCH` names it.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Markdown.
    pub(crate) tables: String,
    /// The same for programs, with every single value.
    pub(crate) json: Value,
}

impl Section {
    pub(crate) fn markdown(&self) -> String {
        format!("### {} (`NETLAB_BENCH={}`)\n\n{}", self.title, self.name, self.tables)
    }
}
