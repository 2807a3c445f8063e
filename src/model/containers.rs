//! Containers: what runs in a pod, and whether the kernel would start it.

use std::collections::BTreeMap;

use super::build::Context;
use super::{Container, Restart, names};
use crate::diag::{Code, Diagnostic, Span, quoted};
use crate::spec::{self, Field};

/// The strings of a table such as `labels`, without those of the wrong type.
pub(super) fn texts(fields: Option<&Field<BTreeMap<String, Field<String>>>>) -> BTreeMap<String, String> {
    let fields = fields.and_then(Field::get).into_iter().flatten();
    fields.filter_map(|(key, field)| Some((key.clone(), field.value.clone()?))).collect()
}

/// The containers of a pod.
pub(super) fn containers(pod: &spec::Pod, context: &mut Context) -> Vec<Container> {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    let mut all = Vec::new();
    for row in pod.container.iter().flatten() {
        let container = &row.value;
        let restart = match context.word("restart", container.restart.as_ref()) {
            Some(("on-failure", _)) => Restart::OnFailure,
            Some(("never", _)) => Restart::Never,
            _ => Restart::Always,
        };
        let name = context.required(container.name.as_ref(), "name", "container", &row.span, "\"web\"");
        let example = "[\"netlab\", \"serve\", \"http:80\"]";
        let command =
            context.required(container.command.as_ref(), "command", "container", &row.span, example);
        let words: Option<Vec<String>> =
            command.as_ref().map(|(words, _)| words.iter().filter_map(|word| word.value.clone()).collect());
        if let Some((words, at)) = command {
            check_command(words, &at, example, context);
        }
        for (key, field) in container.env.as_ref().and_then(Field::get).into_iter().flatten() {
            if key.is_empty() || key.contains(['=', '\0']) {
                let message = format!("{} cannot be the name of an environment variable", quoted(key));
                let label = "the value of that name";
                let diagnostic = Diagnostic::new(Code::BadContainer, message, field.span.clone(), label);
                context.push(diagnostic.help("a name is not empty and has no `=` in it"));
            }
            if field.get().is_some_and(|value| value.contains('\0')) {
                context.push(nul(&field.span, "an environment variable"));
            }
        }
        let Some((name, span)) = name else { continue };
        if let Err(why) = names::check_name(name) {
            context.push(names::invalid("container", name, span.clone(), why));
            continue;
        }
        if let Some(first) = seen.insert(name.clone(), span.clone()) {
            let message = format!("two containers of one pod are called `{name}`");
            let diagnostic = Diagnostic::new(Code::DuplicateName, message, span, "the second");
            context.push(diagnostic.also(first, "the first"));
            continue;
        }
        let (name, command) = (name.clone(), words.unwrap_or_default());
        all.push(Container { name, command, env: texts(container.env.as_ref()), restart });
    }
    all
}

/// What the kernel's `execve` would refuse.
fn check_command(words: &[Field<String>], at: &Span, example: &str, context: &mut Context) {
    let empty = match words.first() {
        None => true,
        Some(first) => first.get().is_some_and(String::is_empty),
    };
    if empty {
        let message = "this container has nothing to run";
        let diagnostic = Diagnostic::new(Code::BadContainer, message, at.clone(), "no program here");
        context.push(diagnostic.help(format!("write for example: command = {example}")));
    }
    for word in words.iter().filter(|word| word.get().is_some_and(|text| text.contains('\0'))) {
        context.push(nul(&word.span, "a command"));
    }
}

fn nul(at: &Span, what: &str) -> Diagnostic {
    let message = format!("{what} cannot have a NUL character in it");
    Diagnostic::new(Code::BadContainer, message, at.clone(), "`\\u0000` here")
        .help("the kernel takes commands and variables as text that ends at the first NUL")
}
