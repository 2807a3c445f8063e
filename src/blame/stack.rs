//! Packet filters, whoever made them: what of their rules can be read exactly is blamed, and the rest is only suspected.

use std::net::IpAddr;

use super::cause::{Cause, Refuser};
use super::facts::{FilterChain, FilterRule, Stage, State};
use super::follow::{Found, Walk};
use super::{Certainty, mend};
use crate::model::Family;
use crate::plan::nftables::Verdict;

/// What of a chain refuses a packet.
struct Refusal<'a> {
    rule: Option<&'a FilterRule>,
    by: Refuser,
    certainty: Certainty,
}

/// A cause, the commands that mend it, and how sure it is.
type Suspicion = (Cause, Vec<String>, Certainty);

/// The number of IP's protocol, and the port that a packet goes to, as far as they are known.
type About = Option<(u8, Option<u16>)>;

impl Walk<'_> {
    /// Whether the filters of a place let a packet through at these stages.
    pub(super) fn unrefused(
        &mut self,
        at: &str,
        state: &State,
        stages: &[Stage],
        (from, to): (Option<IpAddr>, IpAddr),
    ) -> Found<()> {
        let Some(from) = from else { return Ok(()) };
        for stage in stages {
            match self.refusal(at, state, stage, (from, to)) {
                Some((cause, mend, Certainty::Certain)) => return Err(self.wrong(at, cause, mend)),
                Some((cause, mend, Certainty::Suspected)) => self.suspect(at, cause, mend),
                None => {}
            }
        }
        Ok(())
    }

    /// What refuses a packet at a stage.
    pub(super) fn refusal(
        &self,
        at: &str,
        state: &State,
        stage: &Stage,
        (from, to): (IpAddr, IpAddr),
    ) -> Option<Suspicion> {
        let family = Family::of_address(&to);
        let asked =
            |chain: &&FilterChain| chain.stage == *stage && chain.family.is_none_or(|about| about == family);
        let mut perhaps = None;
        for chain in state.chains.iter().filter(asked) {
            let Some(refusal) = chain.refuses(from, to, self.about()) else { continue };
            let mend = refusal.rule.map_or_else(
                || mend::let_through(at, chain),
                |rule| rule.handle.map(|handle| mend::without_rule(at, chain, handle)).into_iter().collect(),
            );
            let cause = Cause::Refused {
                stage: stage.clone(),
                chain: format!("{} {}", chain.table, chain.name),
                packet: [self.named(from), self.named(to)],
                by: refusal.by,
            };
            let found = (cause, mend, refusal.certainty);
            if refusal.certainty == Certainty::Certain {
                return Some(found);
            }
            perhaps.get_or_insert(found);
        }
        perhaps
    }
}

impl FilterRule {
    /// Whether it asks for another protocol or port than a packet has.
    fn is_about_others(&self, sent: About) -> bool {
        let Some((protocol, port)) = sent else { return false };
        self.about.0.is_some_and(|about| about != protocol)
            || self.about.1.zip(port).is_some_and(|(about, port)| about != port)
    }
}

impl FilterChain {
    /// What of it refuses a packet from one address to another, for certain or perhaps.
    fn refuses(&self, from: IpAddr, to: IpAddr, sent: About) -> Option<Refusal<'_>> {
        let mut unread = Certainty::Certain;
        let mut perhaps = None;
        for (number, rule) in self.rules.iter().enumerate().filter(|(_, rule)| !rule.is_about_others(sent)) {
            let Some(says) = &rule.says else {
                if rule.refuses {
                    let by = Refuser::Unread(number + 1);
                    perhaps.get_or_insert(Refusal { rule: Some(rule), by, certainty: Certainty::Suspected });
                } else {
                    unread = Certainty::Suspected;
                }
                continue;
            };
            if !says.is_about(from, to) {
                continue;
            }
            match says.verdict {
                Verdict::Drop => {
                    let by = Refuser::Rule(says.to_string().replace("counter ", ""));
                    let certain = Refusal { rule: Some(rule), by, certainty: unread };
                    return Some(perhaps.filter(|_| unread == Certainty::Suspected).unwrap_or(certain));
                }
                // The chain has nothing more to say.
                Verdict::Return => break,
                _ => return perhaps,
            }
        }
        if !self.drops {
            return perhaps;
        }
        let by = if unread == Certainty::Certain { Refuser::Policy } else { Refuser::PolicyUnless };
        Some(Refusal { rule: None, by, certainty: unread })
    }
}

impl Stage {
    /// As `nft` writes its hook.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Ingress(_) => "ingress",
            Self::Egress(_) => "egress",
            Self::Bridged => "forward of a bridge",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::nftables::{Match, Rule};

    fn chain(drops: bool, rules: Vec<(Option<Rule>, bool)>) -> FilterChain {
        let rule = |(says, refuses): (Option<Rule>, bool)| FilterRule {
            says,
            refuses,
            about: (None, None),
            handle: Some(7),
        };
        FilterChain {
            table: "inet filter".into(),
            name: "forward".into(),
            stage: Stage::Forward,
            family: None,
            drops,
            rules: rules.into_iter().map(rule).collect(),
        }
    }

    fn about(net: &str, verdict: Verdict) -> (Option<Rule>, bool) {
        let matches = vec![Match::to(net.parse().expect("a network"))];
        (Some(Rule { matches, verdict }), verdict == Verdict::Drop)
    }

    /// What refuses a packet for 10.244.2.3.
    fn found(drops: bool, rules: Vec<(Option<Rule>, bool)>) -> Option<(Refuser, Certainty)> {
        let (from, to) =
            ("10.244.1.2".parse().expect("an address"), "10.244.2.3".parse().expect("an address"));
        chain(drops, rules).refuses(from, to, None).map(|refusal| (refusal.by, refusal.certainty))
    }

    #[test]
    fn what_can_be_read_is_certain() {
        let rule = Refuser::Rule("ip daddr 10.244.2.0/24 drop".into());
        assert_eq!(
            found(false, vec![about("10.244.2.0/24", Verdict::Drop)]),
            Some((rule, Certainty::Certain))
        );
        assert_eq!(found(false, vec![about("10.244.3.0/24", Verdict::Drop)]), None);
        assert_eq!(found(true, Vec::new()), Some((Refuser::Policy, Certainty::Certain)));
        assert_eq!(found(true, vec![about("10.244.2.0/24", Verdict::Accept)]), None);
        assert_eq!(
            found(true, vec![about("10.244.2.0/24", Verdict::Return)]),
            Some((Refuser::Policy, Certainty::Certain))
        );
    }

    #[test]
    fn what_cannot_be_read_is_suspected() {
        let (unread, suspected) = (|refuses| (None, refuses), Certainty::Suspected);
        assert_eq!(found(false, vec![unread(false)]), None);
        assert_eq!(found(false, vec![unread(false), unread(true)]), Some((Refuser::Unread(2), suspected)));
        assert_eq!(found(true, vec![unread(false)]), Some((Refuser::PolicyUnless, suspected)));
        // Whatever the first rule says, the second one lets nothing through.
        let rules = vec![unread(true), about("10.244.2.0/24", Verdict::Drop)];
        assert_eq!(found(false, rules).map(|(_, certainty)| certainty), Some(Certainty::Certain));
        let rules = vec![unread(false), about("10.244.2.0/24", Verdict::Drop)];
        assert_eq!(found(false, rules).map(|(_, certainty)| certainty), Some(suspected));
        let rules = vec![unread(true), about("10.244.2.0/24", Verdict::Accept)];
        assert_eq!(found(true, rules), Some((Refuser::Unread(1), suspected)));
    }
}
