//! The sessions table: its columns and its order.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{error::nearest, value::checked};

/// How the sessions table is at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Table {
    /// The columns in their order, the verdict first; absent: the usual ones.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "columns")]
    pub columns: Option<Vec<TableColumn>>,
    /// Name of the column that it is sorted by; absent: the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// In reverse.
    pub reverse: bool,
    /// What the sessions are grouped by.
    pub group: TableGroup,
}

/// What the sessions are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableGroup {
    /// They are not.
    #[default]
    None,
    /// The account.
    Account,
    /// Who started them.
    Owner,
    /// The node.
    Node,
}

/// A column by its name, with its cells if they are not to be as content and room ask: `owner`, `owner:30`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// 3 to 200.
    pub cells: Option<u16>,
}

impl TableColumn {
    fn parse(text: &str) -> Result<Self, String> {
        let Some((name, cells)) = text.split_once(':') else {
            return Ok(Self { name: text.to_owned(), cells: None });
        };
        match cells.parse::<u16>() {
            Ok(cells) if (3..=200).contains(&cells) => Ok(Self { name: name.to_owned(), cells: Some(cells) }),
            _ => Err(format!("`{cells}` is not a column's width; it has 3 to 200 cells, as \"owner:30\"")),
        }
    }
}

impl Serialize for TableColumn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.cells {
            Some(cells) => serializer.collect_str(&format_args!("{}:{cells}", self.name)),
            None => serializer.serialize_str(&self.name),
        }
    }
}

impl<'de> Deserialize<'de> for TableColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, "a column in quotes, as \"owner\" or \"owner:30\"", Self::parse)
    }
}

fn columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<TableColumn>>, D::Error> {
    let columns = Vec::<TableColumn>::deserialize(deserializer)?;
    if columns.is_empty() {
        return Err(D::Error::custom("no column; leave the key out for the usual ones, or begin with \"verdict\""));
    }
    Ok(Some(columns))
}

/// The columns that a table can have, and those that it can be sorted by.
#[derive(Debug, Clone, Copy)]
pub struct ColumnNames<'a> {
    /// All of them.
    pub all: &'a [&'a str],
    /// Those that sort.
    pub sorting: &'a [&'a str],
}

impl Table {
    /// What is wrong: the key, the element where it is one, and what to write instead.
    pub(super) fn complaints(&self, known: ColumnNames<'_>) -> Vec<(&'static str, Option<usize>, String)> {
        let mut complaints = Vec::new();
        let columns = self.columns.as_deref().unwrap_or_default();
        for (index, TableColumn { name, .. }) in columns.iter().enumerate() {
            if !known.all.contains(&name.as_str()) {
                let message = unknown("column", name, known.all);
                complaints.push(("columns", Some(index), message));
            } else if columns.iter().take(index).any(|earlier| earlier.name == *name) {
                complaints.push(("columns", Some(index), format!("column `{name}` is there twice; leave one out")));
            }
        }
        if let Some(first) = columns.first().filter(|first| first.name != "verdict" && complaints.is_empty()) {
            let message = match columns.iter().any(|column| column.name == "verdict") {
                true => format!("`verdict` is always the first column, not `{}`; put it first", first.name),
                false => "the column `verdict` is missing; no table is without it, put it first".to_owned(),
            };
            complaints.push(("columns", None, message));
        }
        if let Some(sort) = self.sort.as_deref().filter(|sort| !known.sorting.contains(sort)) {
            let message = match known.all.contains(&sort) {
                true => {
                    format!("the table cannot be sorted by `{sort}`; it can by {}", known.sorting.join(", "))
                }
                false => unknown("column", sort, known.sorting),
            };
            complaints.push(("sort", None, message));
        }
        complaints
    }
}

fn unknown(kind: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("unknown {kind} `{word}`, did you mean `{meant}`?"),
        None => format!("unknown {kind} `{word}`; there are {}", known.join(", ")),
    }
}
