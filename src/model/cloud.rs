//! `cloud`: what only a cloud's network does.

use super::build::{Context, file_s_data_path};
use super::{DataPath, Lab, SourceDestCheck};
use crate::diag::{Code, Diagnostic};
use crate::spec::{Document, Field, Node};

/// Whether the fabric checks a node's packets. In a file of another data path nobody would; where only the command line
/// takes another, the check is left out with the cloud that made it.
pub(super) fn source_dest_check(
    document: &Document,
    node: &Node,
    lab: &Lab,
    context: &mut Context,
) -> SourceDestCheck {
    let Some(Field { value: Some(true), span }) = &node.source_dest_check else {
        return SourceDestCheck::Off;
    };
    if lab.data_path == DataPath::Cloud {
        return SourceDestCheck::On;
    }
    let cluster = document.cluster.as_ref().map(|row| &row.value);
    if cluster.is_none_or(|cluster| file_s_data_path(cluster) != DataPath::Cloud) {
        let message = format!("with {} nobody checks sources and destinations", lab.data_path.word());
        let diagnostic = Diagnostic::new(Code::SourceDestCheck, message, span.clone(), "only clouds do this");
        let written = cluster.and_then(|cluster| cluster.data_path.as_ref());
        let diagnostic = match written {
            Some(field) => diagnostic.also(field.span.clone(), "not a cloud"),
            None => diagnostic,
        };
        context
            .push(diagnostic.help("write [cluster] data_path = \"cloud\", or leave source_dest_check out"));
    }
    SourceDestCheck::Off
}
