//! docs/packet-walk.md shows what its commands print. `INSTA_UPDATE=always cargo test --test packet_walk` writes it anew.

mod support;

use std::fs;
use std::path::Path;

use support::console::retold;
use support::in_each_mode;

#[test]
fn the_story_of_two_packets_is_true() {
    in_each_mode("the_story_of_two_packets_is_true", |world| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::create_dir_all(world.path().join("labs")).expect("a directory");
        fs::copy(root.join("labs/two-node.toml"), world.path().join("labs/two-node.toml")).expect("a copy");
        let path = root.join("docs/packet-walk.md");
        let document = fs::read_to_string(&path).expect("the document");
        let told = retold(world, &document);
        assert!(told.matches("\n$ netlab walk ").count() > 4, "the document has lost its commands");
        if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
            fs::write(&path, &told).expect("the document is written");
        } else if told != document {
            similar(&document, &told);
        }
    });
}

/// Fails with the first line that differs.
fn similar(document: &str, told: &str) {
    let mut lines = document.lines().zip(told.lines()).enumerate();
    let first = lines.find(|(_, (shown, printed))| shown != printed);
    let (number, (shown, printed)) = first.unwrap_or((0, ("as many lines", "another number of lines")));
    panic!("docs/packet-walk.md:{}: it shows\n  {shown}\nbut this is printed now:\n  {printed}", number + 1);
}
