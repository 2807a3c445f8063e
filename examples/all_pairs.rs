//! Measures the prober: every pod of a running lab asks every other pod's address.
//!
//! `cargo run --release --example all_pairs LAB [ping|tcp|udp|traceroute] [TIMES]`

use std::time::Instant;

use netlab::kernel::{Interrupts, Prober};
use netlab::probe::{Attempt, Finding, Request, TracerouteOptions};
use netlab::state;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let lab = args.next().unwrap_or_else(|| "hundred-pods".to_owned());
    let attempt = match args.next().as_deref() {
        None | Some("ping") => Attempt::PING,
        Some("tcp") => Attempt::Tcp { port: 80 },
        Some("udp") => Attempt::Udp { port: 80 },
        Some(_) => Attempt::Traceroute(TracerouteOptions::default()),
    };
    let times = args.next().map_or(Ok(3), |times| times.parse())?;
    let record = state::record(&lab).ok_or_else(|| anyhow::anyhow!("no lab {lab}"))?;
    let pods: Vec<_> = record.lab.nodes.iter().flat_map(|node| &node.pods).collect();
    let place = |name: &str| record.sandboxes.iter().position(|sandbox| sandbox.name == name);
    let mut requests = Vec::new();
    for from in &pods {
        let index = place(&from.name).ok_or_else(|| anyhow::anyhow!("no place {}", from.name))?;
        for to in pods.iter().filter(|to| to.name != from.name) {
            let addresses =
                [to.address.v4.map(|net| net.addr().into()), to.address.v6.map(|net| net.addr().into())];
            for to in addresses.into_iter().flatten() {
                requests.push(Request { from: index, to, attempt: attempt.clone() });
            }
        }
    }
    let interrupts = Interrupts::hold()?;
    let began = Instant::now();
    let mut prober = Prober::new(&record.sandboxes)?;
    for _ in 0..times {
        let asked = Instant::now();
        let findings = prober.ask(&requests, &interrupts)?;
        let took = asked.elapsed();
        let mut words = std::collections::BTreeMap::new();
        for finding in findings {
            let word = match finding {
                Some(Finding::Answer(answer)) if answer.tries == 1 => answer.outcome.to_string(),
                Some(Finding::Answer(answer)) => format!("{} after {} tries", answer.outcome, answer.tries),
                Some(Finding::Path(trace)) => format!("{:?}", trace.end),
                None => "undecided".to_owned(),
            };
            *words.entry(word).or_insert(0) += 1;
        }
        println!("{} requests in {took:.2?}: {words:?}", requests.len());
    }
    println!("all of it: {:.2?}", began.elapsed());
    Ok(())
}
