//! The wire: protocols in and out, independent of what a service does.

pub mod answer;
pub mod auth;
pub mod body;
pub mod cbor;
pub mod input;
pub mod json;
pub mod query;
pub mod request;
pub mod rest;
pub mod route;
pub mod stream;
pub mod value;
pub mod xml;
