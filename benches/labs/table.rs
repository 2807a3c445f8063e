//! Markdown tables.

/// A table that grows row by row.
pub(crate) struct Table {
    text: String,
    columns: usize,
    rows: usize,
}

impl Table {
    /// A table of these columns; one whose name begins with `#` has numbers, and is aligned to the right.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let names: Vec<&str> = columns.iter().map(|name| name.trim_start_matches('#')).collect();
        let rules: Vec<&str> =
            columns.iter().map(|name| if name.starts_with('#') { "---:" } else { "---" }).collect();
        let text = format!("| {} |\n|{}|\n", names.join(" | "), rules.join("|"));
        Self { text, columns: columns.len(), rows: 0 }
    }

    pub(crate) fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) {
        let cells: Vec<String> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.columns, "{cells:?}");
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
        self.rows += 1;
    }

    /// Nothing at all where there are no rows.
    pub(crate) fn finish(self) -> String {
        if self.rows == 0 { String::new() } else { self.text }
    }
}
