//! What a page must hold whatever the walk was. How it behaves is tests/walk_page.rs's subject.

use std::collections::HashMap;

use serde_json::Value;

use super::super::drawing::drawing;
use super::super::story::{CountsTold, Heading, Lost, Origin, StepTold, Story, Way, WayKind};
use super::{SCRIPT, STYLE, page};
use crate::model::Lab;
use crate::plan::{plan, veth_name};

fn lab(file: &str) -> Lab {
    let text = match file {
        "two-node" => include_str!("../../../../labs/two-node.toml"),
        "hundred-pods" => include_str!("../../../../labs/hundred-pods.toml"),
        "two-racks" => include_str!("../../../../labs/two-racks.toml"),
        "egress" => include_str!("../../../../labs/egress.toml"),
        _ => panic!("{file}"),
    };
    crate::parse(text, file).expect("a shipped lab")
}

fn step(number: usize, place: &str, interface: &str, ports: Option<[&str; 2]>) -> StepTold {
    StepTold {
        number,
        place: place.to_owned(),
        kind: "node",
        interface: interface.to_owned(),
        ports: ports.map(|ports| ports.map(str::to_owned)),
        direction: Heading::In,
        after_ns: 0,
        role: String::new(),
        bytes: 98,
        pieces: 1,
        layers: Vec::new(),
        macs: None,
        changes: Vec::new(),
        asked: Vec::new(),
        questions: Vec::new(),
        copies: Vec::new(),
        frame: None,
    }
}

/// A walk over these interfaces: `node1/eth0`, or `fabric/underlay node1 node2` where a segment is crossed.
fn story(from: &str, to: &str, spots: &[&str]) -> Story {
    let steps = spots.iter().enumerate().map(|(at, spot)| {
        let words: Vec<&str> = spot.split(['/', ' ']).collect();
        step(at + 1, words[0], words[1], words.get(2).map(|came| [*came, words[3]]))
    });
    Story {
        lab: "lab".into(),
        data_path: "host-gw",
        from: from.into(),
        to: to.into(),
        target: "10.244.2.3".parse().expect("an address"),
        probe: "icmp".into(),
        what: "an ICMP echo request".into(),
        origin: Origin::Captured,
        outcome: None,
        ways: vec![Way { kind: WayKind::Request, what: "ICMP echo request".into(), steps: steps.collect() }],
        unanswered: Vec::new(),
        counts: CountsTold { routers: 0, translations: 0, encapsulations: 0, questions: 0 },
        verdict: "delivered and answered".into(),
        prediction: None,
        lost: None,
    }
}

fn across(from: [&str; 2], to: [&str; 2]) -> Story {
    let [one, other] = [from[1], to[1]];
    let spots = [
        format!("{one}/eth0"),
        format!("{}/{}", from[0], veth_name(one)),
        format!("{}/cbr0", from[0]),
        format!("{}/eth0", from[0]),
        format!("fabric/underlay {} {}", from[0], to[0]),
        format!("{}/eth0", to[0]),
        format!("{}/cbr0", to[0]),
        format!("{}/{}", to[0], veth_name(other)),
        format!("{other}/eth0"),
    ];
    story(one, other, &spots.each_ref().map(String::as_str))
}

fn rendered(story: &Story, lab: &Lab) -> String {
    page(story, lab, &plan(lab)).expect("a page")
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).expect(begin);
    rest.split_once(end).expect(end).0
}

fn data(page: &str) -> &str {
    between(page, "id=\"data\">", "</script>")
}

#[test]
fn text_from_outside_stays_text() {
    let hostile = "</script><script>alert(1)</script><!-- & \u{2028}\u{2029} {{style}} \" ' \\ \u{0}";
    let mut story = across(["node1", "pod1"], ["node2", "pod4"]);
    story.verdict = hostile.into();
    story.to = hostile.into();
    story.lost = Some(Lost {
        after_step: Some(3),
        place: hostile.into(),
        text: hostile.into(),
        evidence: vec![hostile.into()],
        cause: Some(hostile.into()),
        show: vec![hostile.into()],
        mend: vec![hostile.into()],
    });
    let page = rendered(&story, &lab("two-node"));
    let data = data(&page);
    assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{data}");
    let read: Value = serde_json::from_str(data).expect("JSON");
    for pointer in ["verdict", "to", "lost/text", "lost/evidence/0", "lost/cause", "lost/mend/0"] {
        assert_eq!(read.pointer(&format!("/story/{pointer}")).and_then(Value::as_str), Some(hostile));
    }
    assert_eq!(page.matches("<script").count(), 2, "the data and the scripts");
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<!--").count(), 0);
    assert_eq!(page.matches(STYLE).count(), 1, "what is put in is not looked at again");
}

#[test]
fn a_page_refers_to_nothing_outside() {
    let page = rendered(&across(["node1", "pod1"], ["node2", "pod4"]), &lab("two-node"));
    let page = page.replace("'http://www.w3.org/2000/svg'", "");
    for outside in
        ["http:", "https:", "//www", "src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("href=").count(), 1, "the empty icon");
    assert!(page.contains("href=\"data:,\""));
}

#[test]
fn only_this_style_and_these_scripts_count() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let page = rendered(&across(["node1", "pod1"], ["node2", "pod4"]), &lab("two-node"));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, text) in [
        ("style", between(&page, "<style>", "</style>")),
        ("script", between(&page, "</script>\n<script>", "</script>")),
    ] {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text.as_bytes()));
        assert!(policy.contains(&format!("{name}-src 'sha256-{hash}'")), "{name}: {policy}");
        assert!(!text.contains('\r'), "a browser would hash another text");
    }
    assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("</"), "text never becomes markup");
}

/// Each step's chips, by place and interface, and whether the drawing in the page has them.
#[test]
fn every_step_is_at_a_chip_that_is_drawn() {
    let racks = ["node1/eth0", "fabric/rack1 node1 spine.eth0", "spine/eth0", "spine/eth1"];
    let cases = [
        ("two-node", across(["node1", "pod1"], ["node2", "pod4"])),
        ("hundred-pods", across(["node1", "node1-pod1"], ["node10", "node10-pod10"])),
        ("two-racks", story("node1", "node3", &racks)),
        (
            "egress",
            story(
                "node1",
                "internet",
                &["fabric/node1", "fabric/underlay", "fabric/internet", "internet/eth0"],
            ),
        ),
        // What nobody planned: another interface, another bridge's port, another place.
        (
            "two-node",
            story("pod1", "pod9", &["pod1/eth7", "node1/br7", "fabric/underlay a b", "elsewhere/eth0"]),
        ),
    ];
    for (file, story) in cases {
        let lab = lab(file);
        let page = rendered(&story, &lab);
        let read: Value = serde_json::from_str(data(&page)).expect("JSON");
        let drawn: HashMap<(String, String), bool> = read["drawing"]["places"]
            .as_array()
            .expect("places")
            .iter()
            .flat_map(|place| {
                let chips = place["chips"].as_array().expect("chips").iter();
                chips.map(|chip| {
                    let text = |value: &Value| value.as_str().expect("text").to_owned();
                    ((text(&place["name"]), text(&chip["interface"])), chip["is_used"] == true)
                })
            })
            .collect();
        for step in &story.ways[0].steps {
            let interfaces = step.ports.clone().unwrap_or([step.interface.clone(), step.interface.clone()]);
            for interface in interfaces {
                let key = (step.place.clone(), interface);
                assert_eq!(drawn.get(&key), Some(&true), "{file}: {key:?}");
            }
        }
    }
}

#[test]
fn a_crossed_segment_and_the_cables_are_marked() {
    let lab = lab("two-node");
    let drawing = drawing(&across(["node1", "pod1"], ["node2", "pod4"]), &lab, &plan(&lab));
    let fabric = &drawing.places[0];
    assert!(fabric.bridges[0].is_used && fabric.bridges[0].label == "segment underlay");
    let used: Vec<String> = drawing
        .cables
        .iter()
        .filter(|cable| cable.is_used)
        .map(|cable| cable.ends.each_ref().map(|end| end.place.as_str()).join("-"))
        .collect();
    assert_eq!(used, ["fabric-node1", "node1-pod1", "fabric-node2", "node2-pod4"]);
    assert!(!drawing.draws("fabric", "underlay"), "the switch is no place's interface where nobody routes");
    assert!(drawing.draws("node1", &veth_name("pod2")), "a small lab is drawn whole");
    assert!(drawing.left_out.is_empty());
}

#[test]
fn of_a_hundred_pods_the_two_on_the_way_are_drawn() {
    let lab = lab("hundred-pods");
    let story = across(["node1", "node1-pod1"], ["node10", "node10-pod10"]);
    let drawing = drawing(&story, &lab, &plan(&lab));
    let names: Vec<&str> = drawing.places.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(names, ["fabric", "node1", "node1-pod1", "node10", "node10-pod10"]);
    assert_eq!(drawing.places[1].pods_left_out, 9);
    assert_eq!(drawing.left_out, ["8 more nodes with 80 pods"]);
    assert_eq!(drawing.places.iter().map(|place| place.chips.len()).sum::<usize>(), 2 + 3 + 1 + 3 + 1);
    assert_eq!(drawing.cables.len(), 4);
}

#[test]
fn a_packet_that_was_never_sent_has_a_page_too() {
    let mut never = story("pod1", "pod4", &[]);
    never.ways.clear();
    let page = rendered(&never, &lab("two-node"));
    assert!(data(&page).contains("\"ways\":[]"));
}

/// The colours of a theme by name.
fn theme(begin: &str) -> HashMap<&'static str, [f64; 3]> {
    let declarations = between(STYLE, begin, "}").split(';').filter_map(|one| one.trim().split_once(": #"));
    declarations
        .map(|(name, hex)| {
            let part =
                |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour")) / 255.0;
            (name.trim(), [part(0), part(2), part(4)])
        })
        .collect()
}

/// As WCAG defines it.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let luminance =
        |[red, green, blue]: [f64; 3]| 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn everything_can_be_read_in_both_themes() {
    for begin in [":root {", ":root[data-theme=\"dark\"] {"] {
        let colours = theme(begin);
        let pairs = [("ink", "ground", 7.0), ("ink", "card", 7.0), ("ink", "sunk", 7.0), ("ink", "bad", 7.0)];
        let quiet = ["ground", "card", "sunk", "bad"].map(|on| ("quiet", on, 4.5));
        let ways = ["request", "reply", "error"].map(|way| (way, "ground", 4.5));
        let on_ways = ["request", "reply", "error"].map(|way| ("ground", way, 4.5));
        let boxes = [
            ("changed-ink", "changed", 7.0),
            ("asked-ink", "asked", 4.5),
            ("ink", "asked", 7.0),
            ("error", "bad", 4.5),
        ];
        for (text, ground, least) in pairs.into_iter().chain(quiet).chain(ways).chain(on_ways).chain(boxes) {
            let colour = |name: &str| colours[format!("--{name}").as_str()];
            let found = contrast(colour(text), colour(ground));
            assert!(found >= least, "{begin} {text} on {ground}: {found:.2}");
        }
    }
}
