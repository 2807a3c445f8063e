//! From the document to the lab, collecting every error on the way.

use std::ops::RangeInclusive;

use super::nodes::{self, Drafts};
use super::{
    Addresses, DataPath, Lab, Neighbours, Offload, RpFilter, externals, flat, impair, mtu, names, neighbours,
    overlay, plugged, pods, pool, segments, tests, underlay,
};
use crate::diag::{Code, Diagnostic, Span, closest, quoted};
use crate::spec::{Cluster, Document, Field, WORD_LISTS};

/// Smallest MTU that IPv6 may have (RFC 8200, 5); IPv4 alone may go down to 68 (RFC 791).
pub(super) const SMALLEST_MTU_V6: u32 = 1280;
pub(super) const SMALLEST_MTU: u32 = 68;
/// Largest MTU of a veth.
const LARGEST_MTU: i64 = 65535;

/// What one pass over the document collects.
#[derive(Default)]
pub(super) struct Context {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) names: names::NameTable,
    /// Whether something with a name is missing because of an error that has been told. A name that is not found
    /// may then have been among the missing, and is not complained about.
    pub(super) incomplete: bool,
    suggestions: usize,
}

/// The tables whose rows others refer to by name.
const NAMED: &[&str] = &["segment", "router", "external", "node", "pod"];
/// How many names of a list an error repeats.
const MOST_LISTED: usize = 8;
/// How many unknown names are compared with all known ones: it takes time, and nobody reads so many.
const MOST_SUGGESTIONS: usize = 50;

impl Context {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The text of a required key, or a diagnostic.
    pub(super) fn required<'a, T>(
        &mut self,
        field: Option<&'a Field<T>>,
        key: &str,
        table: &str,
        at: &Span,
        example: &str,
    ) -> Option<(&'a T, Span)> {
        match field {
            Some(Field { value: Some(value), span }) => Some((value, span.clone())),
            Some(Field { value: None, .. }) => {
                self.incomplete |= NAMED.contains(&table);
                None
            }
            None => {
                self.incomplete |= NAMED.contains(&table);
                let message = format!("this {table} has no `{key}`");
                self.push(
                    Diagnostic::new(Code::MissingKey, message, at.clone(), format!("`{key}` is missing"))
                        .help(format!("write for example: {key} = {example}")),
                );
                None
            }
        }
    }

    /// One of the words of [`WORD_LISTS`], or a diagnostic.
    pub(super) fn word<'a>(
        &mut self,
        key: &str,
        field: Option<&'a Field<String>>,
    ) -> Option<(&'a str, Span)> {
        let field = field?;
        let word = field.get()?.as_str();
        let words = WORD_LISTS.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, words)| words);
        if words.contains(&word) {
            return Some((word, field.span.clone()));
        }
        let message = format!("{} is not a value of `{key}`", quoted(word));
        let diagnostic = Diagnostic::new(Code::UnknownWord, message, field.span.clone(), "unknown word");
        let help = match closest(word, words.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("`{key}` is one of: {}", words.join(", ")),
        };
        self.push(diagnostic.help(help));
        None
    }

    /// A number within bounds, or a diagnostic that says why these.
    pub(super) fn number(
        &mut self,
        key: &str,
        field: Option<&Field<i64>>,
        bounds: RangeInclusive<i64>,
        why: &str,
    ) -> Option<i64> {
        let field = field?;
        let value = *field.get()?;
        if bounds.contains(&value) {
            return Some(value);
        }
        let message = format!("{value} is out of range for `{key}`");
        let label = format!("must be from {} to {}", bounds.start(), bounds.end());
        self.push(Diagnostic::new(Code::OutOfRange, message, field.span.clone(), label).help(why));
        None
    }

    /// Says that nothing has this name, unless an error that has been told may be the reason.
    pub(super) fn unknown<'a, I>(&mut self, kind: &str, name: &str, at: &Span, known: impl Fn() -> I)
    where
        I: Iterator<Item = &'a str>,
    {
        if self.incomplete || self.names.is_refused(name) {
            return;
        }
        let message = format!("there is no {kind} {}", quoted(name));
        let diagnostic = Diagnostic::new(Code::UnknownName, message, at.clone(), "not in this file");
        let known = || known().filter(|name| names::check_name(name).is_ok());
        let diagnostic = self.suggest(diagnostic, name, known());
        let mut listed: Vec<&str> = known().take(MOST_LISTED + 1).collect();
        if listed.len() > MOST_LISTED {
            listed[MOST_LISTED] = "...";
        }
        self.push(if diagnostic.help.is_empty() && !listed.is_empty() {
            diagnostic.help(format!("names here: {}", listed.join(", ")))
        } else {
            diagnostic
        });
    }

    /// Adds "did you mean" when one of `known` is close to `wrong`.
    pub(super) fn suggest<'a>(
        &mut self,
        diagnostic: Diagnostic,
        wrong: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Diagnostic {
        self.suggestions += 1;
        if self.suggestions > MOST_SUGGESTIONS { diagnostic } else { diagnostic.suggest(wrong, known) }
    }
}

/// Builds the lab of a document, or says all that is wrong with it. `file_stem` names the lab if the file does not;
/// `data_path` is taken instead of the file's.
pub fn build(
    document: &Document,
    file_stem: &str,
    data_path: Option<DataPath>,
) -> Result<Lab, Vec<Diagnostic>> {
    let mut context = Context { incomplete: document.incomplete, ..Context::default() };
    let lab = draft(document, file_stem, data_path, &mut context);
    if context.diagnostics.is_empty() {
        return Ok(lab);
    }
    context
        .diagnostics
        .sort_by_key(|diagnostic| diagnostic.labels.first().map_or(0, |label| label.span.start));
    Err(context.diagnostics)
}

fn draft(document: &Document, file_stem: &str, other: Option<DataPath>, context: &mut Context) -> Lab {
    let name = lab_name(document, file_stem, context);
    let default = Cluster::default();
    let cluster = document.cluster.as_ref().map_or(&default, |row| &row.value);
    let data_path = other.unwrap_or_else(|| data_path(cluster, context));
    let pool = pool::build(cluster, context);
    let underlay_mtu = underlay_mtu(cluster, &pool.cidr, context);
    let segments = segments::build(document, &pool, underlay_mtu, context);
    let mut lab = Lab {
        name,
        message: document.message.as_ref().and_then(|field| field.value.clone()),
        pod_cidr: pool.cidr,
        data_path,
        overlay: overlay::reach(cluster, data_path, other, context),
        mtu: underlay_mtu,
        pod_mtu: underlay_mtu,
        fabric: Vec::new(),
        externals: externals::build(document, &pool, &segments, context),
        not_masqueraded: None,
        neighbours: Neighbours::Learn,
        rp_filter: rp_filter(cluster, context),
        offload: match cluster.offload.as_ref().and_then(|field| field.value) {
            Some(false) => Offload::Off,
            _ => Offload::Kernel,
        },
        segments: segments.all.clone(),
        routers: Vec::new(),
        nodes: Vec::new(),
        tests: Vec::new(),
    };
    lab.not_masqueraded = externals::not_masqueraded(cluster, &lab, context);
    lab.pod_mtu = mtu::pods(cluster, &lab, &segments, &pool.cidr, context);
    overlay::check_family(cluster, &lab, &pool, context);
    let drafts = nodes::expand(document, &lab, context);
    let mut hosts = underlay::Pools::new(document, &segments, &drafts, context);
    if lab.data_path == DataPath::Cloud || !document.external.is_empty() {
        lab.fabric = underlay::fabric(&lab.segments, &mut hosts, context);
    }
    lab.routers = underlay::routers(document, &lab.segments, &mut hosts, context);
    lab.nodes = nodes::build(&drafts, &pool, &mut hosts, context);
    pods::build(document, &drafts, (&pool, lab.data_path), &mut lab.nodes, context);
    if lab.data_path == DataPath::L2 {
        flat::widen(&mut lab);
    }
    impair::check_twice(document, context);
    lab.tests = tests::build(document, &lab, context);
    if lab.data_path != file_s_data_path(cluster) {
        // What way packets take is what the other data path changes; whether they arrive is not.
        lab.tests.iter_mut().for_each(|test| test.path.clear());
    }
    // A segment of the wrong type has been told by the reader, and is no diagnostic of this context.
    let all_placed = lab.nodes.iter().all(|node| node.segment < lab.segments.len());
    if context.diagnostics.is_empty() && !context.incomplete && all_placed {
        plugged::check(document, &lab, &segments, &drafts, context);
        if lab.data_path == DataPath::HostGw {
            check_host_gw(&lab, &drafts, context);
        } else if lab.data_path == DataPath::L2 {
            flat::check_one_segment(&lab, &drafts, context);
        }
    }
    lab.neighbours = neighbours_of(cluster, &lab, context);
    lab
}

fn lab_name(document: &Document, file_stem: &str, context: &mut Context) -> String {
    let (name, span) = match &document.name {
        Some(Field { value: Some(name), span }) => (name.as_str(), span.clone()),
        Some(Field { value: None, .. }) => return String::new(),
        None => (file_stem, 0..0),
    };
    if let Err(why) = names::check_name(name) {
        let diagnostic = names::invalid("lab", name, span, why);
        let diagnostic = match document.name {
            Some(_) => diagnostic,
            None => {
                diagnostic.help("the lab is named after its file unless the file begins with: name = \"…\"")
            }
        };
        context.push(diagnostic);
    }
    name.to_owned()
}

fn data_path(cluster: &Cluster, context: &mut Context) -> DataPath {
    let word = context.word("data_path", cluster.data_path.as_ref());
    word.and_then(|(word, _)| DataPath::from_word(word)).unwrap_or(DataPath::HostGw)
}

/// The data path that a file asks for, whatever the command line says.
pub(super) fn file_s_data_path(cluster: &Cluster) -> DataPath {
    let word = cluster.data_path.as_ref().and_then(Field::get);
    word.and_then(|word| DataPath::from_word(word)).unwrap_or(DataPath::HostGw)
}

fn underlay_mtu(cluster: &Cluster, pod_cidr: &Addresses, context: &mut Context) -> u32 {
    let mtu = context.number(
        "mtu",
        cluster.mtu.as_ref(),
        i64::from(SMALLEST_MTU)..=LARGEST_MTU,
        "Ethernet's own is 1500; 68 is the least that IPv4 allows, 65535 the most that a veth does",
    );
    if let (Some(mtu), Some(field), Some(_)) = (mtu, &cluster.mtu, pod_cidr.v6)
        && mtu < i64::from(SMALLEST_MTU_V6)
    {
        let message = format!("an MTU of {mtu} cannot carry IPv6");
        let label = format!("IPv6 needs at least {SMALLEST_MTU_V6}");
        let diagnostic = Diagnostic::new(Code::MtuTooSmall, message, field.span.clone(), label);
        context.push(
            diagnostic.help("IPv6 routers never fragment, so every link must carry 1280 bytes (RFC 8200, 5)"),
        );
    }
    mtu.and_then(|mtu| u32::try_from(mtu).ok()).unwrap_or(1500)
}

fn rp_filter(cluster: &Cluster, context: &mut Context) -> RpFilter {
    match context.word("rp_filter", cluster.rp_filter.as_ref()) {
        Some(("strict", _)) => RpFilter::Strict,
        Some(("loose", _)) => RpFilter::Loose,
        _ => RpFilter::Off,
    }
}

fn neighbours_of(cluster: &Cluster, lab: &Lab, context: &mut Context) -> Neighbours {
    match context.word("neighbours", cluster.neighbours.as_ref()) {
        Some(("learn", _)) => Neighbours::Learn,
        Some(("static", _)) => Neighbours::StaticAll,
        // On one flat network, everybody's questions cross the cables that lose them.
        _ if lab.data_path == DataPath::L2 && lab.loses_frames() => Neighbours::StaticAll,
        _ => neighbours::choose(&lab.nodes, lab.data_path),
    }
}

/// `host-gw` routes name the other node's address as next hop, so nodes with pods must share a segment.
fn check_host_gw(lab: &Lab, drafts: &Drafts<'_>, context: &mut Context) {
    let with_pods = || lab.nodes.iter().zip(&drafts.nodes).filter(|(node, _)| !node.pods.is_empty());
    let Some((first, first_draft)) = with_pods().next() else { return };
    let Some((other, draft)) = with_pods().find(|(node, _)| node.segment != first.segment) else { return };
    let segment = |node: &super::Node| lab.segments[node.segment].name.clone();
    let message =
        format!("host-gw cannot join pods of `{}` and `{}`: they share no segment", first.name, other.name);
    context.push(
        Diagnostic::new(
            Code::HostGwAcrossSegments,
            message,
            draft.segment_span(),
            format!("`{}` is on segment `{}`", other.name, segment(other)),
        )
        .also(first_draft.segment_span(), format!("`{}` is on segment `{}`", first.name, segment(first)))
        .help("a host-gw route's next hop is the other node itself, which must be on the same switch")
        .help("put all nodes that have pods on one segment, or take a data path that crosses routers: cloud, or an overlay such as vxlan"),
    );
}
