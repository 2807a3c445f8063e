//! `netlab schema`: the JSON Schema of topology files, from the types that read them.

use super::FINE;
use crate::spec::schema as of_spec;
use crate::ui;

pub(super) fn schema() -> anyhow::Result<u8> {
    ui::print(&format!("{}\n", serde_json::to_string_pretty(&of_spec())?))?;
    Ok(FINE)
}
