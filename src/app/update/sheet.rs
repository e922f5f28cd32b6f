//! The rule sheet: which finding it shows, and its keys.

use crate::{
    app::{
        action::Action,
        message::Effect,
        state::State,
        view::{RuleSheet, SheetOf},
    },
    domain::{Finding, Verdict},
};

impl State {
    /// The findings that a rule sheet leads through: what is wrong or unknown, of a session the node's too, and then the
    /// rest.
    pub fn sheet_findings(&self, of: &SheetOf) -> Vec<Finding> {
        let mut findings = match of {
            SheetOf::Session(key) => {
                let mut findings = self.board.explain(key, self.now);
                if let Some(session) = self.board.sessions.get(key) {
                    findings.extend(self.board.explain_node(&key.scope, &session.session.target, self.now));
                }
                findings
            }
            SheetOf::Preferences(scope) => self.board.explain_preferences(scope, self.now),
        };
        // What stays is in the engine's order, the session's own first.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.status.max(Verdict::Compliant)));
        findings
    }
}

/// Opens the sheet of the worst finding.
pub(super) fn open(state: &mut State, of: SheetOf) {
    let Some(rule) = state.sheet_findings(&of).first().map(|finding| finding.rule.clone()) else {
        return super::notify(state, "there is no finding to show", true);
    };
    state.view.sheet = Some(RuleSheet { of, rule, top: 0, last: 0 });
}

pub(super) fn key(state: &mut State, action: Option<Action>, effects: &mut Vec<Effect>) {
    let Some(sheet) = &mut state.view.sheet else { return };
    match action {
        Some(Action::Down) => sheet.top = (sheet.top + 1).min(sheet.last),
        Some(Action::Up) => sheet.top = sheet.top.saturating_sub(1),
        Some(Action::PageDown) => sheet.top = (sheet.top + 10).min(sheet.last),
        Some(Action::PageUp) => sheet.top = sheet.top.saturating_sub(10),
        Some(Action::Top) => sheet.top = 0,
        Some(Action::Bottom) => sheet.top = sheet.last,
        Some(Action::NextMatch) => turn(state, true),
        Some(Action::PreviousMatch) => turn(state, false),
        Some(Action::Back | Action::Open) => state.view.sheet = None,
        Some(Action::Help) => state.view.help = Some(0),
        Some(Action::Quit) => effects.push(Effect::Quit),
        Some(Action::Suspend) => effects.push(Effect::Suspend),
        // A dialog must never open on what lies hidden below.
        _ => {}
    }
}

/// To the next or previous finding, stopping at the ends.
fn turn(state: &mut State, forward: bool) {
    let Some(mut sheet) = state.view.sheet.take() else { return };
    let findings = state.sheet_findings(&sheet.of);
    let at = findings.iter().position(|finding| finding.rule == sheet.rule);
    let to = match at {
        Some(at) if forward => at + 1,
        Some(at) => at.saturating_sub(1),
        None => 0,
    };
    if let Some(finding) = findings.get(to) {
        sheet.rule = finding.rule.clone();
        sheet.top = 0;
    }
    state.view.sheet = Some(sheet);
}
