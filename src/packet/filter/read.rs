//! A filter from its text.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use super::{Filter, Hosts, Protocol, Side, Wrong};

/// Words that are no protocol's.
const OTHERS: [&str; 8] = ["src", "dst", "host", "net", "port", "and", "or", "not"];

/// Parentheses within parentheses, and `not` after `not`: more than anybody writes, and no more than the stack has room for.
const DEEPEST: usize = 64;

/// Words of one filter, for the same reasons: each `or` is one more step for every frame.
const LONGEST: usize = 1000;

/// All words that have a meaning.
pub fn words() -> impl Iterator<Item = &'static str> {
    Protocol::ALL.into_iter().map(|(word, _)| word).chain(OTHERS)
}

/// Whether a filter can begin with this word.
pub fn begins(word: &str) -> bool {
    word.starts_with(['(', '!']) || words().any(|known| known == word && !["and", "or"].contains(&known))
}

/// A word, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token<'a> {
    at: Range<usize>,
    word: &'a str,
}

/// Parentheses and `!` are words wherever they stand, `&&` and `||` too.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with(['(', ')', '!']) {
            1
        } else if rest.starts_with("&&") || rest.starts_with("||") {
            2
        } else {
            let end = |c: char| c.is_whitespace() || "()!&|".contains(c);
            let first = rest.chars().next().map_or(1, char::len_utf8);
            rest.find(end).unwrap_or(rest.len()).max(first)
        };
        let word = &rest[..length];
        if !word.trim().is_empty() {
            tokens.push(Token { at: at..at + length, word });
        }
        at += length;
    }
    tokens
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Where the text ends.
    end: usize,
    depth: usize,
    hosts: &'a dyn Hosts,
}

/// How two conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

pub(super) fn read(text: &str, hosts: &dyn Hosts) -> Result<Filter, Wrong> {
    let tokens = tokens(text);
    if let Some(token) = tokens.get(LONGEST) {
        let message = format!("a filter has {LONGEST} words at most");
        return Err(wrong(token.at.clone(), message, "capture everything, and filter what was captured"));
    }
    let mut reader = Reader { tokens, next: 0, end: text.len(), depth: 0, hosts };
    let filter = reader.joined()?;
    match reader.peek() {
        None => Ok(filter),
        Some(token) => Err(wrong(token.at.clone(), "this `)` closes nothing", "take it away")),
    }
}

fn wrong(at: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong { at, message: message.into(), help: help.into(), meant: Vec::new() }
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).cloned()
    }

    fn take(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.next += usize::from(token.is_some());
        token
    }

    /// The word that must come next.
    fn expect(&mut self, message: &str, help: &str) -> Result<Token<'a>, Wrong> {
        let end = self.end;
        self.take().ok_or_else(|| wrong(end..end, message, help))
    }

    /// Conditions, joined by `and` and `or`.
    fn joined(&mut self) -> Result<Filter, Wrong> {
        let mut filter = self.condition()?;
        let mut before = None;
        while let Some(token) = self.peek().filter(|token| token.word != ")") {
            let join = match token.word {
                "and" | "&&" => Join::And,
                "or" | "||" => Join::Or,
                word => return Err(not_joined(&token, word)),
            };
            if (before, join) == (Some(Join::Or), Join::And) {
                return Err(wrong(
                    token.at,
                    "`and` after `or` can be read in two ways",
                    "say what belongs together: `(a or b) and c`, which is how tcpdump reads it, or `a or (b and c)`",
                ));
            }
            before = Some(join);
            self.next += 1;
            let other = Box::new(self.condition()?);
            filter = match join {
                Join::And => Filter::Both(Box::new(filter), other),
                Join::Or => Filter::Either(Box::new(filter), other),
            };
        }
        Ok(filter)
    }

    /// One condition, or its contrary, or what stands in parentheses.
    fn condition(&mut self) -> Result<Filter, Wrong> {
        let token = self.expect("a condition is missing", "write one, such as `icmp` or `host pod4`")?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong(token.at, "this is nested too deeply", "write it with fewer parentheses"));
        }
        let filter = match token.word {
            "not" | "!" => Filter::Not(Box::new(self.condition()?)),
            "(" => {
                let inside = self.joined()?;
                if self.take().is_none() {
                    return Err(wrong(token.at, "this `(` is never closed", "write a `)`"));
                }
                inside
            }
            "src" => self.of_side(Side::Source, "src")?,
            "dst" => self.of_side(Side::Destination, "dst")?,
            _ => self.primitive(Side::Any, &token)?,
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// What follows `src` or `dst`.
    fn of_side(&mut self, side: Side, word: &str) -> Result<Filter, Wrong> {
        let help = format!("write `{word} host`, `{word} net` or `{word} port`");
        let token = self.expect(&format!("`{word}` of what?"), &help)?;
        if ["host", "net", "port"].contains(&token.word) {
            return self.primitive(side, &token);
        }
        let meant = ["host", "net", "port"].map(str::to_owned).to_vec();
        let message = format!("`{word}` is followed by `host`, `net` or `port`, not by `{}`", token.word);
        // `src pod4` is tcpdump's, too.
        let help = match self.hosts.addresses(token.word) {
            Some(_) => format!("write `{word} host {}`", token.word),
            None => help,
        };
        Err(Wrong { meant, ..wrong(token.at, message, help) })
    }

    fn primitive(&mut self, side: Side, token: &Token<'_>) -> Result<Filter, Wrong> {
        match token.word {
            "host" => self.host(side),
            "net" => self.net(side),
            "port" => self.port(side),
            word => match Protocol::ALL.into_iter().find(|(known, _)| *known == word) {
                Some((_, protocol)) => Ok(Filter::Is(protocol)),
                None => Err(self.unknown(token)),
            },
        }
    }

    fn unknown(&self, token: &Token<'_>) -> Wrong {
        let at = token.at.clone();
        if ["and", "or", "&&", "||", ")"].contains(&token.word) {
            let message = format!("a condition is missing before `{}`", token.word);
            return wrong(at, message, "write one, such as `icmp` or `host pod4`");
        }
        let is_host = token.word.parse::<IpAddr>().is_ok() || self.hosts.addresses(token.word).is_some();
        let help = match is_host {
            true => format!("write `host {}`", token.word),
            false => format!("there is: {}", words().collect::<Vec<_>>().join(", ")),
        };
        let meant = if is_host { Vec::new() } else { words().map(str::to_owned).collect() };
        Wrong { meant, ..wrong(at, format!("a filter knows no `{}`", token.word), help) }
    }

    fn host(&mut self, side: Side) -> Result<Filter, Wrong> {
        let token = self.expect("`host` of what name or address?", "write one, such as `host pod4`")?;
        let word = token.word;
        if let Ok(address) = word.parse() {
            return Ok(Filter::Host(side, vec![address]));
        }
        if let Some(addresses) = self.hosts.addresses(word) {
            return Ok(Filter::Host(side, addresses));
        }
        if word.parse::<IpNet>().is_ok() {
            let message = format!("`{word}` is a network, and `host` is about one address");
            return Err(wrong(token.at, message, format!("write `net {word}`")));
        }
        let names = self.hosts.names();
        let help = format!("there is: {}", names.join(", "));
        Err(Wrong { meant: names, ..wrong(token.at, format!("nothing here is called `{word}`"), help) })
    }

    fn net(&mut self, side: Side) -> Result<Filter, Wrong> {
        let token =
            self.expect("`net` of what?", "write an address with its prefix, such as `net 10.244.0.0/16`")?;
        let word = token.word;
        if let Ok(net) = word.parse::<IpNet>() {
            return Ok(Filter::Net(side, net));
        }
        let help = match word.parse::<IpAddr>() {
            Ok(_) => format!("write `host {word}`, or say how long its prefix is, such as `net {word}/24`"),
            Err(_) => "write an address with its prefix, such as `net 10.244.0.0/16`".to_owned(),
        };
        Err(wrong(token.at, format!("`{word}` is no network"), help))
    }

    fn port(&mut self, side: Side) -> Result<Filter, Wrong> {
        let help = "write a number up to 65535, such as `port 53`";
        let token = self.expect("`port` of what number?", help)?;
        let number =
            token.word.parse().map_err(|_| wrong(token.at, format!("`{}` is no port", token.word), help))?;
        Ok(Filter::Port(side, number))
    }
}

/// Two conditions stand side by side.
fn not_joined(token: &Token<'_>, word: &str) -> Wrong {
    if words().any(|known| known == word) || ["(", "!"].contains(&word) {
        let help = format!("write `and {word}`, or `or {word}`");
        return wrong(token.at.clone(), "two conditions stand side by side", help);
    }
    let meant = words().map(str::to_owned).collect();
    Wrong {
        meant,
        ..wrong(token.at.clone(), format!("`{word}` is not expected here"), "write `and` or `or` first")
    }
}
