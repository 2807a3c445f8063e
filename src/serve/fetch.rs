//! A tiny client: enough of HTTP to ask one page, and a bare TCP connect.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout_at};

use super::cause;
use super::target::{Target, local, plain};

/// The longest answer, head included.
const MAX_ANSWER: usize = 1 << 20;

/// Gets `http://HOST[:PORT][/PATH]` and returns the body, or connects to `tcp://HOST:PORT` and returns a line that says so.
///
/// Builds its own runtime: call it from synchronous code. `patience` is for everything together.
///
/// # Errors
/// A bad URL; a name that is unknown; a connection refused, timed out or without a route; an answer that is late, cut short,
/// too long (1 MiB) or has a status other than 2xx. The text begins with the URL.
pub fn fetch(url: &str, patience: Duration) -> Result<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("fetch: start tokio")?;
    let outcome = runtime.block_on(get(url, patience));
    // Dropping the runtime would wait for a name look-up that is past its deadline.
    runtime.shutdown_background();
    outcome.with_context(|| format!("fetch {url}"))
}

async fn get(url: &str, patience: Duration) -> Result<String> {
    let deadline = Instant::now() + patience;
    let parsed = parse(url)?;
    let mut stream = parsed.target.connect(patience).await.map_err(|failure| anyhow!(failure))?;
    let there = plain(stream.peer_addr().context("ask for the peer")?);
    let Some(path) = parsed.path else {
        return Ok(format!(
            "connected to {there} from {}\n",
            local(&stream).context("ask for the local address")?
        ));
    };
    match timeout_at(deadline, ask(&mut stream, &parsed.target, path)).await {
        Ok(answer) => answer,
        Err(_) => Err(anyhow!("no whole answer within {patience:?}")),
    }
    .with_context(|| format!("connected to {there}"))
}

/// HTTP/1.0, because its answers end where the connection does and are never chunked.
async fn ask(stream: &mut TcpStream, target: &Target, path: &str) -> Result<String> {
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {target}\r\nUser-Agent: netlab\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| anyhow!("send: {}", cause(&error)))?;
    let mut bytes = Vec::new();
    while !parse_answer(&bytes).is_some_and(|answer| answer.is_whole()) {
        let room = MAX_ANSWER - bytes.len();
        ensure!(room > 0, "answer is longer than {MAX_ANSWER} bytes");
        match (&mut *stream).take(room as u64).read_buf(&mut bytes).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => bail!("{} after {} bytes of answer", cause(&error), bytes.len()),
        }
    }
    ensure!(!bytes.is_empty(), "closed without an answer");
    let Some(Answer { status, length, body }) = parse_answer(&bytes) else { bail!("the answer is not HTTP") };
    ensure!(status.starts_with('2'), "answered {status}");
    let length = length.unwrap_or(body.len());
    ensure!(body.len() >= length, "closed after {} of {length} bytes", body.len());
    Ok(String::from_utf8_lossy(&body[..length]).into_owned())
}

struct Answer<'a> {
    /// Code and reason: `404 Not Found`.
    status: &'a str,
    length: Option<usize>,
    body: &'a [u8],
}

impl Answer<'_> {
    /// Without a length, only the end of the connection tells.
    fn is_whole(&self) -> bool {
        self.length.is_some_and(|length| self.body.len() >= length)
    }
}

/// None if the head is not there in full, or is none.
fn parse_answer(bytes: &[u8]) -> Option<Answer<'_>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.split("\r\n");
    let (version, status) = lines.next()?.split_once(' ')?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|(_, value)| value.trim().parse().ok());
    version.starts_with("HTTP/1.").then_some(Answer { status, length, body: &bytes[end + 4..] })
}

struct Url<'a> {
    target: Target,
    /// None for `tcp://`.
    path: Option<&'a str>,
}

fn parse(url: &str) -> Result<Url<'_>> {
    let forms = "write http://HOST[:PORT][/PATH] or tcp://HOST:PORT";
    let no = |why: String| anyhow!("{why}: {forms}");
    ensure!(
        url.bytes().all(|byte| byte.is_ascii_graphic()),
        "a URL is visible ASCII without spaces: {forms}"
    );
    if let Some(authority) = url.strip_prefix("tcp://") {
        return Ok(Url { target: Target::parse(authority, None).map_err(no)?, path: None });
    }
    let Some(rest) = url.strip_prefix("http://") else { bail!("no scheme that is known: {forms}") };
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    Ok(Url { target: Target::parse(authority, Some(80)).map_err(no)?, path: Some(path) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, target, path) in [
            ("http://pod1", "pod1:80", Some("/")),
            ("http://pod1:8080/a?b#c", "pod1:8080", Some("/a?b")),
            ("http://10.244.1.2/", "10.244.1.2:80", Some("/")),
            ("http://[fd00::2]:8080/x", "[fd00::2]:8080", Some("/x")),
            ("tcp://[fe80::1%eth0]:7", "[fe80::1%eth0]:7", None),
        ] {
            let parsed = parse(url).expect(url);
            assert_eq!((parsed.target.to_string().as_str(), parsed.path), (target, path), "{url}");
        }
    }

    #[test]
    fn a_bad_url_says_what_to_write() {
        for (url, why) in [
            ("https://pod1/", "no scheme that is known"),
            ("tcp://pod1", "\"pod1\" lacks a port"),
            ("http://", "\"\" is no host"),
            ("http://me@pod1/", "\"me@pod1\" is no host"),
            ("http://[fd00::2]8080/", "\"8080\" is no port"),
            ("http://pod1/a b", "a URL is visible ASCII without spaces"),
        ] {
            let text = parse(url).err().expect(url).to_string();
            assert_eq!(text, format!("{why}: write http://HOST[:PORT][/PATH] or tcp://HOST:PORT"));
        }
    }
}
