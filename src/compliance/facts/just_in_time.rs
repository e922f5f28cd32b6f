//! What people's just-in-time node access policies say to a session.

use super::{
    FactName, Value,
    known::{Known, Read, absent, text, undecidable},
    read::SessionReader,
};

impl<'a> SessionReader<'a> {
    pub(super) fn just_in_time(&self, name: FactName) -> Read<Value<'a>> {
        let _ = (name, Known { value: text(""), source: "", at: self.clock.now, expires: None }, undecidable(""));
        Err(absent("no just-in-time node access policies are configured"))
    }
}
