//! Files of Sigma rules: their documents, and what the parser has to say about each.

use rsigma_parser::{SigmaCollection, parse_sigma_yaml};

use super::DetectionError;

/// What one document of a file came to.
pub(super) enum Document {
    /// Rules, correlations and filters.
    Rules(SigmaCollection),
    /// A rule that is Sigma, but of a kind that is not known here: its title, and why.
    Unknown { title: String, reason: String },
}

/// Reads a file's documents.
pub(super) fn documents(file: &str, text: &str) -> Result<Vec<Document>, DetectionError> {
    let mut documents = Vec::new();
    for (first_line, chunk) in chunks(text) {
        let error = |line: usize, column: usize, what: String| DetectionError::File {
            file: file.to_owned(),
            line: first_line + line,
            column,
            what: what.replace('\n', " "),
        };
        let Some(content) = content_line(chunk) else { continue };
        let collection = parse_sigma_yaml(chunk).map_err(|what| error(content, 1, what.to_string()))?;
        let loaded = collection.rules.len() + collection.correlations.len() + collection.filters.len();
        if let Some(what) = collection.errors.iter().find_map(|what| what.strip_prefix("YAML parse error: ")) {
            let (line, column) = place(what).unwrap_or((content, 1));
            // The parser counts from 1, chunks from 0.
            let what = what.split(" at line ").next().unwrap_or(what);
            return Err(error(line, column, format!("not YAML: {what}")));
        }
        match collection.errors.first().filter(|_| loaded == 0) {
            None => documents.push(Document::Rules(collection)),
            Some(what) if what.contains("odifier") => {
                documents.push(Document::Unknown { title: title(chunk), reason: what.clone() });
            }
            Some(_) if aggregates(chunk) => {
                let reason = "uses an aggregation (`| count()`), which Sigma has replaced by correlations".to_owned();
                documents.push(Document::Unknown { title: title(chunk), reason });
            }
            Some(what) => {
                let at = if what.contains("ondition") { line_of(chunk, "condition:") } else { None };
                return Err(error(at.unwrap_or(content), 1, format!("not a Sigma rule: {what}")));
            }
        }
    }
    Ok(documents)
}

/// The documents between `---` lines, with the number of lines before each. A file whose documents work on one another
/// (`action: global`) is one.
fn chunks(text: &str) -> Vec<(usize, &str)> {
    if text.lines().any(|line| line.starts_with("action:")) {
        return vec![(0, text)];
    }
    let mut chunks = Vec::new();
    let (mut start, mut first_line, mut offset) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            chunks.push((first_line, text.get(start..offset).unwrap_or_default()));
            // The mark stays with the document before which it stands.
            (start, first_line) = (offset, number);
        }
        offset += line.len();
    }
    chunks.push((first_line, text.get(start..).unwrap_or_default()));
    chunks
}

/// The first line with content, from 1.
fn content_line(chunk: &str) -> Option<usize> {
    let blank = |line: &str| {
        line.trim().is_empty() || line.starts_with('#') || line.trim_end() == "---" || line.trim_end() == "..."
    };
    chunk.lines().position(|line| !blank(line)).map(|at| at + 1)
}

fn line_of(chunk: &str, key: &str) -> Option<usize> {
    chunk.lines().position(|line| line.trim_start().starts_with(key)).map(|at| at + 1)
}

/// `condition: selection | count() by host > 5`, of Sigma before correlations.
fn aggregates(chunk: &str) -> bool {
    chunk.lines().any(|line| line.trim_start().starts_with("condition:") && line.contains('|'))
}

fn title(chunk: &str) -> String {
    let title = chunk.lines().find_map(|line| line.strip_prefix("title:")).unwrap_or("no title");
    title.trim().trim_matches(['"', '\'']).to_owned()
}

/// `… at line 3 column 7 …`
fn place(what: &str) -> Option<(usize, usize)> {
    let (_, behind) = what.split_once("at line ")?;
    let (line, behind) = behind.split_once(" column ")?;
    let column = behind.split(|other: char| !other.is_ascii_digit()).next()?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RULE: &str =
        "title: A\nlogsource:\n  product: linux\ndetection:\n  keywords:\n    - x\n  condition: keywords\n";

    #[test]
    fn documents_are_parted_with_their_lines() {
        let file = format!("# mine\n---\n{RULE}---\n{RULE}");
        assert_eq!(documents("f", &file).unwrap().len(), 2);
        assert!(documents("f", "# nothing\n").unwrap().is_empty());
    }

    #[test]
    fn errors_say_where() {
        for (text, line, column, says) in [
            (format!("{RULE}---\ntitle: [\n  x: y: z\n"), 10, 7, "not YAML"),
            ("- a\n- b\n".to_owned(), 1, 1, "not a Sigma rule"),
            (format!("{RULE}---\n\ntitle: B\n"), 10, 1, "not a Sigma rule"),
            (RULE.replace("condition: keywords", "condition: keywords and ("), 7, 1, "not a Sigma rule"),
        ] {
            match documents("own.yml", &text) {
                Err(DetectionError::File { file, line: l, column: c, what }) => {
                    assert_eq!((file.as_str(), l, c), ("own.yml", line, column), "{what}");
                    assert!(what.starts_with(says), "{what}");
                }
                other => unreachable!("{text}: {:?}", other.map(|documents| documents.len())),
            }
        }
    }

    #[test]
    fn aggregations_of_old_are_no_errors() {
        let text = RULE.replace("condition: keywords", "condition: keywords | count() by host > 5");
        let documents = documents("f", &text).unwrap();
        assert!(matches!(documents.as_slice(), [Document::Unknown { reason, .. }] if reason.contains("aggregation")));
    }

    #[test]
    fn unknown_modifiers_are_no_errors() {
        let text =
            "title: 'B'\nlogsource:\n  product: linux\ndetection:\n  s:\n    CommandLine|fuzzy: x\n  condition: s\n";
        let documents = documents("f", text).unwrap();
        assert!(matches!(documents.as_slice(), [Document::Unknown { title, .. }] if title == "B"));
    }
}
