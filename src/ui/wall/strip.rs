//! Accounts and regions, colored by the worst verdict of their sessions, and by whether they are seen at all.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{
    app::{
        board::{Freshness, ScopeBoard},
        wall::Wall,
    },
    domain::{ScopeId, Verdict},
    ui::{
        look::Look,
        text::{self, Pieces, counted, line_width, piece, put_line},
    },
};

/// Beside the mark of a scope with evidence that cannot be read.
pub(in crate::ui) const PARTIAL: &str = "~";

/// How much of the names is written.
#[derive(Clone, Copy)]
enum Words {
    /// Account and regions.
    All,
    /// The account, and the regions that are not well.
    Bad,
    /// The account.
    Account,
    /// Marks only.
    None,
}

/// Draws one tile an account, in the order of their ids, so that each keeps its place.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect, wall: &Wall) {
    if area.height == 0 {
        return;
    }
    let mut accounts: Vec<Vec<(&ScopeId, &ScopeBoard)>> = Vec::new();
    for (id, board) in &look.state.board.scopes {
        match accounts.last_mut() {
            Some(last) if last.first().is_some_and(|(first, _)| first.account == id.account) => last.push((id, board)),
            _ => accounts.push(vec![(id, board)]),
        }
    }
    let forms = [Words::All, Words::Bad, Words::Account, Words::None];
    let mut lines = Vec::new();
    for form in forms {
        lines = flow(look, &accounts, wall, (form, area.width));
        if lines.len() <= usize::from(area.height) {
            break;
        }
    }
    let cut = lines.len() > usize::from(area.height);
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        put_line(buffer, (area.x, y), area.width, line, look.glyphs.ellipsis);
    }
    if cut {
        // What has no place is told in a number; the header has all of it.
        let drawn: usize = lines.iter().take(usize::from(area.height)).map(Vec::len).sum();
        let all: usize = lines.iter().map(Vec::len).sum();
        let more = format!(" {} more ", counted((all - drawn).max(1), "mark", "marks"));
        let wide = u16::try_from(more.len()).unwrap_or(0).min(area.width);
        text::put(buffer, (area.right() - wide, area.bottom() - 1), wide, &more, look.theme.warning, "");
    }
}

fn flow<'a>(
    look: &Look<'_>,
    accounts: &[Vec<(&ScopeId, &ScopeBoard)>],
    wall: &Wall,
    (words, width): (Words, u16),
) -> Vec<Pieces<'a>> {
    let mut lines: Vec<Pieces<'a>> = Vec::new();
    for scopes in accounts {
        let tile = tile(look, scopes, wall, words);
        let fits = lines.last().is_some_and(|line| line_width(line) + line_width(&tile) <= usize::from(width));
        match lines.last_mut().filter(|_| fits) {
            Some(line) => line.extend(tile),
            None => lines.push(tile),
        }
    }
    lines
}

fn tile<'a>(look: &Look<'_>, scopes: &[(&ScopeId, &ScopeBoard)], wall: &Wall, words: Words) -> Pieces<'a> {
    let theme = look.theme;
    let mut tile = Vec::new();
    if let (Some((first, _)), Words::All | Words::Bad | Words::Account) = (scopes.first(), words) {
        tile.push(piece(format!(" {} ", look.account(first)), theme.text));
    }
    for (id, board) in scopes {
        let (mark, style, bad) = mark(look, (id, board), wall);
        // Its sessions are seen, and something about them is not.
        let is_partial = !board.evidence_failures.is_empty()
            && look.state.board.freshness(board, look.state.now) == Freshness::Fresh;
        let partial = piece(if is_partial { PARTIAL } else { "" }, theme.warning.add_modifier(Modifier::BOLD));
        let region = match words {
            Words::All => true,
            Words::Bad => bad || is_partial,
            Words::Account | Words::None => false,
        };
        if region {
            tile.extend([piece(mark, style), partial]);
            tile.push(piece(format!(" {} ", look.clean(id.region.as_str())), style));
        } else {
            tile.extend([piece(mark, style), partial]);
        }
    }
    tile.push(piece(" ", theme.text));
    tile
}

/// How a scope is: not seen, before what was seen in it.
fn mark(look: &Look<'_>, (id, board): (&ScopeId, &ScopeBoard), wall: &Wall) -> (String, Style, bool) {
    let (state, theme, glyphs) = (look.state, look.theme, look.glyphs);
    match state.board.freshness(board, state.now) {
        Freshness::Blind | Freshness::Stale => (glyphs.blind.to_owned(), theme.header_blind, true),
        Freshness::Loading => (glyphs.loading.to_owned(), theme.muted, false),
        Freshness::Fresh => {
            // Without a session there is nothing that could be bad.
            let (verdict, severity) = wall.worst.get(id).copied().unwrap_or((Verdict::Compliant, None));
            match severity {
                Some(worst) => {
                    let (sign, style) = look.mark(Verdict::NonCompliant, Some(worst));
                    (sign, style.add_modifier(Modifier::BOLD | Modifier::REVERSED), true)
                }
                None => {
                    let (sign, style) = look.mark(verdict, None);
                    (sign.trim_end().to_owned(), style, verdict == Verdict::InsufficientData)
                }
            }
        }
    }
}
