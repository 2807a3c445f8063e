//! A tiny HTTP/1.1 server whose every answer says who talked to whom.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::{Log, cause, target};

/// The longest request head; Apache and nginx draw the line here too.
const MAX_HEAD: usize = 8 << 10;
/// For the whole head, and again for taking the answer: no client holds a connection for long.
const PATIENCE: Duration = Duration::from_secs(5);
/// After the answer, what a client still sends is thrown away for this long.
const LINGER: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq)]
enum Outcome {
    Request {
        method: String,
        path: String,
        line: String,
    },
    Bad,
    Late,
    /// Closed before the first byte, as a TCP probe does.
    Nothing,
}

/// Answers one request, and closes.
pub(super) async fn answer(mut stream: TcpStream, peer: SocketAddr, hostname: Arc<str>, log: Log) {
    let outcome = timeout(PATIENCE, read_request(&mut stream)).await.unwrap_or(Outcome::Late);
    let Ok(here) = target::local(&stream) else { return };
    let (status, what, body) = match &outcome {
        Outcome::Nothing => return log(&format!("http: {peer} sent nothing")),
        Outcome::Late => {
            ("408 Request Timeout", "late request".into(), "no whole request within 5 seconds\n".into())
        }
        Outcome::Bad => {
            ("400 Bad Request", "bad request".into(), "not an HTTP/1 request of 8 KiB or less\n".into())
        }
        Outcome::Request { method, path, line } if method == "GET" || method == "HEAD" => {
            let body = format!("hello from {hostname} ({here}), you are {peer}\n{line}\n");
            ("200 OK", format!("{method} {path}"), body)
        }
        Outcome::Request { method, path, .. } => {
            ("405 Method Not Allowed", format!("{method} {path}"), "only GET and HEAD\n".into())
        }
    };
    log(&format!("http: {peer} {what} {}", &status[..3]));
    let headers = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let head_only = matches!(&outcome, Outcome::Request { method, .. } if method == "HEAD");
    let reply = if head_only { headers } else { headers + &body };
    match timeout(PATIENCE, send(&mut stream, reply.as_bytes())).await {
        Ok(Err(error)) => log(&format!("http: {peer} lost the answer: {}", cause(&error))),
        Err(_) => log(&format!("http: {peer} did not take the answer")),
        Ok(Ok(())) => {}
    }
}

/// Closing with input unread would send RST, which can overtake the answer.
async fn send(stream: &mut TcpStream, reply: &[u8]) -> std::io::Result<()> {
    stream.write_all(reply).await?;
    stream.shutdown().await?;
    let mut bin = [0; 512];
    let drain = async { while matches!(stream.read(&mut bin).await, Ok(1..)) {} };
    let _ = timeout(LINGER, drain).await;
    Ok(())
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Outcome {
    let mut head = Vec::with_capacity(1 << 10);
    loop {
        let room = (MAX_HEAD - head.len()) as u64;
        match stream.take(room).read_buf(&mut head).await {
            Ok(1..) => {}
            _ if head.is_empty() => return Outcome::Nothing,
            _ => return Outcome::Bad,
        }
        if let Some(outcome) = parse(&head) {
            return outcome;
        }
    }
}

/// None while more has to come. A bad first line is bad at once, so that someone who types into `nc` need not wait.
fn parse(head: &[u8]) -> Option<Outcome> {
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let line = head[..end].strip_suffix(b"\r").unwrap_or(&head[..end]);
    let Some(request) = parse_line(line) else { return Some(Outcome::Bad) };
    let rest = &head[end..];
    let whole =
        rest.windows(2).any(|pair| pair == b"\n\n") || rest.windows(3).any(|three| three == b"\n\r\n");
    whole.then_some(request)
}

/// Visible ASCII only, so that a request can write nothing strange into the log.
fn parse_line(line: &[u8]) -> Option<Outcome> {
    let line = std::str::from_utf8(line).ok()?;
    let [method, path, version] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
    let good = !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && !path.is_empty()
        && path.bytes().all(|byte| byte.is_ascii_graphic())
        && matches!(version, "HTTP/1.0" | "HTTP/1.1");
    good.then(|| Outcome::Request { method: method.into(), path: path.into(), line: line.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_at_its_empty_line() {
        for whole in ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n\n", "GET / HTTP/1.1\r\nHost: pod1\r\n\r\n"]
        {
            for cut in 0..whole.len() {
                assert_eq!(parse(&whole.as_bytes()[..cut]), None, "{:?}", &whole[..cut]);
            }
            let line = "GET / HTTP/1.1".into();
            let request = Outcome::Request { method: "GET".into(), path: "/".into(), line };
            assert_eq!(parse(whole.as_bytes()), Some(request));
        }
    }

    #[test]
    fn a_bad_first_line_needs_no_second() {
        for bad in [
            "hello\n",
            "\r\n",
            "GET /\n",
            "GET  / HTTP/1.1\n",
            "get / HTTP/1.1\n",
            "GET / HTTP/2\n",
            "GET /\x1b[31m HTTP/1.1\n",
        ] {
            assert_eq!(parse(bad.as_bytes()), Some(Outcome::Bad), "{bad:?}");
        }
    }
}
