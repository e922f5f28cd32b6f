//! Credentials that people renew, in the header's bar and on the sheet of a scope.

use ratatui::style::Modifier;

use super::{
    detail::Sheet,
    header::Word,
    look::Look,
    text::{counted, width},
};
use crate::{
    app::update::span,
    domain::{CredentialStage, CredentialStanding, ScopeId},
};

/// A name of a file is cut after this many cells in the bar.
const NAME_CELLS: usize = 32;

/// The words of the bar: what is over, and what ends; the second is `true` where the word alone is no alarm.
pub(super) fn words(look: &Look<'_>) -> Vec<(Word, bool)> {
    let (theme, glyphs, now) = (look.theme, look.glyphs, look.state.now);
    let stages: Vec<(&CredentialStanding, CredentialStage)> =
        look.state.board.credentials.values().map(|standing| (standing, standing.stage(now))).collect();
    let mut words = Vec::new();
    let ended: Vec<&CredentialStanding> = stages
        .iter()
        .filter(|(_, stage)| matches!(stage, CredentialStage::Ended(_)))
        .map(|(standing, _)| *standing)
        .collect();
    if !ended.is_empty() {
        let reasons = reasons(look, &ended, "");
        words.push((Word { word: "LOGIN ENDED", reasons, style: theme.header_blind, glyph: glyphs.blind }, false));
    }
    let mut ending: Vec<(&CredentialStanding, jiff::SignedDuration)> = Vec::new();
    let mut urgent = false;
    for (standing, stage) in stages {
        if let CredentialStage::Ends(left) | CredentialStage::Failing(left) = stage {
            urgent |= stage.is_urgent();
            ending.push((standing, left));
        }
    }
    if let Some(first) = ending.iter().map(|(_, left)| *left).min() {
        let standings: Vec<&CredentialStanding> = ending.iter().map(|(standing, _)| *standing).collect();
        let reasons = reasons(look, &standings, &format!("in {}", span(first)));
        let waiting = theme.insufficient.add_modifier(Modifier::REVERSED | Modifier::BOLD);
        let style = if urgent { theme.header_look } else { waiting };
        words.push((Word { word: "LOGIN ENDS", reasons, style, glyph: glyphs.insufficient }, !urgent));
    }
    words
}

/// From the shortest to the longest: when, whose, what depends on it.
fn reasons(look: &Look<'_>, standings: &[&CredentialStanding], when: &str) -> Vec<String> {
    let accounts = standings.iter().flat_map(|standing| &standing.accounts).collect::<std::collections::BTreeSet<_>>();
    let name = match standings {
        [only] => {
            let name = only.base.to_string();
            let name = look.clean(&name).into_owned();
            if width(&name) > NAME_CELLS { "1 profile".to_owned() } else { name }
        }
        several => counted(several.len(), "login", "logins"),
    };
    let join = |parts: &[&str]| parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ");
    let accounts = counted(accounts.len(), "account", "accounts");
    vec![when.to_owned(), join(&[when, &name]), join(&[when, &name, &accounts])]
}

/// Whose credentials a scope is read with, and until when.
pub(super) fn sheet(look: &Look<'_>, sheet: &mut Sheet<'_>, id: &ScopeId) {
    let (theme, now) = (look.theme, look.state.now);
    for standing in look.state.board.credentials.values().filter(|standing| standing.accounts.contains(&id.account)) {
        let mut words = standing.name();
        let stage = standing.stage(now);
        match (stage, standing.expires_at) {
            (CredentialStage::Ended(Some(at)), _) => {
                words.push_str(&format!(": ended at {}, {} ago", look.clock(at), look.ago(at)));
            }
            (CredentialStage::Ended(None), _) => words.push_str(": ended"),
            (_, Some(end)) if standing.renews_itself => {
                words.push_str(&format!(": renews itself, for {} at the most", span(end.duration_since(now))));
            }
            (_, Some(end)) => {
                words.push_str(&format!(": until {}, in {}", look.clock(end), span(end.duration_since(now))));
            }
            (_, None) => {}
        }
        if let Some(why) = &standing.unknown {
            words.push_str(&format!(": when it ends is not known: {why}"));
        }
        if let Some(until) = standing.held_until.filter(|until| *until > now) {
            words.push_str(&format!("; what is held lasts {}", span(until.duration_since(now))));
        }
        if let Some(problem) = &standing.problem {
            words.push_str(&format!("; not renewed: {}: {}", problem.class.word(), problem.message));
        }
        let style = match stage {
            CredentialStage::Good => theme.text,
            _ if stage.is_urgent() => theme.danger,
            _ => theme.warning,
        };
        if stage != CredentialStage::Good {
            words.push_str(&format!("; {}", standing.to_do()));
        }
        sheet.field("login", &look.clean(&words), style);
    }
}
