//! Which sockets of a namespace wait for somebody.

use std::fs;

/// `TCP_LISTEN` and `TCP_CLOSE` (net/tcp_states.h), as `/proc/net/tcp` and `/proc/net/udp` print them: a UDP socket that
/// waits for anybody is in the state of a closed connection.
const LISTENS: [(&str, &str); 4] = [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")];

/// How many sockets listen in the network namespace of a process; none where that cannot be read.
pub fn listening(pid: i32) -> usize {
    LISTENS.iter().map(|(protocol, state)| in_state(pid, protocol, state)).sum()
}

fn in_state(pid: i32, protocol: &str, state: &str) -> usize {
    let table = fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).unwrap_or_default();
    table.lines().skip(1).filter(|line| line.split_whitespace().nth(3) == Some(state)).count()
}
