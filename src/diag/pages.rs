//! The page of each code, as `netlab explain` prints it. The text is `pages.md`, one `## NLxxx` section per code.

use super::Code;

const PAGES: &str = include_str!("pages.md");

/// The page for a code: what it means, an example that is wrong, and the same one put right.
pub fn page(code: Code) -> &'static str {
    let heading = format!("## {}", code.id());
    let Some(start) = PAGES.find(&heading) else {
        return "there is no page for this code";
    };
    let section = &PAGES[start + 3..];
    section.find("\n## ").map_or(section, |end| &section[..end]).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_of_its_own() {
        for code in Code::ALL {
            let page = page(code);
            assert!(page.starts_with(code.id()), "{} has no page", code.id());
            assert!(page.lines().count() > 5, "the page of {} is empty", code.id());
        }
    }
}
