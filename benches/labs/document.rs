//! docs/benchmarks.md: what stands between its markers is what was measured last.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

const BEGIN: &str = "<!-- what `make bench` found -->\n";
const END: &str = "<!-- end -->\n";

/// Puts the figures into the document.
pub(crate) fn write(figures: &str) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let text = splice(&text, figures).with_context(|| format!("{}: no markers", path.display()))?;
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// The text with other figures between the markers; none where it has no markers.
fn splice(text: &str, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", figures.trim()))
}
