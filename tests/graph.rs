//! Drawings of every shipped lab, reviewed; Graphviz itself reads what is written for it.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use netlab::render::graph::{dot, mermaid, text};
use support::{in_each_mode, skip};

/// Three segments in a ring of routers, names that are words of Mermaid and Graphviz, and far too many of everything.
const RING: &str = r#"
cluster = { pod_cidr = ["10.0.0.0/8", "fd00:1::/48"], node_mask = 22 }
segment = [{ name = "end" }, { name = "graph" }, { name = "c" }]
router = [
    { name = "subgraph", segments = ["end", "graph"] },
    { name = "click", segments = ["graph", "c"] },
    { name = "class", segments = ["c", "end"] },
]
node = [
    { name = "style", segment = "graph", pods = ["node", "href"] },
    { name = "x--o", segment = "graph", count = 20, pods = 100 },
    { name = "lone", segment = "c" },
]
"#;

fn ring() -> netlab::model::Lab {
    netlab::parse(RING, "ring").expect("valid")
}

/// Everything that can be impaired, each way and with all values, and more hosts outside than are drawn.
const IMPAIRED: &str = r#"
cluster = { data_path = "cloud" }
segment = [{ name = "fast" }, { name = "slow", impair = { delay = "20ms" } }]
external = [
    { name = "e1" }, { name = "e2" }, { name = "e3" }, { name = "e4" }, { name = "e5" }, { name = "e6" },
    { name = "e7" }, { name = "e8" }, { name = "much-longer-a-name" }, { name = "e10" },
]

[[node]]
name = "near"
segment = "fast"
pods = ["fine"]
impair = { delay = "10ms", jitter = "1.5ms", loss = "0.5%", rate = "10mbit", duplicate = "1%", reorder = "25%", corrupt = "0.0001%" }

[[node]]
name = "far"
segment = "slow"

[[pod]]
name = "poor"
node = "far"
impair = { rate = "1mbit", loss = "1%", direction = "out" }
[[pod.container]]
name = "web"
command = ["true"]
"#;

fn impaired() -> netlab::model::Lab {
    netlab::parse(IMPAIRED, "impaired").expect("valid")
}

fn reviewed(name: &str, drawing: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots/graph", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, drawing);
    });
}

fn labs() -> Vec<(PathBuf, netlab::model::Lab)> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")).expect("labs").flatten();
    let paths = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == "toml"));
    paths
        .map(|path| {
            let stem = path.file_stem().expect("a name").to_str().expect("text");
            (path.clone(), netlab::parse(&fs::read_to_string(&path).expect("a lab"), stem).expect("valid"))
        })
        .collect()
}

#[test]
fn every_lab_is_drawn_three_ways() {
    for (_, lab) in labs() {
        for (format, drawing) in [("text", text(&lab)), ("mermaid", mermaid(&lab)), ("dot", dot(&lab))] {
            reviewed(&format!("{}.{format}", lab.name), &drawing);
        }
    }
}

#[test]
fn impairments_and_hosts_outside_are_drawn() {
    let lab = impaired();
    for (format, drawing) in [("text", text(&lab)), ("mermaid", mermaid(&lab)), ("dot", dot(&lab))] {
        for words in [
            "delay 20ms",
            "corrupt 0.0001%",
            "impaired out: loss 1%",
            "203.0.113.17",
            "… 2 more external hosts",
        ] {
            assert_eq!(drawing.matches(words).count(), 1, "{words} in {format}:\n{drawing}");
        }
        reviewed(&format!("impaired.{format}"), &drawing);
    }
}

#[test]
fn text_fits_a_terminal() {
    for (path, lab) in labs().into_iter().chain([("impaired".into(), impaired())]) {
        for line in text(&lab).lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", path.display());
        }
    }
}

#[test]
fn names_that_are_words_of_the_languages_are_names() {
    let lab = netlab::parse(
        "[[node]]\nname = \"end\"\npods = [\"graph\", \"subgraph\", \"a-b\", \"a--b\"]\n",
        "style",
    )
    .expect("valid");
    let drawing = mermaid(&lab);
    for word in ["end", "graph", "subgraph"] {
        assert!(
            !drawing.lines().any(|line| line.trim_start().starts_with(&format!("{word}["))
                || line.trim_start().starts_with(&format!("{word}("))),
            "{drawing}"
        );
    }
    assert_eq!(drawing.matches("pod_a_b(").count() + drawing.matches("pod_a__b(").count(), 2, "{drawing}");
}

#[test]
fn a_ring_of_routers_with_too_many_nodes_and_pods() {
    reviewed("ring.text", &text(&ring()));
}

/// GitHub draws no more than 500 edges and 50,000 characters (Mermaid's `maxEdges` and `maxTextSize`).
#[test]
fn mermaid_draws_far_too_many_pods() {
    let drawing = mermaid(&ring());
    let edges = drawing.lines().filter(|line| line.contains(" ---") || line.contains(" -.-")).count();
    assert!(edges < 500 && drawing.len() < 50_000, "{edges} edges, {} bytes", drawing.len());
    for line in drawing.lines().skip(4).map(str::trim).filter(|line| *line != "end") {
        let id = line.strip_prefix("subgraph ").unwrap_or(line).split(['[', '(', '{', ' ']).next();
        let kind = id.and_then(|id| id.split_once('_')).map(|(kind, _)| kind);
        let kinds = ["segment", "router", "node", "nodes", "eth0", "cbr0", "pod", "pods"];
        assert!(kind.is_some_and(|kind| kinds.contains(&kind)), "{line}");
        assert!(id.is_some_and(|id| !id.contains('-')), "{line}");
    }
}

#[test]
fn graphviz_reads_it() {
    if Command::new("dot").arg("-V").output().is_err() {
        return skip("graphviz_reads_it", "graphviz is not installed");
    }
    for (path, lab) in labs().into_iter().chain([("ring".into(), ring()), ("impaired".into(), impaired())]) {
        let mut child = Command::new("dot")
            .arg("-Tcanon")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("dot");
        child.stdin.take().expect("input").write_all(dot(&lab).as_bytes()).expect("writing");
        let output = child.wait_with_output().expect("dot ends");
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", path.display());
        let read = String::from_utf8_lossy(&output.stdout).matches("subgraph").count();
        assert!(read > 0, "{}: no clusters", path.display());
    }
}

#[test]
fn a_running_lab_is_drawn_by_its_name() {
    in_each_mode("a_running_lab_is_drawn_by_its_name", |world| {
        let file = world.lab("two-node.toml");
        let of_file = world.ok(&["graph", &file]);
        world.ok(&["up", "--name", "other", &file]);
        assert_eq!(world.ok(&["graph", "other"]), of_file.replace("two-node:", "other:"));
        let error = world.fails(2, &["graph", "othre"]);
        assert!(error.contains("did you mean `other`?"), "{error}");
    });
}
