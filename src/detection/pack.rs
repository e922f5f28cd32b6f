//! The built-in rules.

/// Every file of `rules/`, with its text.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("cmd-02.yml", include_str!("rules/cmd-02.yml")),
    ("cmd-07.yml", include_str!("rules/cmd-07.yml")),
    ("cmd-16.yml", include_str!("rules/cmd-16.yml")),
    ("cmd-20.yml", include_str!("rules/cmd-20.yml")),
    ("cmd-46.yml", include_str!("rules/cmd-46.yml")),
];
