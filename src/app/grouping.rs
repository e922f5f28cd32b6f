//! The sessions by account, owner or node: which groups there are, and how their headings lie among the rows.
//!
//! The rows of a list stay ids. A heading is a line of the screen and no row, so nothing can be done to it; the first line is
//! always the heading of the first visible row, also where the group began above it.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    board::{Board, SessionBoard},
    project::{Badness, badness, compare_names, node_name},
    view::ListView,
};
use crate::domain::{AccountId, NodeId, Owner, ScopeId, Severity, Verdict};

/// What the sessions are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// They are not.
    #[default]
    None,
    /// The account.
    Account,
    /// Who started them, as the column of owners shows it.
    Owner,
    /// The node.
    Node,
}

impl GroupBy {
    /// The next one, around the end.
    pub fn next(self) -> Self {
        match self {
            Self::None => Self::Account,
            Self::Account => Self::Owner,
            Self::Owner => Self::Node,
            Self::Node => Self::None,
        }
    }

    /// What it is called; nothing for no groups.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Account => Some("account"),
            Self::Owner => Some("owner"),
            Self::Node => Some("node"),
        }
    }
}

/// A group: where it begins, and what is in it. Its name is that of its first row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupHead {
    /// Index of its first row.
    pub at: usize,
    /// What is in it.
    pub counts: GroupCounts,
}

/// What is in a group, of its active sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupCounts {
    /// Active sessions.
    pub sessions: usize,
    /// NON_COMPLIANT ones.
    pub non_compliant: usize,
    /// INSUFFICIENT_DATA ones, and those that were not judged yet.
    pub insufficient: usize,
    /// Those that were well when they were last seen, and are not seen now.
    pub stale: usize,
    /// Those in which a rule detects what was typed.
    pub detected: usize,
    /// The worst of them, as the mark of a row is found.
    pub worst: (Verdict, Option<Severity>),
}

impl Default for GroupCounts {
    fn default() -> Self {
        Self {
            sessions: 0,
            non_compliant: 0,
            insufficient: 0,
            stale: 0,
            detected: 0,
            worst: (Verdict::NotApplicable, None),
        }
    }
}

impl GroupCounts {
    fn count(&mut self, board: &Board, session: &SessionBoard, now: Timestamp) {
        if !session.is_active() {
            return;
        }
        self.sessions += 1;
        let typed = session.detections.worst();
        self.detected += usize::from(typed.is_some());
        let mut verdict = session.judgement.verdict();
        match verdict {
            Verdict::NonCompliant => self.non_compliant += 1,
            Verdict::InsufficientData => self.insufficient += 1,
            Verdict::Compliant | Verdict::NotApplicable if board.unseen_since(session, now).is_some() => {
                self.stale += 1;
                // What is not seen is not called well.
                verdict = Verdict::InsufficientData;
            }
            Verdict::Compliant | Verdict::NotApplicable => {}
        }
        let broken = session.judgement.severity().filter(|_| verdict == Verdict::NonCompliant);
        let shown = match typed.filter(|typed| *typed >= Severity::High && Some(*typed) > broken) {
            Some(typed) => (Verdict::NonCompliant, Some(typed)),
            None => (verdict, broken),
        };
        self.worst = self.worst.max(shown);
    }
}

#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Account(&'a AccountId),
    Owner(String),
    Node(&'a ScopeId, &'a NodeId),
}

struct Group<'a> {
    name: String,
    worst: Badness,
    rows: Vec<&'a SessionBoard>,
}

/// The rows group by group, each in the order that they came in; the group with the worst session first.
pub(super) fn group<'a>(
    board: &'a Board,
    rows: Vec<&'a SessionBoard>,
    by: GroupBy,
    now: Timestamp,
) -> (Vec<&'a SessionBoard>, Vec<GroupHead>) {
    if by == GroupBy::None {
        return (rows, Vec::new());
    }
    let mut places: HashMap<Key<'a>, usize> = HashMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for row in rows {
        let session = &row.session;
        let key = match by {
            GroupBy::Owner => Key::Owner(Owner::parse(&session.owner).to_string()),
            GroupBy::Node => Key::Node(&session.key.scope, &session.target),
            GroupBy::Account | GroupBy::None => Key::Account(&session.key.scope.account),
        };
        let bad = badness(row);
        let place = *places.entry(key).or_insert_with_key(|key| {
            let name = match key {
                Key::Account(_) => board.account_name(&session.key.scope).to_owned(),
                Key::Owner(name) => name.clone(),
                Key::Node(..) => node_name(board, row).to_owned(),
            };
            groups.push(Group { name, worst: bad, rows: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.worst = group.worst.max(bad);
            group.rows.push(row);
        }
    }
    // Equally bad ones by name, and what has one name by its first row: nothing moves but for a reason.
    groups.sort_by(|a, b| {
        let first = |group: &Group<'a>| group.rows.iter().map(|row| &row.session.key).min();
        b.worst.cmp(&a.worst).then_with(|| compare_names(&a.name, &b.name)).then_with(|| first(a).cmp(&first(b)))
    });
    let mut heads = Vec::with_capacity(groups.len());
    let mut all = Vec::new();
    for group in groups {
        let mut counts = GroupCounts::default();
        group.rows.iter().for_each(|row| counts.count(board, row, now));
        heads.push(GroupHead { at: all.len(), counts });
        all.extend(group.rows);
    }
    (all, heads)
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The heading of that group.
    Heading(usize),
    /// That row.
    Row(usize),
}

/// The visible lines, from the row `offset` on.
pub fn lines(heads: &[GroupHead], rows: usize, offset: usize, visible: usize) -> Vec<Line> {
    let mut next = heads.partition_point(|head| head.at <= offset);
    let mut lines = Vec::with_capacity(visible.min(rows + heads.len()));
    if let (true, Some(group)) = (visible > 1, next.checked_sub(1)) {
        lines.push(Line::Heading(group));
    }
    let mut row = offset;
    while lines.len() < visible && row < rows {
        if heads.get(next).is_some_and(|head| head.at == row) {
            lines.push(Line::Heading(next));
            next += 1;
        } else {
            lines.push(Line::Row(row));
            row += 1;
        }
    }
    lines
}

/// The first row from which on that row is still visible.
fn first_row(heads: &[GroupHead], row: usize, visible: usize) -> usize {
    let mut used = 1 + usize::from(visible > 1 && !heads.is_empty());
    let mut first = row;
    while first > 0 {
        let begins = heads.binary_search_by_key(&first, |head| head.at).is_ok();
        used += 1 + usize::from(begins);
        if used > visible {
            break;
        }
        first -= 1;
    }
    first
}

/// Scrolls as little as needed to have the selection among the `visible` lines.
pub fn scroll<Id: PartialEq + Clone>(list: &mut ListView<Id>, heads: &[GroupHead], visible: usize) {
    if let Some(at) = list.position() {
        list.offset = list.offset.min(at).max(first_row(heads, at, visible));
    }
    list.offset = list.offset.min(first_row(heads, list.rows.len().saturating_sub(1), visible));
}

/// The row that lies so many lines below, or above; at least one row further.
pub fn page(heads: &[GroupHead], rows: usize, from: usize, by: isize) -> usize {
    let last = rows.saturating_sub(1);
    let line_of = |row: usize| row + heads.partition_point(|head| head.at <= row);
    let wanted = line_of(from).saturating_add_signed(by);
    // The last row that does not lie below that line.
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if line_of(middle) <= wanted {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    match by {
        0 => from,
        1.. => low.max(from + 1).min(last),
        _ => low.min(from.saturating_sub(1)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads(sizes: &[usize]) -> Vec<GroupHead> {
        let mut at = 0;
        sizes
            .iter()
            .map(|size| {
                let head = GroupHead { at, counts: GroupCounts::default() };
                at += size;
                head
            })
            .collect()
    }

    proptest! {
        #[test]
        fn the_selected_row_and_its_heading_are_always_visible(
            sizes in proptest::collection::vec(1_usize..6, 0..20), plain in 0_usize..30,
            visible in 1_usize..15, moves in proptest::collection::vec((any::<bool>(), 0_usize..40), 1..20),
        ) {
            let heads = heads(&sizes);
            let rows = if heads.is_empty() { plain } else { sizes.iter().sum() };
            let mut list = ListView { rows: (0..rows).collect::<Vec<_>>(), ..ListView::default() };
            list.jump(false);
            for (pages, to) in moves {
                if pages && rows > 0 {
                    let from = list.position().unwrap();
                    let by = isize::try_from(to).unwrap() - 20;
                    let at = page(&heads, rows, from, by);
                    prop_assert!(at < rows);
                    prop_assert!(by <= 0 || at > from || from + 1 == rows);
                    prop_assert!(by >= 0 || at < from || from == 0);
                    list.selected = Some(at);
                } else {
                    list.selected = list.rows.get(to).copied().or(list.selected);
                }
                scroll(&mut list, &heads, visible);
                let lines = lines(&heads, rows, list.offset, visible);
                prop_assert!(lines.len() <= visible);
                if let Some(at) = list.position() {
                    prop_assert!(lines.contains(&Line::Row(at)), "{at} from {} in {lines:?}", list.offset);
                    if visible > 1 && !heads.is_empty() {
                        let group = heads.partition_point(|head| head.at <= at) - 1;
                        prop_assert!(lines.contains(&Line::Heading(group)));
                    }
                }
                // No line is left empty while there are rows above.
                prop_assert!(lines.len() + 1 >= visible.min(rows) || list.offset == 0);
            }
        }
    }

    #[test]
    fn the_heading_of_the_first_row_stays_when_its_group_began_above() {
        let heads = heads(&[3, 2]);
        let shown = lines(&heads, 5, 1, 5);
        assert_eq!(shown, [Line::Heading(0), Line::Row(1), Line::Row(2), Line::Heading(1), Line::Row(3)]);
        assert_eq!(lines(&[], 5, 1, 2), [Line::Row(1), Line::Row(2)]);
        assert_eq!(lines(&heads, 5, 4, 1), [Line::Row(4)]);
    }
}
