//! Signs for terminals with and without UTF-8.

use ratatui::symbols::border;

use crate::domain::{Severity, Verdict};

/// Signs that are drawn; each one column wide but the ellipsis of ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Borders of panes.
    pub border: border::Set<'static>,
    /// Before the selected row.
    pub selected: &'static str,
    /// Severities, from harmless to bad: shapes that differ without color.
    pub severities: [&'static str; 5],
    /// COMPLIANT.
    pub compliant: &'static str,
    /// NON_COMPLIANT.
    pub non_compliant: &'static str,
    /// INSUFFICIENT_DATA.
    pub insufficient: &'static str,
    /// NOT_APPLICABLE.
    pub not_applicable: &'static str,
    /// A transcript line that may differ from what was run.
    pub uncertain: &'static str,
    /// A transcript line that the agent may have sent twice.
    pub repeated: &'static str,
    /// Where text was cut.
    pub ellipsis: &'static str,
    /// In place of a control character.
    pub replaced: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// Sorted upward.
    pub ascending: &'static str,
    /// Sorted downward.
    pub descending: &'static str,
    /// A scope that cannot be read, and what failed.
    pub blind: &'static str,
    /// Not read or not judged yet.
    pub loading: &'static str,
    /// A session without a client.
    pub disconnected: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// Before an alert that nobody has seen.
    pub unseen: &'static str,
    /// Before a session that is marked for acts on many.
    pub marked: &'static str,
    /// Before the number of columns that are out of sight to the left.
    pub more_left: &'static str,
    /// After the number of those to the right.
    pub more_right: &'static str,
    /// Following the end.
    pub follow: &'static str,
    /// Track of a scroll bar.
    pub scroll_track: &'static str,
    /// Thumb of a scroll bar.
    pub scroll_thumb: &'static str,
}

impl Glyphs {
    /// For terminals with UTF-8.
    pub const UTF8: Self = Self {
        border: border::PLAIN,
        selected: "▶",
        severities: ["·", "▪", "▲", "◆", "█"],
        compliant: "✓",
        non_compliant: "✗",
        insufficient: "?",
        not_applicable: "–",
        uncertain: "~",
        repeated: "\"",
        ellipsis: "…",
        replaced: "�",
        dot: "·",
        ascending: "↑",
        descending: "↓",
        blind: "■",
        loading: "◌",
        disconnected: "○",
        remedy: "→",
        unseen: "●",
        marked: "»",
        more_left: "‹",
        more_right: "›",
        follow: "↧",
        scroll_track: "│",
        scroll_thumb: "█",
    };

    /// For all others.
    pub const ASCII: Self = Self {
        border: border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        },
        selected: ">",
        severities: [".", "-", "^", "*", "#"],
        compliant: "+",
        non_compliant: "x",
        insufficient: "?",
        not_applicable: "-",
        uncertain: "~",
        repeated: "\"",
        ellipsis: "...",
        replaced: "?",
        dot: "|",
        ascending: "^",
        descending: "v",
        blind: "!",
        loading: "%",
        disconnected: "o",
        remedy: ">",
        unseen: "@",
        marked: "=",
        more_left: "<",
        more_right: ">",
        follow: "v",
        scroll_track: "|",
        scroll_thumb: "#",
    };

    /// The glyphs of a locale; the first of `LC_ALL`, `LC_CTYPE`, `LANG` that is not empty decides.
    pub fn for_locale(lc_all: Option<&str>, lc_ctype: Option<&str>, lang: Option<&str>) -> Self {
        let decides = [lc_all, lc_ctype, lang].into_iter().flatten().find(|value| !value.is_empty());
        let locale = decides.unwrap_or_default().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::UTF8 } else { Self::ASCII }
    }

    /// The shape of a severity.
    pub fn severity(&self, severity: Severity) -> &'static str {
        let [informational, low, medium, high, critical] = self.severities;
        match severity {
            Severity::Informational => informational,
            Severity::Low => low,
            Severity::Medium => medium,
            Severity::High => high,
            Severity::Critical => critical,
        }
    }

    /// The sign of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::NotApplicable => self.not_applicable,
            Verdict::Compliant => self.compliant,
            Verdict::InsufficientData => self.insufficient,
            Verdict::NonCompliant => self.non_compliant,
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    /// Every glyph of a set, by name. The pattern has no `..`, so that a new glyph must be added here.
    fn every(glyphs: Glyphs) -> Vec<(&'static str, &'static str)> {
        let Glyphs {
            border,
            selected,
            severities: [informational, low, medium, high, critical],
            compliant,
            non_compliant,
            insufficient,
            not_applicable,
            uncertain,
            repeated,
            ellipsis,
            replaced,
            dot,
            ascending,
            descending,
            blind,
            loading,
            disconnected,
            remedy,
            unseen,
            marked,
            more_left,
            more_right,
            follow,
            scroll_track,
            scroll_thumb,
        } = glyphs;
        vec![
            ("top_left", border.top_left),
            ("top_right", border.top_right),
            ("bottom_left", border.bottom_left),
            ("bottom_right", border.bottom_right),
            ("vertical_left", border.vertical_left),
            ("vertical_right", border.vertical_right),
            ("horizontal_top", border.horizontal_top),
            ("horizontal_bottom", border.horizontal_bottom),
            ("selected", selected),
            ("informational", informational),
            ("low", low),
            ("medium", medium),
            ("high", high),
            ("critical", critical),
            ("compliant", compliant),
            ("non_compliant", non_compliant),
            ("insufficient", insufficient),
            ("not_applicable", not_applicable),
            ("uncertain", uncertain),
            ("repeated", repeated),
            ("ellipsis", ellipsis),
            ("replaced", replaced),
            ("dot", dot),
            ("ascending", ascending),
            ("descending", descending),
            ("blind", blind),
            ("loading", loading),
            ("disconnected", disconnected),
            ("remedy", remedy),
            ("unseen", unseen),
            ("marked", marked),
            ("more_left", more_left),
            ("more_right", more_right),
            ("follow", follow),
            ("scroll_track", scroll_track),
            ("scroll_thumb", scroll_thumb),
        ]
    }

    #[test]
    fn all_glyphs_of_ascii_are_ascii_and_all_have_their_width() {
        for (set, glyphs) in [("utf8", Glyphs::UTF8), ("ascii", Glyphs::ASCII)] {
            for (name, glyph) in every(glyphs) {
                let wide = if (set, name) == ("ascii", "ellipsis") { 3 } else { 1 };
                assert_eq!(glyph.width(), wide, "{set}: {name}");
                assert!(set == "utf8" || glyph.bytes().all(|byte| byte.is_ascii_graphic()), "{set}: {name}");
            }
        }
    }

    #[test]
    fn glyphs_fit_the_locale_and_one_column() {
        assert_eq!(Glyphs::for_locale(None, None, Some("de_DE.UTF-8")), Glyphs::UTF8);
        assert_eq!(Glyphs::for_locale(Some("C.utf8"), None, Some("C")), Glyphs::UTF8);
        assert_eq!(Glyphs::for_locale(Some(""), Some("C"), Some("en_US.UTF-8")), Glyphs::ASCII);
        assert_eq!(Glyphs::for_locale(None, None, None), Glyphs::ASCII);
        for (glyphs, ascii) in [(Glyphs::UTF8, false), (Glyphs::ASCII, true)] {
            let all = Severity::ALL.map(|severity| glyphs.severity(severity));
            let verdicts = [glyphs.compliant, glyphs.non_compliant, glyphs.insufficient, glyphs.not_applicable];
            for set in [&all[..], &verdicts[..]] {
                for (index, glyph) in set.iter().enumerate() {
                    assert_eq!(glyph.width(), 1);
                    assert!(!ascii || glyph.is_ascii());
                    assert!(!set.iter().take(index).any(|earlier| earlier == glyph), "{glyph} stands for two things");
                }
            }
        }
    }
}
