//! The config file: its types, its defaults, its errors (what, where, what to write instead).

mod compliance;
mod error;
mod file;
mod filters;
mod init;
mod limits;
mod names;
mod notify;
mod quarantine;
mod show;
mod table;
mod types;
mod value;
mod wall;

pub use compliance::Compliance;
pub use error::{Complaint, ConfigError};
pub use file::{Origin, Overrides, Settings, Vocabulary, default_path, load, parse, user_theme_dir};
pub use filters::{CheckFilter, CheckFilterKeys, NamedFilter};
pub use init::{TEMPLATE, write_template};
pub use limits::{DAYS, parse_hours};
pub use names::{is_region, parse_severity};
pub use notify::{Notify, NotifyProtocol};
pub use quarantine::{Quarantine, QuarantineMethodName};
pub use table::{ColumnNames, Table, TableColumn, TableGroup};
pub use types::{Account, Alerts, Config, KeyBindings, Organization, Poll, Response, Retention};
pub use value::{Pattern, Period, TagPattern, Template};
pub use wall::Wall;
