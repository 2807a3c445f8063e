//! A real browser without a screen: Debian's Chromium, driven by WebDriver over loopback HTTP.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{lives, patience, wait_until};

/// What Chromium needs to start as root and to leave the network alone.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
];

/// One browser with one window.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Chromium's own process.
    browser: Option<i32>,
    /// Its profile, home and log: it leaves nothing elsewhere.
    _directory: tempfile::TempDir,
}

/// Keys as WebDriver writes them.
pub mod key {
    pub const LEFT: &str = "\u{e012}";
    pub const RIGHT: &str = "\u{e014}";
    pub const HOME: &str = "\u{e011}";
    pub const END: &str = "\u{e010}";
    pub const TAB: &str = "\u{e004}";
    pub const SPACE: &str = " ";
}

impl Browser {
    /// Starts one, or says which program is missing.
    pub fn start() -> Result<Self, String> {
        for program in ["chromium", "chromedriver"] {
            let found = Command::new(program).arg("--version").stdin(Stdio::null()).output();
            found.map_err(|error| format!("{program}: {error}"))?;
        }
        let directory = tempfile::Builder::new().prefix("netlab-browser-").tempdir().expect("a directory");
        let log = directory.path().join("log");
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", directory.path())
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log).expect("a log"))
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        // From here on `drop` ends what was started.
        let mut browser =
            Self { driver, port: 0, session: String::new(), browser: None, _directory: directory };
        wait_until("chromedriver says its port", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            // It says "on port 0" first, which is what it was asked for.
            let port = text.rsplit("on port ").next().and_then(|rest| rest.split(['.', '\n']).next());
            browser.port = port.and_then(|port| port.parse().ok()).unwrap_or(0);
            browser.port > 0 && TcpStream::connect(("127.0.0.1", browser.port)).is_ok()
        });
        let profile = browser._directory.path().join("profile");
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": arguments },
        }}});
        let session = browser.call("POST", "/session", &wanted);
        session["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        let process = session.pointer("/capabilities/goog:processID").and_then(Value::as_i64);
        browser.browser = process.and_then(|process| i32::try_from(process).ok());
        // Its first page has much to ask for.
        browser.in_session("POST", "/url", &json!({ "url": "about:blank" }));
        Ok(browser)
    }

    /// One request to the driver; gives back its value.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.exchange(method, path, body).expect("an answer of chromedriver");
        assert_eq!(status, 200, "{method} {path} {body}: {answer:#}");
        answer["value"].clone()
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(patience()))?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let mut answer = Vec::new();
        let head = loop {
            let mut part = [0; 16_384];
            let length = stream.read(&mut part)?;
            answer.extend(&part[..length]);
            if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if length == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|length| length.trim().parse().ok()).expect("a length");
        let mut body = answer.split_off(head + 4);
        let known = body.len();
        body.resize(length.max(known), 0);
        stream.read_exact(&mut body[known..])?;
        Ok((status, serde_json::from_slice(&body).expect("JSON of chromedriver")))
    }

    fn in_session(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("/session/{}{path}", self.session), body)
    }

    /// Opens a file from disk.
    pub fn open(&self, path: &Path) {
        self.in_session("POST", "/url", &json!({ "url": format!("file://{}", path.display()) }));
    }

    /// What a piece of script gives back.
    pub fn run(&self, script: &str) -> Value {
        self.in_session("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Presses a key and lets it go.
    pub fn press(&self, key: &str) {
        let keys = json!([{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }]);
        self.in_session(
            "POST",
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] }),
        );
    }

    /// Clicks, as with a mouse, on what a selector names: it has to be visible and nothing may cover it.
    pub fn click(&self, selector: &str) {
        let found =
            self.in_session("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        let path = format!("/element/{}/click", id.expect("an element"));
        self.in_session("POST", &path, &json!({}));
    }

    /// What developers' tools can do besides.
    fn command(&self, command: &str, parameters: &Value) {
        self.in_session("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }));
    }

    /// How large the window is, in pixels of the page.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &size);
    }

    /// What somebody has set their system to, and whether the page is printed: `("prefers-color-scheme", "dark")`.
    pub fn prefer(&self, media: &str, features: &[(&str, &str)]) {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.command("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
    }

    /// What the window shows, as PNG.
    pub fn screenshot(&self, path: &Path) {
        let picture = self.in_session("GET", "/screenshot", &Value::Null);
        let picture = picture.as_str().expect("a picture");
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture).expect("base64");
        fs::write(path, bytes).expect("writing a picture");
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.in_session("POST", "/se/log", &json!({ "type": kind })).as_array().expect("a log").clone()
    }

    /// What the console said since it was last asked: errors, warnings and violated policies.
    pub fn complaints(&self) -> Vec<String> {
        let text = |entry: &Value| entry["message"].as_str().map(str::to_owned);
        self.log("browser").iter().filter_map(text).collect()
    }

    /// What the page asked for since this was last asked.
    pub fn requests(&self) -> Vec<String> {
        let event = |entry: &Value| -> Option<String> {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let is_request = event.pointer("/message/method")? == "Network.requestWillBeSent";
            let url = event.pointer("/message/params/request/url")?.as_str()?;
            is_request.then(|| url.to_owned())
        };
        self.log("performance").iter().filter_map(event).collect()
    }
}

/// However the test ended, what was started ends: the browser by its driver, else by its pid; then the driver.
impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.exchange("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        if let Some(browser) = self.browser.filter(|browser| lives(*browser)) {
            let _ = kill(Pid::from_raw(browser), Signal::SIGKILL);
        }
        if let Ok(group) = i32::try_from(self.driver.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.driver.wait();
    }
}
