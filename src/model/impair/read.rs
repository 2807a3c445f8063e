//! `impair = { … }` of a topology file.

use super::{Direction, Impair, Impairment, Value};
use crate::diag::{Code, Diagnostic, Span, quoted};
use crate::model::build::Context;
use crate::spec::{self, Document, Field, IMPAIR_EXAMPLES};

/// Whose cables are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Whose {
    /// A node's or a pod's: it has an inside and an outside.
    NodeOrPod,
    /// A segment's: every frame crosses its switch once.
    Segment,
}

/// What the file says, or diagnostics.
pub(in crate::model) fn read(
    field: Option<&Field<spec::Impair>>,
    whose: Whose,
    context: &mut Context,
) -> Option<Impairment> {
    let Field { value: Some(written), span } = field? else { return None };
    let mut impair = Impair::default();
    for (value, field) in fields(written) {
        let Some(text) = field.get() else { continue };
        match value.parse(text) {
            Ok(number) => impair.set(value, Some(number)),
            Err(wrong) => {
                let message = format!("{} cannot be a `{}`", quoted(text), value.word());
                let diagnostic = Diagnostic::new(Code::BadImpairment, message, field.span.clone(), wrong.why);
                context.push(diagnostic.help(wrong.instead));
            }
        }
    }
    check_together(written, &impair, context);
    let direction = direction(written, whose, context);
    if let (Some(field), true) = (&written.direction, fields(written).next().is_none()) {
        let message = "a direction, and nothing that happens in it";
        let diagnostic = Diagnostic::new(Code::ImpairmentClash, message, span.clone(), "no value here");
        let diagnostic = diagnostic.also(field.span.clone(), "the direction");
        context
            .push(diagnostic.help("write for example: impair = { delay = \"10ms\", direction = \"out\" }"));
    }
    (!impair.is_empty()).then_some(Impairment { impair, direction })
}

/// The values that are written, with their places.
fn fields(written: &spec::Impair) -> impl Iterator<Item = (Value, &Field<String>)> {
    Value::ALL.into_iter().filter_map(|value| Some((value, of(written, value)?)))
}

fn of(written: &spec::Impair, value: Value) -> Option<&Field<String>> {
    let field = match value {
        Value::Delay => &written.delay,
        Value::Jitter => &written.jitter,
        Value::Loss => &written.loss,
        Value::Rate => &written.rate,
        Value::Duplicate => &written.duplicate,
        Value::Reorder => &written.reorder,
        Value::Corrupt => &written.corrupt,
    };
    field.as_ref()
}

/// Values that need each other. A delay that is there and wrong has been told of, and is no missing one.
fn check_together(written: &spec::Impair, impair: &Impair, context: &mut Context) {
    let refused = written.delay.is_some() && impair.delay_us.is_none();
    let Some(clash) = impair.clash().filter(|_| !refused) else { return };
    let Some(field) = of(written, clash.value) else { return };
    let word = clash.value.word();
    let message = match &written.delay {
        Some(_) => format!("`{word}` is larger than `delay`"),
        None => format!("`{word}` needs a `delay`"),
    };
    let diagnostic = Diagnostic::new(Code::ImpairmentClash, message, field.span.clone(), clash.why);
    let diagnostic = match &written.delay {
        Some(delay) => diagnostic.also(delay.span.clone(), "the delay"),
        None => diagnostic,
    };
    let example = IMPAIR_EXAMPLES.iter().find(|(key, _)| *key == word).map_or("", |(_, example)| example);
    let example = format!("impair = {{ delay = \"10ms\", {word} = \"{example}\" }}");
    context.push(diagnostic.help(format!("{}: {example}", clash.remedy)));
}

fn direction(written: &spec::Impair, whose: Whose, context: &mut Context) -> Direction {
    let word = context.word("direction", written.direction.as_ref());
    if let (Some((_, span)), Whose::Segment) = (&word, whose) {
        let message = "a segment has no direction";
        let label = "every frame crosses the switch once";
        let diagnostic = Diagnostic::new(Code::ImpairmentClash, message, span.clone(), label);
        context.push(diagnostic.help("leave `direction` out, or impair the nodes whose frames are meant"));
    }
    match word {
        Some(("out", _)) => Direction::Out,
        Some(("in", _)) => Direction::In,
        _ => Direction::Both,
    }
}

/// What a node gets passes one end of its cable, where the segment's values take effect too: of each value there can only
/// be one.
pub(in crate::model) fn check_twice(document: &Document, context: &mut Context) {
    let written = |field: &Option<Field<spec::Impair>>| field.as_ref().and_then(Field::get).cloned();
    for row in &document.node {
        let Some(own) = written(&row.value.impair) else { continue };
        let name = row.value.segment.as_ref().and_then(Field::get);
        let segment = document
            .segment
            .iter()
            .find(|segment| name.is_none() || segment.value.name.as_ref().and_then(Field::get) == name);
        let Some(theirs) = segment.and_then(|segment| written(&segment.value.impair)) else { continue };
        if own.direction.as_ref().and_then(Field::get).is_some_and(|word| word == "out") {
            continue;
        }
        for (value, field) in fields(&own) {
            let Some(other) = of(&theirs, value) else { continue };
            let is_right = |field: &Field<String>| field.get().is_some_and(|text| value.parse(text).is_ok());
            if !is_right(field) || !is_right(other) {
                continue;
            }
            context.push(twice(value, &field.span, &other.span));
        }
    }
}

fn twice(value: Value, own: &Span, segments: &Span) -> Diagnostic {
    let word = value.word();
    let message = format!("`{word}` is given twice for what this node gets");
    let diagnostic = Diagnostic::new(Code::ImpairmentClash, message, own.clone(), "by the node");
    let diagnostic = diagnostic.also(segments.clone(), "and by its segment");
    diagnostic.help(format!(
        "frames to the node leave the switch by one port, which has one `{word}`: take one away, or give the node's \
         direction = \"out\""
    ))
}
