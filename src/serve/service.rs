//! The words that `netlab serve` takes. Pure.

use std::str::FromStr;

use super::target::{Target, parse_port};

/// Shown whenever a word is not understood.
pub(super) const FORMS: &str = "http:PORT, echo:PORT, stun:PORT or proxy:PORT=HOST:PORT";

/// One server, as written on the command line. Port 0 lets the kernel choose; the log tells which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// `http:PORT` says who answered whom.
    Http {
        /// The TCP port to listen on.
        port: u16,
    },
    /// `echo:PORT` sends everything back, by TCP and UDP (RFC 862).
    Echo {
        /// The TCP and UDP port to listen on.
        port: u16,
    },
    /// `stun:PORT` says as whom it sees the one who asks, by TCP and UDP (RFC 8489).
    Stun {
        /// The TCP and UDP port to listen on.
        port: u16,
    },
    /// `proxy:PORT=HOST:PORT` passes TCP connections on.
    Proxy {
        /// The TCP port to listen on.
        port: u16,
        /// Where each connection goes.
        target: Target,
    },
}

impl Service {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Echo { .. } => "echo",
            Self::Stun { .. } => "stun",
            Self::Proxy { .. } => "proxy",
        }
    }

    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Http { port } | Self::Echo { port } | Self::Stun { port } | Self::Proxy { port, .. } => {
                *port
            }
        }
    }
}

/// A word that names no service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("serve: {word:?} is no service{detail}: write {FORMS}")]
pub struct ParseServiceError {
    word: String,
    detail: String,
}

impl FromStr for Service {
    type Err = ParseServiceError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        parse(word).map_err(|why| {
            let detail = why.map(|why| format!(" ({why})")).unwrap_or_default();
            ParseServiceError { word: word.to_owned(), detail }
        })
    }
}

/// The error is the reason, where there is more to say than "not one of the forms".
fn parse(word: &str) -> Result<Service, Option<String>> {
    let (name, rest) = word.split_once(':').ok_or(None)?;
    match name {
        "http" => Ok(Service::Http { port: parse_port(rest)? }),
        "echo" => Ok(Service::Echo { port: parse_port(rest)? }),
        "stun" => Ok(Service::Stun { port: parse_port(rest)? }),
        "proxy" => {
            let (port, target) = rest.split_once('=').ok_or(None)?;
            Ok(Service::Proxy { port: parse_port(port)?, target: Target::parse(target, None)? })
        }
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_services() {
        assert_eq!("http:80".parse(), Ok(Service::Http { port: 80 }));
        assert_eq!("echo:0".parse(), Ok(Service::Echo { port: 0 }));
        assert_eq!("stun:3478".parse(), Ok(Service::Stun { port: 3478 }));
        for (word, host) in [
            ("proxy:8080=pod2:80", "pod2"),
            ("proxy:8080=10.0.0.2:80", "10.0.0.2"),
            ("proxy:8080=[fd00::2]:80", "fd00::2"),
        ] {
            let target = Target { host: host.into(), port: 80 };
            assert_eq!(word.parse(), Ok(Service::Proxy { port: 8080, target }), "{word}");
        }
    }

    #[test]
    fn a_bad_word_is_answered_with_the_forms() {
        let text = |word: &str| word.parse::<Service>().expect_err(word).to_string();
        assert_eq!(
            text("htp:80"),
            "serve: \"htp:80\" is no service: write http:PORT, echo:PORT, stun:PORT or proxy:PORT=HOST:PORT"
        );
        for (word, why) in [
            ("http:65536", " (\"65536\" is no port)"),
            ("http:", " (\"\" is no port)"),
            ("echo:+7", " (\"+7\" is no port)"),
            ("http", ""),
            ("", ""),
            ("proxy:80", ""),
            ("proxy:80=pod2", " (\"pod2\" lacks a port)"),
            ("proxy:80=pod2:0", " (nothing can listen on port 0)"),
            ("proxy:80=:80", " (\"\" is no host)"),
            ("proxy:80=fd00::2:80", " (\"fd00::2\" is no host; IPv6 goes in brackets)"),
            ("proxy:80=[pod2]:80", " (\"pod2\" is no IPv6 address)"),
        ] {
            assert!(
                text(word).starts_with(&format!("serve: {word:?} is no service{why}: write http")),
                "{}",
                text(word)
            );
        }
    }
}
