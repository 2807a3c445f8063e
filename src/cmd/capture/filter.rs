//! The filter among the words of the command line, and what is said about one that cannot be read.

use std::net::IpAddr;

use crate::cmd::{running, usage};
use crate::diag::closest;
use crate::model::{Addresses, Lab, Node};
use crate::packet::filter::{self, Filter, Hosts, Wrong};

/// The targets and the filter. The first word that a filter can begin with begins it, unless it is given elsewhere.
pub(super) fn split<'a>(words: &'a [String], option: Option<&str>) -> (&'a [String], Option<String>) {
    if let Some(text) = option {
        return (words, Some(text.to_owned()));
    }
    let begins = words.iter().position(|word| filter::begins(word.split_whitespace().next().unwrap_or(word)));
    match begins {
        Some(at) => (&words[..at], Some(words[at..].join(" "))),
        None => (words, None),
    }
}

/// Reads a filter that may use the lab's names.
pub(super) fn read(text: &str, lab: &Lab) -> anyhow::Result<Filter> {
    filter::read(text, &Places(lab)).map_err(|wrong| usage(explain(text, &wrong)))
}

struct Places<'a>(&'a Lab);

impl Hosts for Places<'_> {
    /// Every address that a frame of the place may have: a node's cbr0 and each port of a router count.
    fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let lab = self.0;
        let of_node = |node: &Node| node.address.ips().chain(node.gateway.ips()).collect();
        if let Some(node) = lab.nodes.iter().find(|node| node.name == name) {
            return Some(of_node(node));
        }
        if let Some(router) = lab.routers.iter().find(|router| router.name == name) {
            return Some(router.ports.iter().flat_map(|port| port.address.ips()).collect());
        }
        if name == "fabric" && !lab.fabric.is_empty() {
            return Some(lab.fabric.iter().flat_map(Addresses::ips).collect());
        }
        running::addresses(lab, name).map(|addresses| addresses.ips().collect())
    }

    fn names(&self) -> Vec<String> {
        self.0.targets().map(str::to_owned).collect()
    }
}

/// The message, with the text and a caret below the place.
fn explain(text: &str, wrong: &Wrong) -> String {
    let word = &text[wrong.at.clone()];
    let help = match closest(word, wrong.meant.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => shorten(&wrong.help),
    };
    let before = text[..wrong.at.start].chars().count();
    let carets = "^".repeat(word.chars().count().max(1));
    // What moves the cursor would move the caret away from its word.
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("the filter: {}\n  {shown}\n  {:before$}{carets} {help}", wrong.message, "")
}

/// A list of many names, cut.
fn shorten(help: &str) -> String {
    let names: Vec<&str> = help.split(", ").collect();
    if names.len() > 24 { format!("{}, …", names[..20].join(", ")) } else { help.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Lab {
        crate::parse("[[node]]\nname = \"node1\"\npods = [\"pod1\", \"pod2\"]", "x").expect("a lab")
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_word_of_a_filter_ends_the_targets() {
        let cases = [
            ("", 0, None),
            ("pod1 node1/cbr0", 2, None),
            ("icmp", 0, Some("icmp")),
            ("pod1 host pod2 and icmp", 1, Some("host pod2 and icmp")),
            ("pod1 (icmp or arp)", 1, Some("(icmp or arp)")),
        ];
        for (text, targets, filter) in cases {
            let words = words(text);
            assert_eq!(split(&words, None), (&words[..targets], filter.map(str::to_owned)), "{text}");
        }
        let quoted = ["pod1".to_owned(), "icmp and host pod2".to_owned()];
        assert_eq!(split(&quoted, None), (&quoted[..1], Some("icmp and host pod2".to_owned())));
        assert_eq!(split(&words("tcp"), Some("arp")), (&words("tcp")[..], Some("arp".to_owned())));
    }

    #[test]
    fn a_node_is_known_by_all_of_its_addresses() {
        let lab = lab();
        let found = Places(&lab).addresses("node1").expect("a node");
        let addresses: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.168.66.11", "10.244.1.1"]);
    }

    #[test]
    fn what_is_wrong_has_a_caret_below_it_and_a_remedy() {
        let message = |text: &str| read(text, &lab()).expect_err(text).to_string();
        assert_eq!(
            message("hots pod1"),
            "the filter: a filter knows no `hots`\n  hots pod1\n  ^^^^ did you mean `host`?"
        );
        assert_eq!(
            message("icmp and host pdo2"),
            "the filter: nothing here is called `pdo2`\n  icmp and host pdo2\n                ^^^^ did you mean `pod2`?"
        );
        assert_eq!(
            message("icmp and"),
            "the filter: a condition is missing\n  icmp and\n          ^ write one, such as `icmp` or `host pod4`"
        );
    }
}
