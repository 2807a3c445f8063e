//! The page of a walk: what netlab writes, and what it does in a real browser.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::browser::{Browser, key};
use support::{Mode, World, in_each_mode, is_slow, skip, wait_until};

/// What the page shows at this moment.
const SHOWN: &str = r"
    const texts = (selector) => [...document.querySelectorAll(selector)].map((it) => it.textContent);
    const now = [...document.querySelectorAll('svg .chip.is-now, svg rect.bridge.is-now')].map((it) => it.dataset);
    return {
        now: now.map(({ place, interface: chip, bridge }) => [place, chip ?? bridge]),
        title: document.querySelector('#pane h2')?.firstChild.textContent.trim(),
        heading: document.querySelector('#pane h2 .heading')?.textContent,
        changes: texts('#pane .changes li'),
        asked: texts('#pane .asked dd'),
        ttls: [...document.querySelectorAll('#pane [data-field=ttl]')].map((it) => parseInt(it.textContent)),
        carries: texts('#pane [data-field=carries]'),
        macs: texts('#pane [data-field=mac-from], #pane [data-field=mac-to]'),
        emphasised: [...new Set([...document.querySelectorAll('#pane .is-changed')].map((it) => it.dataset.field))].sort(),
        fresh: document.querySelectorAll('#pane .is-new').length,
        around: document.querySelectorAll('.packet .around').length,
        current: [...document.querySelectorAll('#ways button[aria-current=step]')].map((it) => it.ariaLabel),
        live: document.getElementById('live').textContent,
        kind: document.getElementById('scene').dataset.kind,
        lost: texts('#pane .lost h3, #pane .lost .cause, #pane .lost pre'),
        playing: document.getElementById('play').textContent,
    };";

/// What is wrong with the drawing, as far as that can be measured: in each line one thing.
const FLAWS: &str = r"
    const flaws = [];
    const svg = document.querySelector('#scene svg');
    const whole = svg.getBoundingClientRect();
    const chips = [...svg.querySelectorAll('.chip')].map((chip) => {
        const { left, right, top, bottom } = chip.querySelector('rect').getBoundingClientRect();
        return { name: `${chip.dataset.place} ${chip.dataset.interface}`, left, right, top, bottom };
    });
    for (const one of chips) for (const other of chips) {
        if (one.name < other.name && one.left < other.right && other.left < one.right
            && one.top < other.bottom && other.top < one.bottom) flaws.push(`${one.name} overlaps ${other.name}`);
    }
    for (const text of svg.querySelectorAll('text')) {
        const { left, right, top, bottom } = text.getBoundingClientRect();
        if (left < whole.left - 1 || right > whole.right + 1 || top < whole.top - 1 || bottom > whole.bottom + 1) {
            flaws.push(`${text.textContent} is cut off`);
        }
        const chip = text.closest('.chip');
        const rect = chip && !text.classList.contains('aside') && chip.querySelector('rect').getBoundingClientRect();
        if (rect && (left < rect.left || right > rect.right)) flaws.push(`${text.textContent} is wider than its chip`);
    }
    const matrix = svg.getScreenCTM();
    for (const cable of svg.querySelectorAll('.cable')) {
        const length = cable.getTotalLength();
        if (!length) flaws.push('a cable of no length');
        for (const at of [0, length]) {
            const { x, y } = cable.getPointAtLength(at).matrixTransform(matrix);
            if (!chips.some((chip) => x >= chip.left && x <= chip.right && y >= chip.top && y <= chip.bottom)) {
                flaws.push(`a cable ends at no chip: ${x} ${y}`);
            }
        }
    }
    const packet = document.querySelector('.packet').getBoundingClientRect();
    const scene = document.getElementById('scene').getBoundingClientRect();
    if (packet.left < scene.left || packet.right > scene.right || packet.top < scene.top || packet.bottom > scene.bottom) {
        flaws.push('the packet cannot be seen');
    }
    if (document.documentElement.scrollWidth > innerWidth) flaws.push('the page is wider than the window');
    return flaws;";

/// A walk that was written as a page too, and as data.
struct Written {
    page: PathBuf,
    walk: Value,
}

impl Written {
    fn new(world: &World, name: &str, code: i32, args: &[&str]) -> Self {
        // Where the user of this world may write.
        let page = world.temporary().join(format!("{name}.html"));
        let file = page.to_str().expect("a path that is text");
        let ran = world.netlab(&[&["walk", "--format", "json", "--html", file], args].concat());
        assert_eq!(ran.code, code, "{ran:#?}");
        assert_eq!(ran.stderr, format!("wrote {file}\n"));
        let walk = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
        Self { page, walk }
    }

    /// Each step with the way that it is on.
    fn steps(&self) -> Vec<(&Value, &Value)> {
        let ways = self.walk["ways"].as_array().expect("ways");
        let steps = |way| Value::as_array(&Value::get(way, "steps").expect("steps").clone()).map(Vec::len);
        let all =
            ways.iter().flat_map(|way| (0..steps(way).unwrap_or(0)).map(move |at| (way, &way["steps"][at])));
        all.collect()
    }
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let texts = value.as_array().expect("a list").iter().filter_map(|it| it.pointer(pointer)?.as_str());
    texts.map(str::to_owned).collect()
}

/// The page shows this step, and says of it what the walk says.
fn expect_step(browser: &Browser, written: &Written, at: usize) {
    let steps = written.steps();
    let (way, step) = steps[at];
    let shown = browser.run(SHOWN);
    let (place, interface) = (&step["place"], &step["interface"]);
    let context = format!("step {}: {shown:#}", at + 1);
    assert_eq!(shown["now"], json!([[place, interface]]), "{context}");
    let name = format!("{} {}", place.as_str().expect("a place"), interface.as_str().expect("an interface"));
    assert_eq!(shown["title"], *name, "{context}");
    assert_eq!(shown["heading"], step["direction"], "{context}");
    assert_eq!(shown["kind"], way["kind"], "{context}");
    assert_eq!(shown["changes"], json!(texts(&step["changes"], "/text")), "{context}");
    assert_eq!(shown["asked"], json!(texts(&step["asked"], "/text")), "{context}");
    let layers = step["layers"].as_array().expect("layers");
    let ttls: Vec<&Value> = layers.iter().filter_map(|layer| layer.pointer("/ip/ttl")).collect();
    assert_eq!(shown["ttls"], json!(ttls), "{context}");
    assert_eq!(shown["carries"], json!(texts(&step["layers"], "/carries")), "{context}");
    let macs = layers.iter().flat_map(|layer| texts(&layer["ethernet"], "/address"));
    for (mac, shown) in macs.zip(shown["macs"].as_array().expect("addresses")) {
        assert!(shown.as_str().is_some_and(|shown| shown.contains(&mac)), "{mac}: {context}");
    }
    let kinds = texts(&step["changes"], "/kind");
    let has = |kind: &str| kinds.iter().any(|it| it == kind);
    let emphasised = texts(&shown["emphasised"], "");
    assert_eq!(emphasised.iter().any(|field| field.starts_with("mac-")), has("macs"), "{context}");
    assert_eq!(emphasised.iter().any(|field| field == "ttl"), has("ttl"), "{context}");
    assert_eq!(shown["fresh"], i32::from(has("wrapped")), "{context}");
    assert_eq!(shown["around"], layers.len() - 1, "the packet is drawn in as many others: {context}");
    assert_eq!(shown["current"].as_array().map(Vec::len), Some(1), "{context}");
    let begin = format!("Step {} of {}: {name}", at + 1, steps.len());
    assert!(shown["live"].as_str().is_some_and(|live| live.starts_with(&begin)), "{context}");
    assert_eq!(browser.run(FLAWS), json!([]), "step {}", at + 1);
}

/// One browser at a time: each takes as much of a small machine as all other tests together.
static ONE: Mutex<()> = Mutex::new(());

/// A world to make labs in, and a browser; what is missing is said.
fn with_browser(test: &str, run: impl Fn(&World, &Browser)) {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if is_slow() {
        return skip(test, "a browser takes minutes in an emulated machine");
    }
    let mut worlds = [Mode::Root, Mode::Ordinary].into_iter().map(World::new);
    let Some(world) = worlds.find_map(Result::ok) else {
        return skip(test, "no namespaces can be made");
    };
    match Browser::start() {
        Ok(browser) => run(&world, &browser),
        Err(why) => skip(test, &why),
    }
}

fn pictures() -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/walk-page");
    fs::create_dir_all(&directory).expect("a directory for pictures");
    directory
}

/// Long names, three segments, two routers and the fabric's, more than there is room for.
const CROWDED: &str = r#"
[cluster]
data_path = "vxlan"
[[segment]]
name = "the-first-of-all-segments"
[[segment]]
name = "rack2"
[[segment]]
name = "rack3"
[[router]]
name = "a-router-with-a-long-name"
segments = ["the-first-of-all-segments", "rack2"]
[[router]]
name = "r2"
segments = ["rack2", "rack3"]
[[node]]
name = "a-node-with-a-very-long-name-indeed-that-nobody-would-choose-22"
segment = "the-first-of-all-segments"
pods = ["p1", "a-pod-with-a-very-long-name-indeed-that-nobody-would-choose-123"]
[[node]]
name = "n2"
segment = "rack3"
pods = ["p3"]
[[external]]
name = "internet"
[[external]]
name = "dns"
ip = "8.8.8.8"
"#;

const STILL: [(&str, &str); 2] = [("prefers-reduced-motion", "reduce"), ("prefers-color-scheme", "light")];

/// Opens a page for somebody who wants no motion: what is shown is then there at once.
fn open(browser: &Browser, written: &Written, size: [u32; 2]) {
    browser.resize(size[0], size[1]);
    browser.prefer("", &STILL);
    browser.open(&written.page);
}

#[test]
fn every_step_is_shown_as_the_walk_has_it() {
    with_browser("every_step_is_shown_as_the_walk_has_it", |world, browser| {
        let labs = [
            ("two-node", "host-gw", "two-node.toml", vec!["pod1", "pod4"]),
            ("same-node", "host-gw", "two-node.toml", vec!["pod1", "pod2"]),
            ("vxlan", "vxlan", "two-node.toml", vec!["pod1", "pod4"]),
            ("l2", "l2", "two-node.toml", vec!["pod1", "pod4", "udp:9"]),
            ("two-racks", "vxlan", "two-racks.toml", vec!["pod1", "pod5"]),
            ("egress", "host-gw", "egress.toml", vec!["pod1", "internet", "tcp:80"]),
            ("cloud-v6", "cloud", "cloud.toml", vec!["-6", "pod1", "pod4"]),
            ("hundred-pods", "host-gw", "hundred-pods.toml", vec!["node1-pod1", "node10-pod10"]),
            (
                "crowded",
                "vxlan",
                "",
                vec!["p3", "a-pod-with-a-very-long-name-indeed-that-nobody-would-choose-123"],
            ),
            ("nodes", "host-gw", "two-node.toml", vec!["node1", "node2"]),
        ];
        let crowded = world.file("crowded.toml", CROWDED);
        for (name, data_path, file, args) in labs {
            let file = if name == "crowded" { crowded.clone() } else { world.lab(file) };
            world.ok(&["up", "--data-path", data_path, &file]);
            let written = Written::new(world, name, 0, &args);
            world.ok(&["down", "--all"]);
            open(browser, &written, [1280, 720]);
            let count = written.steps().len();
            assert!(count >= 6, "{name}");
            for at in 0..count {
                expect_step(browser, &written, at);
                if at == 4 {
                    browser.screenshot(&pictures().join(format!("{name}-light.png")));
                }
                browser.press(key::RIGHT);
            }
            assert_eq!(browser.complaints(), [""; 0], "{name}");
        }
    });
}

#[test]
fn it_is_operated_by_mouse_and_keys() {
    with_browser("it_is_operated_by_mouse_and_keys", |world, browser| {
        world.ok(&["up", "--data-path", "vxlan", &world.lab("two-node.toml")]);
        let written = Written::new(world, "operated", 0, &["pod1", "pod4"]);
        let last = written.steps().len() - 1;
        open(browser, &written, [1280, 720]);
        let expect = |at: usize| expect_step(browser, &written, at);
        expect(0);
        for (key, at) in
            [(key::END, last), (key::LEFT, last - 1), (key::RIGHT, last), (key::RIGHT, last), (key::HOME, 0)]
        {
            browser.press(key);
            expect(at);
        }
        browser.press(key::LEFT);
        expect(0);
        for (button, at) in [("#forward", 1), ("#forward", 2), ("#back", 1), ("#last", last), ("#first", 0)] {
            browser.click(button);
            expect(at);
        }
        browser.click("#ways .way:nth-child(2) li.group:nth-child(2) li:nth-child(2) button");
        let shown = browser.run(SHOWN);
        assert_eq!(shown["current"], json!([format!("Step 14: node2 cbr0, in")]), "{shown:#}");
        expect(13);
        // Whoever has only a keyboard sees where they are.
        browser.press(key::TAB);
        let focus = browser.run("return getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(focus, "solid");
        browser.press(key::HOME);
        expect(0);
        plays(browser, last);
    });
}

/// Which of these places of the packet are neither on its trail, which is whole at the end, nor beside a chip, where it rests.
const ASTRAY: &str = r"
    const trail = document.querySelector('.trail');
    const points = Array.from({ length: Math.ceil(trail.getTotalLength()) }, (_, at) => trail.getPointAtLength(at));
    const chips = [...document.querySelectorAll('.chip > rect')].map((rect) => rect.getBBox());
    return window.flown.filter((text) => {
        const [x, y] = text.match(/-?[\d.]+/g).map(Number);
        const beside = ({ x: left, y: top, width, height }) =>
            Math.abs(y - top - height / 2) < 1 && x > left + width / 2 - 1 && x < left + width + 25;
        return !points.some((point) => Math.hypot(point.x - x, point.y - y) < 2) && !chips.some(beside);
    });";

/// With motion: the packet moves on its own to the end, faster if one wants, and stops when it is told to.
fn plays(browser: &Browser, last: usize) {
    browser.prefer("", &[("prefers-reduced-motion", "no-preference")]);
    browser.run("document.getElementById('speed').value = '4'; document.activeElement.blur();");
    let number = || {
        let live = browser.run("return document.getElementById('live').textContent");
        live.as_str().and_then(|live| live.split(' ').nth(1)?.parse::<usize>().ok()).expect("a number")
    };
    // Where the packet is drawn, noted by the page itself: it draws more often than can be asked for.
    browser.run(
        "window.flown = []; const packet = document.querySelector('.packet');
         new MutationObserver(() => window.flown.push(packet.getAttribute('transform')))
             .observe(packet, { attributes: true, attributeFilter: ['transform'] });",
    );
    browser.press(key::SPACE);
    assert_eq!(browser.run(SHOWN)["playing"], "Pause");
    wait_until("the packet is at its third step", || number() >= 3);
    browser.press(key::SPACE);
    let paused = number();
    assert_eq!(browser.run(SHOWN)["playing"], "Play");
    // A step takes half a second at this speed; nothing is waited for here, so the time itself is the subject.
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        assert_eq!(number(), paused, "a pause is one");
    }
    browser.click("#play");
    wait_until("the packet is at its end", || number() == last + 1);
    wait_until("what has ended does not play", || browser.run(SHOWN)["playing"] == "Play");
    let flown = browser.run("return new Set(window.flown).size").as_u64().expect("a number");
    let places = u64::try_from(last + 1).expect("a small number");
    assert!(flown > places + places / 2, "it moves, and does not only jump: {flown} places");
    // The trail is whole when the packet has arrived.
    wait_until("it has gone along cables and lanes", || browser.run(ASTRAY) == json!([]));
    browser.press(key::HOME);
    assert_eq!((number(), &browser.run(SHOWN)["kind"]), (1, &json!("request")));
}

#[test]
fn it_asks_nobody_for_anything() {
    with_browser("it_asks_nobody_for_anything", |world, browser| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let written = Written::new(world, "alone", 0, &["pod1", "pod4"]);
        browser.requests();
        open(browser, &written, [1280, 720]);
        browser.press(key::END);
        browser.click("#theme");
        let page = format!("file://{}", written.page.display());
        let foreign = |urls: Vec<String>| -> Vec<String> {
            urls.into_iter().filter(|url| *url != page && !url.starts_with("data:")).collect()
        };
        let requests = browser.requests();
        assert!(requests.contains(&page), "the log says what is asked for: {requests:?}");
        assert_eq!(foreign(requests), [""; 0]);
        assert_eq!(browser.complaints(), [""; 0]);
        // Not even if it wanted to: its own policy forbids it, and these logs would say so.
        browser.run("new Image().src = 'http://127.0.0.1:9/x.png'; document.body.append(document.createElement('style'));");
        wait_until("the policy speaks up", || {
            browser.complaints().iter().any(|complaint| complaint.contains("Content Security Policy"))
        });
    });
}

#[test]
fn it_can_be_read_in_the_dark_on_phones_and_on_paper() {
    with_browser("it_can_be_read_in_the_dark_on_phones_and_on_paper", |world, browser| {
        world.ok(&["up", "--data-path", "vxlan", &world.lab("two-node.toml")]);
        let written = Written::new(world, "read", 0, &["pod1", "pod4"]);
        let ground = || browser.run("return getComputedStyle(document.body).backgroundColor");
        let picture = |name: &str| browser.screenshot(&pictures().join(format!("{name}.png")));
        open(browser, &written, [1280, 720]);
        (0..4).for_each(|_| browser.press(key::RIGHT));
        let light = ground();
        picture("light");
        browser.click("#theme");
        let dark = ground();
        assert_ne!(dark, light);
        assert_eq!(browser.run("return document.getElementById('theme').ariaPressed"), "true");
        expect_step(browser, &written, 4);
        picture("dark");
        browser.click("#theme");
        assert_eq!(ground(), light);
        browser.prefer("", &[("prefers-reduced-motion", "reduce"), ("prefers-color-scheme", "dark")]);
        wait_until("what somebody has set their system to counts at once", || ground() == dark);
        open(browser, &written, [390, 844]);
        for at in 0..written.steps().len() {
            expect_step(browser, &written, at);
            if at == 4 {
                picture("narrow");
            }
            browser.click("#forward");
        }
        browser.resize(800, 2000);
        browser.prefer("print", &STILL);
        let printed = browser.run(
            "return [...document.querySelectorAll('.step')].filter((it) => it.checkVisibility()).length",
        );
        assert_eq!(printed, written.steps().len());
        let hidden = browser.run("return document.querySelector('.controls').checkVisibility()");
        assert_eq!(hidden, false);
        picture("paper");
        assert_eq!(browser.complaints(), [""; 0]);
    });
}

#[test]
fn what_was_lost_is_marked_and_explained() {
    with_browser("what_was_lost_is_marked_and_explained", |world, browser| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        world.ok(&["exec", "node2", "--", "sysctl", "-qw", "net.ipv4.ip_forward=0"]);
        let written = Written::new(world, "lost", 1, &["pod1", "pod4"]);
        open(browser, &written, [1280, 720]);
        let last = written.steps().len() - 1;
        assert_eq!(written.walk["lost"]["after_step"], last + 1);
        assert_eq!(browser.run(SHOWN)["lost"], json!([]), "not before it happens");
        let marked = "return document.querySelectorAll('.death.is-now').length";
        assert_eq!(browser.run(marked), 0);
        browser.press(key::END);
        expect_step(browser, &written, last);
        assert_eq!(browser.run(marked), 1);
        let shown = browser.run(SHOWN);
        let told: Vec<&str> =
            shown["lost"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
        let lost = &written.walk["lost"];
        for what in [&lost["text"], &lost["cause"], &lost["mend"][0]] {
            let what = what.as_str().expect("text");
            assert!(told.iter().any(|line| line.contains(what)), "{what}: {told:?}");
        }
        assert_eq!(shown["current"], json!(["Step 6: node2 eth0, in, lost here"]));
        browser.screenshot(&pictures().join("lost.png"));
        assert_eq!(browser.complaints(), [""; 0]);
    });
}

/// How many echo requests pod1 has sent, as its kernel counts them.
fn sent(world: &World) -> u64 {
    let text = world.ok(&["exec", "pod1", "--", "cat", "/proc/net/snmp"]);
    let lines: Vec<Vec<&str>> =
        text.lines().filter(|line| line.starts_with("Icmp:")).map(|line| line.split(' ').collect()).collect();
    let column = lines[0].iter().position(|name| *name == "OutEchos").expect("a column");
    lines[1][column].parse().expect("a number")
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_sent() {
    in_each_mode("a_file_that_cannot_be_written_is_refused_before_anything_is_sent", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let directory = world.temporary();
        let path = |name: &str| directory.join(name).display().to_string();
        let pipe = directory.join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a pipe");
        let read_only = path("read-only.html");
        fs::write(&read_only, "old").expect("a file");
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o444);
        fs::set_permissions(&read_only, permissions).expect("chmod");
        let before = sent(world);
        for (file, code, why) in [
            (path("none/walk.html"), 4, "there is no folder"),
            (path(""), 4, "it is a folder"),
            (path("pipe"), 4, "it is no regular file"),
            (read_only.clone(), 4, "it is read-only"),
            ("-".to_owned(), 2, "name a file"),
        ] {
            let ran = world.netlab(&["walk", "pod1", "pod4", "--html", &file]);
            assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{file}: {ran:#?}");
            let begin = format!("netlab: --html {file}: ");
            assert!(ran.stderr.starts_with(&begin) && ran.stderr.contains(why), "{file}: {}", ran.stderr);
        }
        assert_eq!(sent(world), before, "no packet was sent for nothing");
        assert_eq!(fs::read_to_string(&read_only).expect("the old file"), "old");
        let written = Written::new(world, "walk", 0, &["pod1", "pod4"]);
        assert_eq!(sent(world), before + 1);
        assert!(fs::read_to_string(&written.page).expect("a page").ends_with("</html>\n"));
        // What a link points to is replaced, and nothing else is left.
        let link = directory.join("link.html");
        std::os::unix::fs::symlink(&written.page, &link).expect("a link");
        world.ok(&["walk", "pod1", "pod2", "--html", link.to_str().expect("text")]);
        assert!(link.is_symlink());
        assert!(fs::read_to_string(&written.page).expect("a page").contains("pod1 → pod2"));
        let names =
            fs::read_dir(&directory).expect("a directory").map(|entry| entry.expect("an entry").file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".netlab-")).collect();
        assert!(left.is_empty(), "{left:?}");
    });
}
