//! The columns of the sessions table that are shown only where somebody asks for them.

use ratatui::style::Style;

use super::{
    look::Look,
    text::{Pieces, piece},
};
use crate::{
    app::{columns::ColumnId, frozen::RowFacts},
    domain::{AccessType, Verdict},
};

/// The cell of such a column. What is not known is said to be so, and is not empty.
pub(super) fn cell<'a>(
    look: &Look<'a>,
    session: &'a RowFacts,
    id: ColumnId,
    plain: impl Fn(Style) -> Style,
) -> Pieces<'a> {
    let theme = look.theme;
    let record = &session.session;
    let text = |text: &str| vec![piece(look.clean(text).into_owned(), plain(theme.text))];
    let not_known = || vec![piece("?", plain(theme.insufficient))];
    match id {
        ColumnId::AccountId if look.masked => text(&look.account(&record.key.scope)),
        ColumnId::AccountId => text(record.key.scope.account.as_str()),
        ColumnId::NodeId => vec![piece(look.node_id_of(record), plain(theme.text))],
        ColumnId::SessionId => text(record.key.id.as_str()),
        ColumnId::Started => match record.started_at {
            Some(at) => vec![piece(look.when(at), plain(theme.text))],
            None => not_known(),
        },
        ColumnId::Access => match record.access {
            Some(AccessType::Standard) => vec![piece("IAM", plain(theme.muted))],
            Some(AccessType::JustInTime) => vec![piece("just in time", plain(theme.text))],
            None => not_known(),
        },
        ColumnId::Rules => {
            let mut cell = Pieces::new();
            for (rule, status, severity) in &session.rules {
                let style = match status {
                    Verdict::NonCompliant => theme.severity(*severity),
                    _ => theme.insufficient,
                };
                if !cell.is_empty() {
                    cell.push(piece(" ", plain(theme.text)));
                }
                cell.push(piece(look.clean(rule.as_str()).into_owned(), plain(style)));
            }
            cell
        }
        ColumnId::Tags => match &session.tags {
            Some(tags) => {
                let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                vec![piece(look.clean(&tags.join(" ")).into_owned(), plain(theme.muted))]
            }
            None => not_known(),
        },
        _ => Pieces::new(),
    }
}
