//! Credentials that people renew: the lines that warn of their end, and the word when they were renewed.

use jiff::SignedDuration;

use crate::{
    app::{
        board::Freshness,
        state::State,
        view::{Banner, BannerKind},
    },
    domain::{AccountId, CredentialBase, CredentialStage, CredentialStanding, FailureClass},
};

/// `42m`, `59s`: how long something still lasts; below two minutes every second counts.
pub fn span(left: SignedDuration) -> String {
    let seconds = left.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Says that what was over, or near its end, is good again.
pub(super) fn observed(state: &mut State, standing: &CredentialStanding) {
    let before = state.board.credentials.get(&standing.base).map(|before| before.stage(state.now));
    if before.is_some_and(|before| before != CredentialStage::Good)
        && standing.stage(state.now) == CredentialStage::Good
    {
        let were = if plural(standing) { "were" } else { "was" };
        super::notify(state, format!("{} {were} renewed", standing.name()), false);
    }
}

/// The lines: what ended, what ends, what cannot be renewed.
pub(super) fn banners(state: &State, banners: &mut Vec<Banner>) {
    for standing in state.board.credentials.values() {
        let stage = standing.stage(state.now);
        if let Some(text) = text(state, standing, stage) {
            let kind = BannerKind::Credentials { base: standing.base.clone(), urgent: stage.is_urgent() };
            banners.push(Banner { kind, text });
        }
    }
}

/// Whether its name is of several: the ambient credentials.
fn plural(standing: &CredentialStanding) -> bool {
    standing.login.is_none() && standing.base == CredentialBase::Ambient
}

/// Accounts of which something is not seen now.
fn lost(state: &State, standing: &CredentialStanding) -> usize {
    let unseen = |account: &&AccountId| {
        let mut scopes = state.board.scopes.iter().filter(|(id, _)| id.account == **account);
        scopes.any(|(_, scope)| matches!(state.board.freshness(scope, state.now), Freshness::Stale | Freshness::Blind))
    };
    standing.accounts.iter().filter(unseen).count()
}

fn text(state: &State, standing: &CredentialStanding, stage: CredentialStage) -> Option<String> {
    let now = state.now;
    let (name, to_do) = (standing.name(), standing.to_do());
    let ends = if plural(standing) { "end" } else { "ends" };
    let accounts = match standing.accounts.len() {
        0 => "what is read with it".to_owned(),
        1 => "1 account".to_owned(),
        count => format!("{count} accounts"),
    };
    let held = standing.held_until.filter(|until| *until > now).map(|until| span(until.duration_since(now)));
    Some(match (stage, held) {
        (CredentialStage::Good, _) => return None,
        (CredentialStage::Ends(left), _) => {
            format!("{name} {ends} in {}: {to_do}; {accounts} would be lost", span(left))
        }
        (CredentialStage::Failing(left), Some(_)) => {
            let why = match standing.problem.as_ref() {
                // The words of these are what is said here anyway.
                Some(problem) if problem.class != FailureClass::Expired && !problem.message.is_empty() => {
                    format!(" ({})", problem.message)
                }
                _ => String::new(),
            };
            format!("{name} cannot be renewed: {to_do}; {accounts} would be lost in {}{why}", span(left))
        }
        (CredentialStage::Failing(_), None) => {
            let why = standing.problem.as_ref().map_or("", |problem| problem.message.as_str());
            format!("{name} cannot be read: {accounts} cannot be seen: {why}")
        }
        (CredentialStage::Ended(at), held) => {
            let what = if standing.login.is_some() { "LOGIN ENDED" } else { "CREDENTIALS ENDED" };
            let since = at.map_or(String::new(), |at| format!(", {} ago", span(now.duration_since(at))));
            let within = held.map_or(String::new(), |held| format!(" in {held}"));
            let lost = lost(state, standing);
            let loss = match standing.accounts.len() {
                all if lost == all && all > 0 => format!("{accounts} cannot be seen"),
                _ if lost > 0 => format!("{lost} of {accounts} cannot be seen, the others will be lost"),
                _ => format!("{accounts} will be lost{within}"),
            };
            format!("{what}: {}{since}: {to_do}; {loss}", standing.base)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use jiff::Timestamp;

    use super::*;
    use crate::{
        app::{Message, fixture, update},
        domain::{Failure, Observation},
    };

    fn standing(expires_at: Option<Timestamp>) -> CredentialStanding {
        CredentialStanding {
            base: CredentialBase::Profile("payments".into()),
            accounts: ["111122223333".into(), "444455556666".into()].into(),
            login: Some("aws sso login --profile payments".into()),
            expires_at,
            token_until: expires_at,
            renews_itself: false,
            unknown: None,
            held_until: None,
            problem: None,
            at: fixture::start(),
        }
    }

    fn told(state: &mut State, standing: CredentialStanding, at: i64) {
        let observation = Observation::Credentials(Box::new(standing));
        update(state, Message::Observed(observation), fixture::at(at));
    }

    fn lines(state: &State) -> Vec<(bool, String)> {
        let of = |banner: &Banner| match banner.kind {
            BannerKind::Credentials { urgent, .. } => Some((urgent, banner.text.clone())),
            _ => None,
        };
        state.view.banners.iter().filter_map(of).collect()
    }

    #[test]
    fn the_end_of_a_login_is_said_ahead_at_it_and_until_it_is_renewed() {
        let mut state = fixture::state(&["a"]);
        told(&mut state, standing(Some(fixture::at(7200))), 10);
        assert_eq!(lines(&state), []);
        update(&mut state, Message::Tick, fixture::at(3601));
        let ahead = "SSO login of profile payments ends in 59m: run `aws sso login --profile payments`; 2 accounts would be lost";
        assert_eq!(lines(&state), [(false, ahead.to_owned())]);
        update(&mut state, Message::Tick, fixture::at(7200 - 60));
        assert!(lines(&state)[0].0 && lines(&state)[0].1.contains("ends in 60s"), "{:?}", lines(&state));
        update(&mut state, Message::Tick, fixture::at(7200 + 60));
        let after = "LOGIN ENDED: profile payments, 60s ago: run `aws sso login --profile payments`; \
                     1 of 2 accounts cannot be seen, the others will be lost";
        assert_eq!(lines(&state), [(true, after.to_owned())]);
        assert_eq!(state.view.notice, None);
        told(&mut state, standing(Some(fixture::at(40_000))), 7300);
        assert_eq!(lines(&state), []);
        let notice = state.view.notice.as_ref().unwrap();
        assert_eq!(notice.text, "SSO login of profile payments was renewed");
    }

    #[test]
    fn what_is_held_is_told_while_the_renewal_fails() {
        let mut state = fixture::state(&["a"]);
        let expired = Failure { class: FailureClass::Expired, ..fixture::failure(FailureClass::Expired) };
        let failing =
            CredentialStanding { problem: Some(expired), held_until: Some(fixture::at(400)), ..standing(None) };
        told(&mut state, failing, 40);
        let (urgent, line) = lines(&state).remove(0);
        assert!(urgent && line.contains("cannot be renewed") && line.contains("lost in 6m"), "{line}");
        update(&mut state, Message::Tick, fixture::at(401));
        assert!(lines(&state)[0].1.starts_with("LOGIN ENDED"), "{:?}", lines(&state));
    }

    #[test]
    fn a_login_that_renews_itself_is_warned_of_at_the_end_of_that_only() {
        let mut state = fixture::state(&["a"]);
        let standing = CredentialStanding {
            renews_itself: true,
            token_until: Some(fixture::at(60)),
            ..standing(Some(fixture::at(90 * 86_400)))
        };
        told(&mut state, standing, 10);
        update(&mut state, Message::Tick, fixture::at(4000));
        assert_eq!(lines(&state), []);
    }
}
