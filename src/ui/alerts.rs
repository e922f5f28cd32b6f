//! The alerts: what was raised, who has seen it, how far its messages have come.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    columns::{self, Column, Row},
    look::Look,
    text::{Piece, Pieces, counted, piece},
};
use crate::{
    app::{action::Action, state::Store},
    domain::{Alert, AlertId, Severity, Subject, Verdict},
};

pub(super) use super::alert_sheet::draw_detail;

/// Below this width the numbers need the whole title.
const ROOMY: u16 = 100;

/// Draws the list.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let list = &look.state.view.alerts;
    let raised_at = raised_at(look).filter(|_| area.width >= ROOMY || !matches!(look.state.store, Store::Open));
    let inner = look.pane(buffer, area, &title(look), raised_at.as_slice(), true);
    if inner.height == 0 {
        return;
    }
    if list.rows.is_empty() {
        return look.centered(buffer, inner, &empty(look));
    }
    let visible = usize::from(inner.height.saturating_sub(1));
    let shown = || list.rows.iter().skip(list.offset).take(visible);
    let word = |id: &AlertId| look.state.alerts.get(id).map_or(0, |alert| alert.workflow.word().len());
    let workflow = u16::try_from(shown().map(word).max().unwrap_or(0)).unwrap_or(u16::MAX).clamp(8, 10);
    // What it is says more than where: up to two ninths, and what is left.
    let title = (inner.width * 2 / 9).clamp(14, 48);
    let columns = [
        Column::new("", 2, 2, 0),
        Column::new("WORKFLOW", workflow, 10, 0),
        Column::number("AGE", 4, 6, 0),
        Column::new("RULE", 7, 10, 0),
        Column::new("TITLE", title, 72, 0),
        Column::new("ON", 12, 40, 0).middle(),
        Column::new("ACCOUNT", 9, 24, 3).middle(),
        Column::new("REGION", 9, 16, 7).middle(),
        Column::new("OWNER", 10, 40, 5),
        Column::new("SENT", 8, 44, 2),
        Column::new("SEEN BY", 8, 30, 6),
    ];
    let rows: Vec<Row<'_>> = shown().filter_map(|id| row(look, id)).collect();
    columns::draw(buffer, inner, &columns, &rows, &look.dress(false));
    let position = look.position(list.offset, visible, list.rows.len());
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
}

/// How many stand, how many of them nobody has seen, and what was not told in a message of its own.
fn title(look: &Look<'_>) -> Pieces<'static> {
    let theme = look.theme;
    let book = &look.state.alerts;
    let open = book.all().filter(|alert| alert.workflow.is_open()).count();
    let mut title = vec![piece("Alerts ", theme.title), piece(format!("{open} open"), theme.text)];
    let all = look.state.view.alerts.rows.len();
    if all > open {
        title.push(piece(format!(" of {all}"), theme.muted));
    }
    if let (waiting, Some(worst)) = book.unacknowledged() {
        let style = theme.severity(worst).add_modifier(Modifier::BOLD);
        title.push(piece(format!("  {waiting} unacknowledged"), style));
    }
    if book.undelivered() > 0 {
        title.push(piece(format!("  {} undelivered", book.undelivered()), theme.warning));
    }
    if book.summarized > 0 {
        title.push(piece(format!("  {} in summaries", book.summarized), theme.warning));
    }
    title
}

/// What is raised by itself; or why the list is not what it could be.
fn raised_at(look: &Look<'_>) -> Option<Piece<'static>> {
    let theme = look.theme;
    Some(match (&look.state.store, look.state.alerts.raise_on) {
        (Store::Refused(_), _) => piece("nothing is raised here", theme.danger),
        (Store::Troubled(waiting, _), _) => {
            piece(format!("{waiting} not written down, not sent"), theme.danger.add_modifier(Modifier::BOLD))
        }
        (_, Some(Severity::Critical)) => piece("raised by itself: CRITICAL", theme.muted),
        (_, Some(least)) => piece(format!("raised by itself: {} and worse", least.word()), theme.muted),
        (_, None) => piece("nothing is raised by itself", theme.muted),
    })
}

/// Why there are no rows: each reason is another one.
fn empty(look: &Look<'_>) -> Vec<(String, Style)> {
    let (state, theme) = (look.state, look.theme);
    let key = |action| state.setup.keymap.word(action);
    let mut lines = Vec::new();
    match &state.store {
        Store::Refused(why) => {
            lines.push(("alerts are off here".to_owned(), theme.danger));
            lines.push((look.clean(why).into_owned(), theme.warning));
            return lines;
        }
        Store::Opening => {
            lines.push((format!("{} reading the alerts of earlier runs", look.glyphs.loading), theme.title));
            lines.push((format!("from {}", look.clean(&state.setup.store)), theme.muted));
            return lines;
        }
        Store::Troubled(waiting, why) => {
            let waits = counted(*waiting, "record waits", "records wait");
            lines.push((format!("no alert, and {waits} to be written down: {}", look.clean(why)), theme.danger));
        }
        Store::Open => {
            let unread = state.counts.scopes.saturating_sub(state.counts.fresh);
            lines.push(match unread {
                0 => ("no alert: all was read, and nothing is raised".to_owned(), theme.title),
                _ => (
                    format!("no alert so far, and {} not read now", counted(unread, "scope is", "scopes are")),
                    theme.warning,
                ),
            });
        }
    }
    let raised = match state.alerts.raise_on {
        Some(least) => format!("findings and detections at {} and worse are raised by themselves", least.word()),
        None => "nothing is raised by itself in this run".to_owned(),
    };
    lines.push((raised, theme.muted));
    let by_hand = match state.acting_off(true) {
        Some(why) => format!("by hand nothing can be raised: {}", look.clean(&why)),
        None => format!("on a session, {} raises one by hand", key(Action::Alert)),
    };
    lines.push((by_hand, theme.muted));
    lines
}

fn row<'a>(look: &'a Look<'a>, id: &'a AlertId) -> Option<Row<'a>> {
    let alert = look.state.alerts.get(id)?;
    let theme = look.theme;
    let (waits, open) = (alert.is_unacknowledged(), alert.workflow.is_open());
    let dress = |style: Style| match (waits, open) {
        (true, _) => style.add_modifier(Modifier::BOLD),
        (false, true) => style,
        (false, false) => theme.muted,
    };
    let (mark, severity) = look.mark(Verdict::NonCompliant, Some(alert.severity));
    let (sent, sent_style) = sent(look, alert);
    let seen = match &alert.acknowledged {
        Some(seen) => piece(look.clean(&seen.by), theme.muted),
        None if open => piece("nobody", dress(severity)),
        None => piece(look.glyphs.not_applicable, theme.muted),
    };
    let region = alert.subject.scope().map_or("", |scope| scope.region.as_str());
    let owner = if alert.owner.is_empty() { String::new() } else { look.owner(&alert.owner) };
    let again = if alert.occurrence > 1 { format!("({}x) ", alert.occurrence) } else { String::new() };
    let cells = vec![
        vec![piece(mark, dress(severity))],
        vec![piece(alert.workflow.word(), dress(if open { severity } else { theme.muted }))],
        vec![piece(look.ago(alert.reopened_at), dress(theme.text))],
        vec![piece(look.clean(alert.rule.as_str()), dress(theme.text))],
        vec![piece(format!("{again}{}", look.clean(&alert.title)), dress(theme.text))],
        vec![piece(subject(look, &alert.subject), dress(theme.text))],
        vec![piece(look.account_of(&alert.subject), dress(theme.text))],
        vec![piece(look.clean(region), dress(theme.muted))],
        vec![piece(owner, dress(theme.text))],
        vec![piece(sent, if open { sent_style } else { theme.muted })],
        vec![seen],
    ];
    let over = (look.state.view.alerts.selected.as_ref() == Some(id)).then_some(theme.selection);
    let lead = waits.then(|| piece(look.glyphs.unseen, severity.add_modifier(Modifier::BOLD)));
    Some(Row { cells, over, lead })
}

/// What it is about, in one cell: the id of a session, the node, or the word.
fn subject(look: &Look<'_>, subject: &Subject) -> String {
    match subject {
        Subject::Session(_) => look.subject_id(subject),
        Subject::Node(..) => {
            if look.masked {
                look.subject_id(subject)
            } else {
                format!("node {}", look.subject_id(subject))
            }
        }
        Subject::Preferences(_) => "preferences".to_owned(),
        Subject::Account(_) => "the account".to_owned(),
        Subject::Program => "ssmwatch".to_owned(),
    }
}

/// How far its messages came: `2/3 sent`, and why the others wait.
pub(super) fn sent(look: &Look<'_>, alert: &Alert) -> (String, Style) {
    let theme = look.theme;
    let all = alert.deliveries.len();
    if all == 0 {
        return not_sent(look);
    }
    let arrived = alert.deliveries.values().filter(|delivery| !delivery.is_waiting()).count();
    if arrived == all {
        return (format!("{arrived}/{all} sent"), theme.ok);
    }
    let problem = alert.deliveries.values().find_map(|delivery| match delivery {
        crate::domain::Delivery::Waiting { problem: Some((what, _)), .. } => Some(look.clean(what)),
        _ => None,
    });
    match (problem, arrived) {
        (Some(what), 0) => (format!("waiting: {what}"), theme.warning),
        (Some(what), _) => (format!("{arrived}/{all} sent, waiting: {what}"), theme.warning),
        (None, _) => (format!("{arrived}/{all} sent"), theme.text),
    }
}

/// Why an alert without destinations is sent nowhere.
fn not_sent(look: &Look<'_>) -> (String, Style) {
    let setup = &look.state.setup;
    let why = if setup.read_only.is_some() {
        "not sent: read only"
    } else if setup.member_topic.is_none() && setup.central_topic.is_none() {
        "not sent: no topic"
    } else {
        "not sent"
    };
    (why.to_owned(), look.theme.warning)
}
