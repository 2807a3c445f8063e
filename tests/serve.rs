//! `netlab serve` and `netlab fetch` on loopback: what labs rely on.

// Runs in VMs too (.ci/vm-tests).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use netlab::serve::{Servers, Service, fetch};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Far more than anything here takes; only a failing test waits for it.
const DEADLINE: Duration = Duration::from_secs(20);

struct Running {
    ports: Vec<u16>,
    log: Receiver<String>,
}

impl Running {
    /// The log's next line, once `listening` has been said.
    fn line(&self) -> String {
        let next = || self.log.recv_timeout(DEADLINE).expect("a line of log");
        std::iter::repeat_with(next).find(|line| !line.contains("listening")).expect("endless")
    }
}

/// Serves until the test process ends.
fn start(words: &[&str]) -> Running {
    let services: Vec<Service> = words.iter().map(|word| word.parse().expect(word)).collect();
    let servers = Servers::bind(&services).expect("bind");
    let ports = servers.ports().expect("ports");
    let (sender, log) = channel();
    let sender = Mutex::new(sender);
    let sink = Arc::new(move |line: &str| drop(sender.lock().expect("lock").send(line.to_owned())));
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(servers.serve(sink)).expect("serve");
    });
    Running { ports, log }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    stream.set_read_timeout(Some(DEADLINE)).expect("deadline");
    stream
}

/// Sends, half-closes and reads to the end.
fn exchange(port: u16, sent: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    stream.write_all(sent).expect("send");
    stream.shutdown(Shutdown::Write).expect("half-close");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

fn failure(url: &str) -> String {
    format!("{:#}", fetch(url, DEADLINE).expect_err(url))
}

/// A port where nothing listens; nobody else gets it from the kernel while it is bound.
fn unused_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("socket");
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("bind");
    let port = socket.local_addr().expect("address").as_socket().expect("inet").port();
    (socket, port)
}

#[test]
fn http_says_who_talked_to_whom() {
    let running = start(&["http:0"]);
    let port = running.ports[0];
    let hostname = nix::unistd::gethostname().expect("hostname").into_string().expect("UTF-8");
    let body = fetch(&format!("http://127.0.0.1:{port}/a?b"), DEADLINE).expect("fetch");
    let start = format!("hello from {hostname} (127.0.0.1:{port}), you are 127.0.0.1:");
    let (peer, line) = body.strip_prefix(&start).and_then(|rest| rest.split_once('\n')).expect(&body);
    assert_eq!(line, "GET /a?b HTTP/1.0\n");
    assert_eq!(running.line(), format!("http: 127.0.0.1:{peer} GET /a?b 200"));
}

#[test]
fn http_answers_on_ipv6_too() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // this machine has none
    }
    let port = start(&["http:0"]).ports[0];
    let body = fetch(&format!("http://[::1]:{port}/"), DEADLINE).expect("fetch");
    assert!(body.contains(&format!("([::1]:{port}), you are [::1]:")), "{body}");
}

#[test]
fn head_has_the_length_but_no_body() {
    let running = start(&["http:0"]);
    let answer =
        String::from_utf8(exchange(running.ports[0], b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nConnection: close\r\n") && !answer.contains("Content-Length: 0"),
        "{answer}"
    );
}

#[test]
fn malformed_requests_get_400_and_others_405() {
    let running = start(&["http:0"]);
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let endless = "x".repeat(100_000);
    for (sent, status) in [
        ("hello\r\n\r\n", "400"),
        ("GET /\x1b[31m HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: cut short", "400"),
        (&huge, "400"),
        (&endless, "400"),
        ("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", "405"),
    ] {
        let answer = exchange(running.ports[0], sent.as_bytes());
        let shown = String::from_utf8_lossy(&answer);
        assert!(shown.starts_with(&format!("HTTP/1.1 {status} ")), "{sent:.40?}: {shown}");
        assert!(running.line().ends_with(status));
    }
    assert!(exchange(running.ports[0], b"").is_empty());
    assert!(running.line().ends_with("sent nothing"));
}

#[test]
fn idle_clients_do_not_keep_others_waiting() {
    let running = start(&["http:0"]);
    let idle: Vec<TcpStream> = (0..40).map(|_| connect(running.ports[0])).collect();
    let url = format!("http://localhost:{}/", running.ports[0]);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| fetch(&url, DEADLINE).expect("fetch"));
        }
    });
    drop(idle);
}

#[test]
fn echo_sends_back_tcp_and_udp() {
    let running = start(&["echo:0"]);
    let port = running.ports[0];
    let sent = vec![7; 20_000];
    assert_eq!(exchange(port, &sent), sent);
    assert!(running.line().ends_with(" tcp 20000 bytes"));

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    socket.set_read_timeout(Some(DEADLINE)).expect("deadline");
    socket.connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    let mut buffer = vec![0; 1 << 16];
    for sent in [&b"hello"[..], b"", &[7; 60_000]] {
        socket.send(sent).expect("send");
        let length = socket.recv(&mut buffer).expect("echo");
        assert_eq!(&buffer[..length], sent);
        let here = socket.local_addr().expect("address");
        assert_eq!(running.line(), format!("echo: {here} udp {length} bytes"));
    }
}

#[test]
fn proxy_passes_http_on() {
    let http = start(&["http:0"]).ports[0];
    let proxy = start(&[&format!("proxy:0=localhost:{http}")]);
    let body = fetch(&format!("http://127.0.0.1:{}/x", proxy.ports[0]), DEADLINE).expect("fetch");
    assert!(body.contains(&format!(":{http}), you are ")) && body.ends_with("GET /x HTTP/1.0\n"), "{body}");
    let line = proxy.line();
    assert!(line.contains(&format!("to localhost:{http}: ")) && line.ends_with("back"), "{line}");
}

#[test]
fn proxy_closes_the_client_when_its_target_refuses() {
    let (_held, port) = unused_port();
    let proxy = start(&[&format!("proxy:0=127.0.0.1:{port}")]);
    assert!(exchange(proxy.ports[0], b"").is_empty());
    let line = proxy.line();
    assert!(line.ends_with(&format!(" to 127.0.0.1:{port}: connect to 127.0.0.1:{port}: refused")), "{line}");
}

#[test]
fn fetch_connects_by_tcp_and_names_failures() {
    let port = start(&["echo:0"]).ports[0];
    let said = fetch(&format!("tcp://127.0.0.1:{port}"), DEADLINE).expect("connect");
    assert!(said.starts_with(&format!("connected to 127.0.0.1:{port} from 127.0.0.1:")), "{said}");

    let (_held, port) = unused_port();
    let url = format!("http://127.0.0.1:{port}/");
    assert_eq!(failure(&url), format!("fetch {url}: connect to 127.0.0.1:{port}: refused"));
    let name = "x".repeat(64); // too long a label for any resolver to ask about
    let said = failure(&format!("http://{name}/"));
    assert!(said.contains(&format!("/: {name}: unknown name (")), "{said}");
}

#[test]
fn fetch_names_what_is_wrong_with_an_answer() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let there = listener.local_addr().expect("address");
    let url = format!("http://{there}/");
    for (answer, said) in [
        ("", "closed without an answer"),
        ("SSH-2.0\r\n", "the answer is not HTTP"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "answered 404 Not Found"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "closed after 2 of 9 bytes"),
    ] {
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("accept");
                let mut request = BufReader::new(stream.try_clone().expect("clone")).lines();
                while !request.next().expect("a line").expect("text").is_empty() {}
                stream.write_all(answer.as_bytes()).expect("answer");
            });
            assert_eq!(failure(&url), format!("fetch {url}: connected to {there}: {said}"));
        });
    }
    let late = fetch(&url, Duration::from_millis(50)).expect_err("the backlog accepts, nobody answers");
    assert_eq!(
        format!("{late:#}"),
        format!("fetch {url}: connected to {there}: no whole answer within 50ms")
    );
}

fn spawn(words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netlab"));
    command.arg("serve").args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("spawn")
}

#[test]
fn sigterm_and_sigint_end_it_at_once_with_success() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = spawn(&["http:0", "echo:0"]);
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let mut port = 0;
        for start in ["http: listening on port ", "echo: listening on port "] {
            let line = lines.next().expect("a line").expect("text");
            let rest = line.strip_prefix(start).expect(&line);
            port = rest.trim_end_matches(", tcp and udp").parse().expect(&line);
        }
        let _open = connect(port);
        kill(Pid::from_raw(child.id().cast_signed()), signal).expect("kill");
        assert_eq!(child.wait().expect("wait").code(), Some(0));
    }
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let port = start(&["http:0"]).ports[0];
    let output = spawn(&[&format!("http:{port}")]).wait_with_output().expect("wait");
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&format!("http: port {port}: already in use")), "{said}");
}
