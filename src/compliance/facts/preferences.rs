//! Facts of the preferences document of one account and region.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;

use super::{
    FactName, Value,
    known::{Clock, Entry, Known, Read, absent, gone, text},
    read::DEFAULT_IDLE,
};
use crate::{
    compliance::{
        golden::differences,
        parameters::{Parameters, in_scope},
    },
    domain::{DocumentStanding, Fact, Preferences, ScopeId, SessionDocument},
};

/// All evidence on the preferences of one scope.
#[derive(Debug, Clone, Copy)]
pub struct PreferencesEvidence<'a> {
    /// Where.
    pub scope: &'a ScopeId,
    /// $DEFAULT. `Known(None)`: there is none.
    pub document: &'a Fact<Option<SessionDocument>>,
    /// $LATEST.
    pub latest: &'a Fact<Option<SessionDocument>>,
    /// Whose it is and who may use it.
    pub standing: &'a Fact<Option<DocumentStanding>>,
    /// Whether the log group of that name exists.
    pub log_group: Option<(&'a Arc<str>, &'a Fact<bool>)>,
}

/// Reads facts of one preferences document at one moment.
pub(in crate::compliance) struct PreferencesReader<'a> {
    evidence: PreferencesEvidence<'a>,
    parameters: &'a Parameters,
    clock: Clock,
}

impl<'a> PreferencesReader<'a> {
    pub(in crate::compliance) fn new(
        evidence: &PreferencesEvidence<'a>,
        parameters: &'a Parameters,
        now: Timestamp,
    ) -> Self {
        let clock = Clock { now, stale_after: parameters.stale_after, end: None };
        Self { evidence: *evidence, parameters, clock }
    }

    pub(in crate::compliance) fn read(&self, name: FactName) -> Entry<'a> {
        self.value(name).into()
    }

    fn value(&self, name: FactName) -> Read<Value<'a>> {
        let scope = self.evidence.scope;
        let words = |words: &'a str| text(words);
        match name {
            FactName::Account => Ok(self.clock.configured(text(scope.account.as_str()))),
            FactName::Region => Ok(self.clock.configured(text(scope.region.as_str()))),
            FactName::PreferencesExist => {
                Ok(self.clock.fresh(self.evidence.document)?.map(|document| Value::Flag(document.is_some())))
            }
            FactName::LatestDifferences => self.latest_differences(),
            FactName::GoldenDifferences => self.golden_differences(),
            FactName::S3Bucket => self.input(|inputs| words(&inputs.s3_bucket)),
            FactName::CentralBucket => {
                let bucket = self.parameters.log_bucket.as_deref().unwrap_or_default();
                Ok(self.clock.configured(text(in_scope(bucket, scope))))
            }
            FactName::S3PrefixHasAccount => {
                self.input(|inputs| Value::Flag(inputs.s3_prefix.contains(scope.account.as_str())))
            }
            FactName::S3Prefix => self.input(|inputs| words(&inputs.s3_prefix)),
            FactName::S3EncryptionEnabled => self.input(|inputs| Value::Flag(inputs.s3_encrypted)),
            FactName::LogGroup => self.input(|inputs| words(&inputs.log_group)),
            FactName::LogGroupExists => self.log_group_exists(),
            FactName::LogGroupEncryptionEnabled => self.input(|inputs| Value::Flag(inputs.log_group_encrypted)),
            FactName::StreamingEnabled => self.input(|inputs| Value::Flag(inputs.streaming)),
            FactName::KmsKey => self.input(|inputs| words(&inputs.kms_key)),
            FactName::IdleTimeoutSeconds => {
                self.input(|inputs| Value::Seconds(i64::from(inputs.idle_timeout_minutes.unwrap_or(DEFAULT_IDLE)) * 60))
            }
            FactName::MaxSessionSeconds => {
                self.input(|inputs| Value::Seconds(i64::from(inputs.max_duration_minutes.unwrap_or_default()) * 60))
            }
            FactName::RunAsEnabled => self.input(|inputs| Value::Flag(inputs.run_as_enabled)),
            FactName::RunAsDefaultUser => self.input(|inputs| words(&inputs.run_as_default_user)),
            FactName::ShellProfileLinux => self.input(|inputs| words(&inputs.shell_profile_linux)),
            FactName::ShellProfileWindows => self.input(|inputs| words(&inputs.shell_profile_windows)),
            FactName::DocumentPublic => {
                let standing = self.clock.fresh(self.evidence.standing)?;
                let standing =
                    standing.and(Option::as_ref, || gone("ssm:DescribeDocument", "there is no such document"))?;
                Ok(self.clock.fresh(&standing.value.public)?.map(|public| Value::Flag(*public)))
            }
            _ => Err(absent("preferences have no such fact")),
        }
    }

    fn document(&self) -> Read<&'a SessionDocument> {
        self.clock
            .fresh(self.evidence.document)?
            .if_any(Option::as_ref, || "this account and region has no preferences document".to_owned())
    }

    fn input(&self, value: impl FnOnce(&'a Preferences) -> Value<'a>) -> Read<Value<'a>> {
        Ok(self.document()?.map(|document| value(&document.inputs)))
    }

    fn latest_differences(&self) -> Read<Value<'a>> {
        let document = self.document()?;
        let latest = self.clock.fresh(self.evidence.latest)?;
        let latest: Known<&SessionDocument> =
            latest.and(Option::as_ref, || gone("ssm:GetDocument", "there is no newest version"))?;
        let differences = differences(&document.value.content, &latest.value.content, &str::to_owned);
        Ok(latest.map(|_| Value::Texts(differences.iter().map(|it| Cow::Owned(it.to_string())).collect())))
    }

    fn golden_differences(&self) -> Read<Value<'a>> {
        let Some(golden) = &self.parameters.golden else {
            return Ok(self.clock.configured(Value::Texts(Vec::new())));
        };
        let document = self.document()?;
        let scope = self.evidence.scope;
        let differences = differences(golden, &document.value.content, &|template| in_scope(template, scope));
        Ok(document.map(|_| Value::Texts(differences.iter().map(|it| Cow::Owned(it.to_string())).collect())))
    }

    fn log_group_exists(&self) -> Read<Value<'a>> {
        let document = self.document()?;
        let group = &document.value.inputs.log_group;
        if group.is_empty() {
            return Err(absent("the document names no log group"));
        }
        static NOT_READ: Fact<bool> = Fact::not_read();
        let exists = self.evidence.log_group.filter(|(name, _)| ***name == **group).map_or(&NOT_READ, |(_, fact)| fact);
        Ok(self.clock.fresh(exists)?.map(|exists| Value::Flag(*exists)))
    }
}
