//! What is to be compared: the lab on each data path, and the pair of places, all checked before anything is made.

use crate::cli;
use crate::cmd::{Fail, USAGE, load, ping, usage};
use crate::compare::{Comparison, NoPair, Pair};
use crate::diag::{Diagnostic, closest};
use crate::model::{DataPath, Family, Lab};
use crate::ui;

/// One data path.
pub(super) struct Trial {
    pub(super) data_path: DataPath,
    /// The lab on it, or why the topology does not allow it.
    pub(super) lab: Result<Lab, String>,
}

/// Everything that the command line asks for, and a comparison that has no rows yet.
pub(super) fn trials(args: &cli::Compare) -> anyhow::Result<(Comparison, Vec<Trial>)> {
    let named = load::data_paths(&args.data_path)?;
    let text = load::read(&args.file)?;
    let mut trials: Vec<Trial> = Vec::new();
    let mut first_wrong: Option<Vec<Diagnostic>> = None;
    let all = if named.is_empty() { DataPath::ALL.to_vec() } else { named.clone() };
    for data_path in all {
        let lab = text.parse_with(Some(data_path)).map_err(|diagnostics| {
            let why = reason(&diagnostics);
            first_wrong.get_or_insert(diagnostics);
            why
        });
        trials.push(Trial { data_path, lab });
    }
    let lab = trials.iter().find_map(|trial| trial.lab.as_ref().ok());
    let Some(lab) = lab else {
        let own = text.parse().err();
        let what = match (&own, named.as_slice()) {
            (None, [one]) => format!("does not allow {}", one.word()),
            (None, _) => "allows none of these data paths".to_owned(),
            (Some(_), _) => "is not a valid topology".to_owned(),
        };
        ui::remark(text.render(&own.or(first_wrong).unwrap_or_default()).trim_end());
        let message = format!("{} {what}; nothing was compared", text.path);
        return Err(Fail { code: USAGE, message }.into());
    };
    let pair = Pair::of(lab, args.from.as_deref(), args.to.as_deref()).map_err(|why| no_pair(lab, why))?;
    let family = family(args, lab, &pair)?;
    let comparison = Comparison {
        lab: lab.name.clone(),
        file: text.path.clone(),
        pair,
        family,
        seconds: args.seconds.as_secs_f64(),
        interrupted: false,
        rows: Vec::new(),
    };
    Ok((comparison, trials))
}

/// What is wrong, in a line: the code leads to the rest.
fn reason(diagnostics: &[Diagnostic]) -> String {
    let mut reasons = diagnostics.iter().map(|one| format!("{} ({})", one.message, one.code.id()));
    reasons.next().unwrap_or_default()
}

fn no_pair(lab: &Lab, why: NoPair) -> anyhow::Error {
    usage(match why {
        NoPair::NoPods => format!(
            "`{}` has no pods on two nodes, and a data path is what is between those: name two places with --from and \
             --to, such as nodes",
            lab.name
        ),
        NoPair::SameNode(node) => {
            format!(
                "both are on {node}, and a data path is what is between nodes: name places on two of them"
            )
        }
        NoPair::Unknown(name) => {
            let places = lab.nodes.iter().map(|node| &node.name).chain(lab.pods().map(|(_, pod)| &pod.name));
            let near = closest(&name, places.map(String::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("lab `{}` has no pod or node `{name}`{near}", lab.name)
        }
    })
}

/// The family asked for, or the first that both ends have.
fn family(args: &cli::Compare, lab: &Lab, pair: &Pair) -> anyhow::Result<Family> {
    let have = |family: &Family| {
        [&pair.from, &pair.to]
            .iter()
            .all(|end| end.addresses(lab).is_some_and(|addresses| addresses.get(*family).is_some()))
    };
    let wanted = ping::family(&args.family);
    let found =
        Family::ALL.into_iter().filter(|family| wanted.is_none_or(|wanted| wanted == *family)).find(have);
    found.ok_or_else(|| {
        let family = wanted.map_or("IP", Family::name);
        usage(format!("{} and {} have no {family} addresses in common", pair.from.name, pair.to.name))
    })
}
