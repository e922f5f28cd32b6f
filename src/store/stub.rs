//! stub
#![allow(missing_docs, clippy::all, clippy::unimplemented)]
use super::Phase;
use crate::domain::*;
use jiff::Timestamp;
#[derive(Debug)]
pub struct Store;
#[derive(Debug, Clone)]
pub struct StoreError;
impl std::fmt::Display for StoreError {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}
impl StoreError {
    pub fn to_do(&self) -> &'static str {
        ""
    }
    pub fn is_in_use(&self) -> bool {
        false
    }
}
#[derive(Debug)]
pub struct ChainHead {
    pub seq: u64,
    pub sha256: String,
}
impl Store {
    pub fn open(_: &std::path::Path) -> Result<Self, StoreError> {
        unimplemented!()
    }
    pub fn open_fresh(_: &std::path::Path) -> Result<Self, StoreError> {
        unimplemented!()
    }
    pub fn open_to_read(_: &std::path::Path) -> Result<Self, StoreError> {
        unimplemented!()
    }
    pub fn records(&self, _: &RecordFilter) -> Result<Vec<Record>, StoreError> {
        unimplemented!()
    }
    pub fn load(&self, _: Timestamp) -> Result<Loaded, StoreError> {
        unimplemented!()
    }
    pub fn forget(&mut self, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!()
    }

    pub fn record(&mut self, _: Phase, _: &Act, _: &[Parcel]) -> Result<ChainHead, StoreError> {
        unimplemented!()
    }
    pub fn keep_alert(&mut self, _: &Alert, _: &[Parcel]) -> Result<(), StoreError> {
        unimplemented!()
    }
    pub fn due(&self, _: Timestamp, _: usize) -> Result<Vec<Waiting>, StoreError> {
        unimplemented!()
    }
    pub fn delivered(&mut self, _: &[i64], _: Timestamp, _: &str) -> Result<(), StoreError> {
        unimplemented!()
    }
    pub fn not_delivered(&mut self, _: &[i64], _: &str, _: &str, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!()
    }
    pub fn undelivered(&self) -> Result<Vec<(AlertDestination, u64)>, StoreError> {
        unimplemented!()
    }
    pub fn keep_ended(&mut self, _: &[EndedSession]) -> Result<(), StoreError> {
        unimplemented!()
    }
    pub fn keep_trail(&mut self, _: &ScopeId, _: &[TrailEvent]) -> Result<(), StoreError> {
        unimplemented!()
    }
    pub fn keep_principals(&mut self, _: &[PrincipalSeen]) -> Result<(), StoreError> {
        unimplemented!()
    }
    pub fn previous_sessions(&self, _: &str, _: usize) -> Result<Vec<EndedSession>, StoreError> {
        unimplemented!()
    }
}
#[derive(Debug, Clone)]
pub struct Keeper;
#[derive(Debug)]
pub struct KeeperGone;
impl Keeper {
    pub fn start(_: Store) -> Self {
        unimplemented!()
    }
    pub async fn close(self) {
        unimplemented!()
    }

    pub async fn run<T: Send + 'static>(
        &self,
        _work: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, KeeperGone> {
        unimplemented!()
    }
}

pub fn default_path(_: bool) -> Result<std::path::PathBuf, StoreError> {
    unimplemented!()
}

#[derive(Default)]
pub struct RecordFilter {}
pub struct Record {
    pub text: String,
}
