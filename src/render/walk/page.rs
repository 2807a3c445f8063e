//! A walk as one page that needs nothing but a browser: the lab drawn, and the packet moving through it.
//!
//! The template, the style and the scripts are files of their own below `page/`, put together here. What the page shows
//! goes in as JSON, and the scripts only ever make text of it: whatever an error says, it cannot become markup.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::drawing::{Drawing, drawing};
use super::story::Story;
use super::text::{Detail, Text, text};
use crate::diag::Style;
use crate::model::Lab;
use crate::plan::Plan;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they build on each other.
const SCRIPT: &str = concat!(
    include_str!("page/layout.js"),
    include_str!("page/scene.js"),
    include_str!("page/packet.js"),
    include_str!("page/player.js"),
);
/// Columns of the text for browsers without scripts.
const COLUMNS: usize = 100;

/// What the scripts get.
#[derive(Serialize)]
struct Data<'a> {
    schema: &'static str,
    story: &'a Story,
    drawing: &'a Drawing,
}

/// The page.
pub fn page(story: &Story, lab: &Lab, plan: &Plan) -> serde_json::Result<String> {
    let drawing = drawing(story, lab, plan);
    let data = serde_json::to_string(&Data { schema: "netlab.walk/1", story, drawing: &drawing })?;
    let title = format!("{} → {}, {}: a walk in {}", story.from, story.to, story.probe, story.lab);
    let told = text(story, Text { width: COLUMNS, style: Style::Plain, detail: Detail::All });
    Ok(fill(|name| match name {
        "title" => escaped(&title),
        "policy" => policy(),
        "style" => STYLE.to_owned(),
        "script" => SCRIPT.to_owned(),
        "data" => harmless(&data),
        "text" => escaped(&told),
        _ => String::new(),
    }))
}

/// Nothing may be loaded from anywhere, and of what is in the page only this style and these scripts count.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// The template with what belongs in place of each `{{name}}`, in one pass: what is put in is not looked at again.
fn fill(value: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(TEMPLATE.len() + STYLE.len() + SCRIPT.len());
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        out.push_str(before);
        out.push_str(&value(name));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON in which nothing can be taken for the end of its element, for markup, or for the end of a line. All of these occur
/// in JSON only within strings, where the escape means the same.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for one in json.chars() {
        match one {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(one))),
            _ => out.push(one),
        }
    }
    out
}

#[cfg(test)]
mod tests;
