//! Sessions: listed, found, terminated.

use std::{sync::Arc, time::Duration};

use aws_sdk_ssm::types::{Session as SdkSession, SessionFilter, SessionFilterKey, SessionState};
use jiff::Timestamp;
use tokio::time::timeout;

use super::{
    failure::{other, unreachable},
    page::{Page, all_pages},
    scope::{ScopeClient, timestamp},
};
use crate::domain::{AccessType, Failure, ScopeId, Session, SessionId, SessionKey, SessionStatus};

const DESCRIBE: &str = "ssm:DescribeSessions";
const TERMINATE: &str = "ssm:TerminateSession";
/// How long the requests of an act may take, with all retries.
const FIND_WITHIN: Duration = Duration::from_secs(3);
const TERMINATE_WITHIN: Duration = Duration::from_secs(5);
/// The largest page that DescribeSessions gives.
const PAGE: i32 = 200;
/// 20,000 sessions of one scope; a longer listing is reported as a failure, never cut silently.
const MOST_PAGES: usize = 100;

/// Where a session was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSession {
    /// As the Active listing has it.
    pub active: Option<Session>,
    /// As the History listing has it.
    pub history: Option<Session>,
}

impl ScopeClient {
    /// All active sessions: every page, or an error.
    ///
    /// # Errors
    /// A classified failure of any page.
    pub async fn list_active(&self) -> Result<Vec<Session>, Failure> {
        self.list(SessionState::Active, Vec::new()).await
    }

    /// The sessions of the History that were started after `invoked_after`: every page, or an error.
    /// (The service filters by start only; callers filter by end.)
    ///
    /// # Errors
    /// A classified failure of any page.
    pub async fn list_history(&self, invoked_after: Timestamp) -> Result<Vec<Session>, Failure> {
        let filter = filter(SessionFilterKey::InvokedAfter, &format!("{invoked_after:.0}"))?;
        self.list(SessionState::History, vec![filter]).await
    }

    /// One page of the sessions of the History that were started after `invoked_after`, newest first, and where the next one starts.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn history_page(
        &self,
        invoked_after: Timestamp,
        token: Option<String>,
    ) -> Result<(Vec<Session>, Option<String>), Failure> {
        let filter = filter(SessionFilterKey::InvokedAfter, &format!("{invoked_after:.0}"))?;
        let page = Box::pin(self.page(SessionState::History, Some(vec![filter]), token)).await?;
        Ok((page.items, page.next.filter(|next| !next.is_empty())))
    }

    /// One page of all sessions that the History has, those of 30 days, newest first, and where the next one starts.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn past_page(&self, token: Option<String>) -> Result<(Vec<Session>, Option<String>), Failure> {
        let page = Box::pin(self.page(SessionState::History, None, token)).await?;
        Ok((page.items, page.next.filter(|next| !next.is_empty())))
    }

    /// Looks for one session in the Active and in the History listing.
    ///
    /// # Errors
    /// A classified failure of either; no answer within 3 s.
    pub async fn find_session(&self, id: &SessionId) -> Result<FoundSession, Failure> {
        let find = async {
            let active = self.find_active(id).await?;
            let history = self.find_ended(id).await?;
            Ok(FoundSession { active, history })
        };
        self.within(FIND_WITHIN, DESCRIBE, find).await
    }

    /// The session as the Active listing has it; `None`: it does not.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn find_active(&self, id: &SessionId) -> Result<Option<Session>, Failure> {
        self.find_in(SessionState::Active, id).await
    }

    /// The session as the History listing has it; `None`: it does not.
    ///
    /// # Errors
    /// A classified failure.
    pub async fn find_ended(&self, id: &SessionId) -> Result<Option<Session>, Failure> {
        self.find_in(SessionState::History, id).await
    }

    async fn find_in(&self, state: SessionState, id: &SessionId) -> Result<Option<Session>, Failure> {
        let by_id = filter(SessionFilterKey::SessionId, id.as_str())?;
        let sessions = self.list(state, vec![by_id]).await?;
        Ok(sessions.into_iter().find(|session| session.key.id == *id))
    }

    /// Asks for the session's end. The service answers success for unknown ids too: only the listings prove the end.
    ///
    /// # Errors
    /// A classified failure; no answer within 5 s.
    pub async fn terminate_session(&self, id: &SessionId) -> Result<(), Failure> {
        let request = self.ssm.terminate_session().session_id(id.as_str());
        self.within(TERMINATE_WITHIN, TERMINATE, self.send(TERMINATE, request.send())).await.map(drop)
    }

    /// Somebody waits for the answer of an act: an error soon is worth more than another try.
    async fn within<T>(
        &self,
        limit: Duration,
        action: &'static str,
        request: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        timeout(limit, request).await.unwrap_or_else(|_| {
            let failure = unreachable(action, &format!("no answer within {} s", limit.as_secs()));
            self.count(action, Some(&failure));
            Err(failure)
        })
    }

    async fn list(&self, state: SessionState, filters: Vec<SessionFilter>) -> Result<Vec<Session>, Failure> {
        let filters = (!filters.is_empty()).then_some(filters);
        all_pages(DESCRIBE, MOST_PAGES, |token| self.page(state.clone(), filters.clone(), token)).await
    }

    async fn page(
        &self,
        state: SessionState,
        filters: Option<Vec<SessionFilter>>,
        token: Option<String>,
    ) -> Result<Page<Session>, Failure> {
        let request =
            self.ssm.describe_sessions().state(state).max_results(PAGE).set_filters(filters).set_next_token(token);
        let answer = self.send(DESCRIBE, request.send()).await?;
        let sessions = answer.sessions.unwrap_or_default();
        let items: Result<Vec<_>, _> = sessions.into_iter().map(|session| domain(&self.id, session)).collect();
        Ok(Page { items: items?, next: answer.next_token })
    }
}

fn filter(key: SessionFilterKey, value: &str) -> Result<SessionFilter, Failure> {
    SessionFilter::builder().key(key).value(value).build().map_err(|error| other(DESCRIBE, &error.to_string()))
}

fn domain(scope: &ScopeId, session: SdkSession) -> Result<Session, Failure> {
    let Some(id) = session.session_id.filter(|id| !id.is_empty()) else {
        return Err(other(DESCRIBE, "the service listed a session without an id"));
    };
    let text = |text: Option<String>| text.filter(|text| !text.is_empty()).map(|text| text.into());
    Ok(Session {
        key: SessionKey::new(scope.clone(), id),
        target: session.target.unwrap_or_default().into(),
        status: SessionStatus::parse(session.status.as_ref().map_or("", |status| status.as_str())),
        started_at: session.start_date.as_ref().and_then(timestamp),
        ended_at: session.end_date.as_ref().and_then(timestamp),
        document: text(session.document_name),
        owner: session.owner.unwrap_or_default().into(),
        reason: text(session.reason),
        log_group: session
            .output_url
            .as_ref()
            .and_then(|output| log_group_in(output.cloud_watch_output_url.as_deref()?))
            .map(Arc::from),
        max_duration_minutes: session.max_session_duration.and_then(|minutes| minutes.trim().parse().ok()),
        access: session.access_type.and_then(|access| match access.as_str() {
            "Standard" => Some(AccessType::Standard),
            "JustInTime" => Some(AccessType::JustInTime),
            _ => None,
        }),
    })
}

/// The log group in an address of the CloudWatch console, as OutputUrl has it: `…#logEventViewer:group=/ssm;stream=…` of old, and
/// `…#logsV2:log-groups/log-group/$252Fssm/log-events/…`, where each percent sign became `$25`.
fn log_group_in(url: &str) -> Option<String> {
    let decoded = |text: &str| {
        let once = text.replace("$25", "%");
        percent_encoding::percent_decode_str(&once).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    let (found, end) = match (url.split_once("group="), url.split_once("/log-group/")) {
        (Some((_, rest)), _) => (rest, [';', '&']),
        (None, Some((_, rest))) => (rest, ['/', '?']),
        (None, None) => return None,
    };
    let group = decoded(found.split(end).next()?)?;
    // CloudWatch Logs: 1 to 512 of these characters.
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#');
    (!group.is_empty() && group.len() <= 512 && group.chars().all(valid)).then_some(group)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn a_session_is_mapped_with_what_the_service_sent() {
        let scope = ScopeId::new("111122223333", "eu-central-1");
        let session = SdkSession::builder()
            .session_id("jane-0a1b")
            .target("i-0123456789abcdef0")
            .status("Connected".into())
            .start_date(DateTime::from_secs_and_nanos(1_700_000_000, 122_999_000))
            .owner("arn:aws:iam::111122223333:user/jane")
            .max_session_duration("60")
            .access_type("JustInTime".into())
            .reason("")
            .build();
        let session = domain(&scope, session).unwrap();
        assert_eq!(session.key, SessionKey::new(scope.clone(), "jane-0a1b"));
        assert_eq!(session.started_at.unwrap().as_millisecond(), 1_700_000_000_123);
        assert_eq!((session.max_duration_minutes, session.access), (Some(60), Some(AccessType::JustInTime)));
        assert_eq!((session.reason, session.document, session.ended_at), (None, None, None));
        assert!(domain(&scope, SdkSession::builder().target("i-1").build()).is_err());
    }
}
