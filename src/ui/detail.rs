//! Everything known about one session: who and where, the findings with their evidence, every fact with its source.

use jiff::{SignedDuration, Timestamp};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{
    look::Look,
    text::{self, Pieces, piece},
};
use crate::{
    app::{
        board::{Phase, SessionBoard},
        view::Focus,
    },
    compliance::governing_role,
    domain::{Act, ActKind, ArchiveObject, Fact, Finding, Missing, NodeKind, SessionDocument, SessionKey, Verdict},
};

/// Cells of the names of facts.
const LABEL: usize = 10;

/// Draws the pane; the number of its lines, seen and unseen.
pub(super) fn draw(look: &Look<'_>, buffer: &mut Buffer, area: Rect) -> usize {
    let view = &look.state.view;
    let selected = view.table.list.selected.as_ref();
    let session = selected.and_then(|key| look.state.board.sessions.get(key));
    let mut title: Pieces<'_> = vec![piece("Details", look.theme.title)];
    if let Some(session) = session {
        title.push(piece("  ", look.theme.text));
        title.push(piece(look.session_id(&session.session.key), look.theme.muted));
    }
    let inner = look.pane(buffer, area, &title, &[], view.focus == Focus::Detail);
    let Some(session) = session else {
        let words = if selected.is_some() { "that session is no longer known here" } else { "no session is selected" };
        look.centered(buffer, inner, &[(words.to_owned(), look.theme.muted)]);
        return 0;
    };
    if inner.width < 3 || inner.height == 0 {
        return 0;
    }
    let text_area = Rect::new(inner.x + 1, inner.y, inner.width - 2, inner.height);
    let mut sheet = Sheet { look, cells: usize::from(text_area.width), lines: Vec::new() };
    sheet.session(session);
    let all = sheet.lines.len();
    let visible = usize::from(inner.height);
    let top = view.detail_top.min(all.saturating_sub(visible));
    look.lines(buffer, text_area, sheet.lines.get(top..).unwrap_or_default());
    let position = look.position(top, visible, all);
    look.on_frame(buffer, area, area.bottom() - 1, &[], &position);
    all
}

/// Lines that are being written, wrapped to a width.
pub(super) struct Sheet<'a> {
    pub(super) look: &'a Look<'a>,
    pub(super) cells: usize,
    pub(super) lines: Vec<Pieces<'static>>,
}

impl Sheet<'_> {
    /// One line as it is.
    pub(super) fn line(&mut self, line: Pieces<'static>) {
        self.lines.push(line);
    }

    /// An empty line, but never two, and none at the top.
    pub(super) fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Vec::new());
        }
    }

    /// Words of one style, wrapped, indented by `indent` from the second line on, with `lead` before the first.
    pub(super) fn words(&mut self, lead: Pieces<'static>, indent: usize, words: &str, style: Style) {
        let room = self.cells.saturating_sub(indent).max(1);
        let lead_width = text::line_width(&lead);
        let mut wrapped = text::wrap(words, room);
        if lead_width > indent {
            // The first line is shorter than the others.
            let first = text::wrap(words, self.cells.saturating_sub(lead_width).max(1)).into_iter().next();
            let rest = words.get(first.as_ref().map_or(0, String::len)..).unwrap_or_default().trim_start();
            wrapped = first.into_iter().collect();
            if !rest.is_empty() {
                wrapped.extend(text::wrap(rest, room));
            }
        }
        let mut wrapped = wrapped.into_iter();
        let mut first = lead;
        if lead_width < indent {
            first.push(piece(" ".repeat(indent - lead_width), style));
        }
        if let Some(words) = wrapped.next() {
            first.push(piece(words, style));
        }
        self.lines.push(first);
        for words in wrapped {
            self.lines.push(vec![piece(" ".repeat(indent), style), piece(words, style)]);
        }
    }

    /// Source and age of the fact above: at the end of its line where there is room, or below it.
    pub(super) fn source(&mut self, indent: usize, source: &str) {
        let style = self.look.theme.muted;
        let wide = text::width(source);
        match self.lines.last_mut() {
            Some(line) if text::line_width(line) + 2 + wide <= self.cells => {
                let fill = self.cells - text::line_width(line) - wide;
                line.push(piece(" ".repeat(fill), style));
                line.push(piece(source.to_owned(), style));
            }
            _ => {
                let source = text::fit(source, self.cells.saturating_sub(indent), self.look.glyphs.ellipsis);
                let fill = self.cells.saturating_sub(text::width(&source));
                self.line(vec![piece(" ".repeat(fill), style), piece(source.into_owned(), style)]);
            }
        }
    }

    /// `label     value`, wrapped beside the label.
    pub(super) fn field(&mut self, label: &str, value: &str, style: Style) {
        let lead = vec![piece(format!("{label:LABEL$} "), self.look.theme.muted)];
        self.words(lead, LABEL + 1, value, style);
    }

    /// A heading with the source and age of all facts below it.
    pub(super) fn heading(&mut self, title: &str, source: &str) {
        self.gap();
        let theme = self.look.theme;
        let mut line = vec![piece(title.to_owned(), theme.title)];
        if !source.is_empty() {
            let room = self.cells.saturating_sub(text::width(title) + 2);
            let source = text::fit(source, room, self.look.glyphs.ellipsis).into_owned();
            let fill = self.cells.saturating_sub(text::width(title) + text::width(&source));
            line.push(piece(" ".repeat(fill), theme.muted));
            line.push(piece(source, theme.muted));
        }
        self.lines.push(line);
    }

    /// All of a session: who and where, what is wrong, every fact.
    pub(super) fn session(&mut self, session: &SessionBoard) {
        let look = self.look;
        let record = &session.session;
        if let Some(since) = look.unseen_since(session) {
            let words = format!("not seen now: what stands here was so {} ago", look.ago(since));
            let style = look.theme.warning.add_modifier(Modifier::BOLD);
            self.words(vec![piece(format!("{} ", look.glyphs.blind), style)], 3, &words, style);
        }
        let (mark, word, style) = look.verdict(session);
        let severity =
            session.judgement.severity().filter(|_| session.judgement.verdict == Some(Verdict::NonCompliant));
        let mut line = vec![piece(format!("{mark} {word}"), style.add_modifier(Modifier::BOLD))];
        if let Some(severity) = severity {
            line.push(piece(format!("  {}", severity.word()), style));
        }
        self.line(line);
        self.field("who", &look.owner(&record.owner), look.theme.text);
        self.field("node", &look.node(session), look.theme.text);
        self.field("where", &look.place(&record.key.scope), look.theme.text);
        let (status, status_style) = look.status(session);
        self.field("status", &format!("{status}, {}", self.timing(session)), status_style);
        if let Some(reason) = &record.reason {
            self.field("reason", &look.clean(reason), look.theme.text);
        }
        self.standing(session);
        if !session.is_active() {
            let (archive, style) = super::history::archive(look, session);
            self.field("archive", &archive, style);
            self.ended_here(session);
        } else {
            self.recorder(session);
        }
        if session.adopted {
            return self.past(session);
        }
        self.surroundings(session);
        self.detections(session);
        let findings = look.state.board.explain(&record.key, look.state.now);
        self.findings(&findings);
        self.who(session, &findings);
        self.facts(session);
        self.quiet(&findings);
    }

    /// A session of the past: what was detected in its transcript, what was found at its end, and what the service tells.
    fn past(&mut self, session: &SessionBoard) {
        self.detections(session);
        self.kept_findings(&session.session.key);
        self.session_facts(session);
        if let Some(object) = self.fact("Archive", &session.archive) {
            self.archive_object(object.as_ref());
        }
    }

    /// The findings of a session's end, as they are remembered; or why there are none.
    pub(super) fn kept_findings(&mut self, key: &SessionKey) {
        let (look, theme) = (self.look, self.look.theme);
        let Some(past) = look.state.history.get(key) else { return };
        self.gap();
        if past.verdict.is_none() {
            let words =
                "It was not watched from here: nobody judged it, and what its verdict would have been is not known.";
            return self.words(Vec::new(), 0, words, theme.insufficient);
        }
        match look.state.history.whole(key) {
            Some(whole) if whole.findings.is_empty() => {
                self.words(Vec::new(), 0, "The verdict is the one of its end; nothing was found then.", theme.muted);
            }
            Some(whole) => {
                self.words(Vec::new(), 0, "The verdict is the one of its end. What was found then:", theme.muted);
                self.findings(&whole.findings);
            }
            None if past.stored => {
                self.words(
                    Vec::new(),
                    0,
                    "The verdict is the one of its end; its findings are being read.",
                    theme.muted,
                );
            }
            None => {
                self.words(Vec::new(), 0, "The verdict is the one of its end; its findings are not kept.", theme.muted)
            }
        }
    }

    /// Who ended it from here, and why.
    fn ended_here(&mut self, session: &SessionBoard) {
        self.ended_from_here(&session.session.key);
    }

    /// Who ended that session from here, and why.
    pub(super) fn ended_from_here(&mut self, key: &SessionKey) {
        let look = self.look;
        let ended = |act: &&Act| act.kind == ActKind::Terminate && act.session() == Some(key);
        if let Some(act) = look.state.acts.iter().rev().find(ended) {
            let words = format!(
                "{} at {}: {}",
                look.clean(&act.actor.to_string()),
                look.clock(act.at),
                look.clean(&act.reason)
            );
            self.field("sent by", &words, look.theme.text);
        }
    }

    fn timing(&self, session: &SessionBoard) -> String {
        let look = self.look;
        let lasted = |until: Timestamp| {
            session.session.started_at.map(|at| text::span(until.duration_since(at).max(SignedDuration::ZERO)))
        };
        match &session.phase {
            Phase::Ended { at, .. } => match lasted(*at) {
                Some(lasted) => format!("{} ago after {lasted}", look.ago(*at)),
                None => format!("{} ago", look.ago(*at)),
            },
            Phase::Active => {
                let mut words = match lasted(look.state.now) {
                    Some(lasted) => format!("for {lasted}"),
                    None => "start unknown".to_owned(),
                };
                if let Some(at) = session.last_output() {
                    words.push_str(&format!(", last output {} ago", look.ago(at)));
                }
                words
            }
        }
    }

    /// What is wrong, then what cannot be judged.
    pub(super) fn findings(&mut self, findings: &[Finding]) {
        let mut loud: Vec<&Finding> = findings
            .iter()
            .filter(|finding| matches!(finding.status, Verdict::NonCompliant | Verdict::InsufficientData))
            .collect();
        loud.sort_by(|a, b| b.status.cmp(&a.status).then(b.severity.cmp(&a.severity)).then(a.rule.cmp(&b.rule)));
        for finding in loud {
            self.gap();
            self.finding(finding);
        }
    }

    /// One finding with everything that decided.
    pub(super) fn finding(&mut self, finding: &Finding) {
        let look = self.look;
        let theme = look.theme;
        let bad = finding.status == Verdict::NonCompliant;
        let (mark, style) = look.mark(finding.status, Some(finding.severity));
        let lead =
            vec![piece(format!("{mark} {} ", look.clean(finding.rule.as_str())), style.add_modifier(Modifier::BOLD))];
        let indent = 3;
        // The title begins beside the rule's id and goes on below it.
        self.words(lead, indent, &look.clean(&finding.title), if bad { theme.title } else { theme.text });
        if !bad {
            let words = format!("{}, {} if it is so", finding.status.word(), finding.severity.word());
            self.words(Vec::new(), indent, &words, theme.muted);
        }
        for evidence in &finding.evidence {
            let fact = format!("{} = {}", look.clean(&evidence.fact), look.clean(&evidence.value));
            self.words(Vec::new(), indent, &fact, theme.text);
            self.source(indent, &look.source(&evidence.source, evidence.at));
        }
        for missing in &finding.missing {
            self.words(
                vec![piece(format!("   {} ", look.glyphs.insufficient), theme.insufficient)],
                indent + 2,
                &look.missing(missing),
                theme.insufficient,
            );
        }
        let lead = vec![piece(format!("   {} ", look.glyphs.remedy), theme.accent)];
        self.words(lead, indent + 2, &look.clean(&finding.remediation), theme.text);
    }

    /// What is fine or does not apply, in one list.
    fn quiet(&mut self, findings: &[Finding]) {
        let look = self.look;
        for (verdict, title, style) in [
            (Verdict::Compliant, "Compliant", look.theme.compliant),
            (Verdict::NotApplicable, "Not applicable", look.theme.muted),
        ] {
            let rules: Vec<&Finding> = findings.iter().filter(|finding| finding.status == verdict).collect();
            if rules.is_empty() {
                continue;
            }
            self.heading(title, &text::counted(rules.len(), "rule", "rules"));
            for finding in rules {
                let (mark, _) = look.mark(verdict, None);
                let rule = format!("{mark}{:8} ", look.clean(finding.rule.as_str()));
                self.words(vec![piece(rule, style)], 11, &look.clean(&finding.title), look.theme.muted);
            }
        }
    }

    /// Every fact, group by group: a group was read at once, so that source and age stand beside its heading.
    fn facts(&mut self, session: &SessionBoard) {
        self.session_facts(session);
        self.node_facts(session);
        self.document_facts(session);
        self.trace_facts(session);
    }

    fn session_facts(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        let record = &session.session;
        self.heading("Session", &format!("ssm:DescribeSessions, {} ago", look.ago(session.listed_at)));
        self.field("id", &look.session_id(&record.key), theme.text);
        self.field(
            "target",
            &format!("{}, {}", look.clean(record.target.as_str()), kind_word(NodeKind::of(&record.target))),
            theme.text,
        );
        let default = if record.document.is_none() { " (the default)" } else { "" };
        self.field("document", &format!("{}{default}", look.clean(record.document_name())), theme.text);
        if let Some(at) = record.started_at {
            self.field("started", &look.date(at), theme.text);
        }
        if let Some(at) = record.ended_at {
            self.field("ended", &look.date(at), theme.text);
        }
        let limit = record.max_duration_minutes.map_or("none".to_owned(), |minutes| format!("{minutes} min"));
        self.field("time limit", &limit, theme.text);
    }

    fn node_facts(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        let node = look.state.board.node(&session.session);
        let not_read = Fact::not_read();
        let properties = node.map_or(&not_read, |node| &node.properties);
        if let Some(node) = self.fact("Node", properties) {
            match node {
                None => self.words(Vec::new(), 0, "the service does not know this node", theme.warning),
                Some(node) => {
                    for (label, value) in [
                        ("name", &node.name),
                        ("role", &node.instance_role),
                        ("svc role", &node.iam_role),
                        ("agent", &node.agent_version),
                        ("platform", &node.platform),
                        ("ping", &node.ping_status),
                    ] {
                        if let Some(value) = value {
                            self.field(label, &look.clean(value), theme.text);
                        }
                    }
                    if node.instance_role.is_none() && node.iam_role.is_none() {
                        self.field("role", "none", theme.text);
                    }
                    if let Some(at) = node.last_ping {
                        self.field("last ping", &format!("{} ago", look.ago(at)), theme.text);
                    }
                }
            }
        }
        let not_read = Fact::not_read();
        let tags = node.map_or(&not_read, |node| &node.tags);
        if let Some(tags) = self.fact("Tags", tags) {
            if tags.is_empty() {
                self.words(Vec::new(), 0, "none", theme.text);
            }
            for (key, value) in tags.iter() {
                self.words(Vec::new(), 2, &format!("{} = {}", look.clean(key), look.clean(value)), theme.text);
            }
        }
        let role = properties.value().and_then(Option::as_ref).and_then(governing_role);
        if let Some(role) = role {
            let not_read = Fact::not_read();
            let key = (session.session.key.scope.account.clone(), std::sync::Arc::clone(role));
            let policies = look.state.board.roles.get(&key).unwrap_or(&not_read);
            if let Some(policies) = self.fact("Role policies", policies) {
                match policies {
                    None => self.words(Vec::new(), 0, "there is no such role", theme.warning),
                    Some(policies) if policies.attached.is_empty() => {
                        self.words(Vec::new(), 0, "none is attached", theme.text);
                    }
                    Some(policies) => {
                        for arn in &policies.attached {
                            self.words(Vec::new(), 2, &look.clean(arn), theme.text);
                        }
                    }
                }
            }
        }
    }

    fn document_facts(&mut self, session: &SessionBoard) {
        let look = self.look;
        let Some(scope) = look.state.board.scopes.get(&session.session.key.scope) else { return };
        if let Some(document) = self.fact("Preferences", &scope.preferences) {
            self.document(document.as_ref(), "this account and region has none");
        }
        let name = session.session.document_name();
        if let Some(document) = scope.documents.get(name)
            && let Some(document) = self.fact("Document", document)
        {
            self.field("name", &look.clean(name), look.theme.text);
            self.document(document.as_ref(), "there is no such document");
        }
    }

    /// What a session document says.
    pub(super) fn document(&mut self, document: Option<&SessionDocument>, none: &str) {
        let look = self.look;
        let theme = look.theme;
        let Some(document) = document else {
            return self.words(Vec::new(), 0, none, theme.warning);
        };
        let inputs = &document.inputs;
        self.field("type", &look.clean(document.session_type.as_str()), theme.text);
        let or_none = |value: &str| if value.is_empty() { "none".to_owned() } else { look.clean(value).into_owned() };
        self.field("log group", &or_none(&inputs.log_group), theme.text);
        self.field("streaming", if inputs.streaming { "on" } else { "off" }, theme.text);
        self.field("bucket", &or_none(&inputs.s3_bucket), theme.text);
        if !inputs.s3_prefix.is_empty() {
            self.field("key prefix", &look.clean(&inputs.s3_prefix), theme.text);
        }
        let minutes = |value: Option<u32>| value.map_or("not set".to_owned(), |minutes| format!("{minutes} min"));
        self.field("idle end", &minutes(inputs.idle_timeout_minutes), theme.text);
        self.field("time limit", &minutes(inputs.max_duration_minutes), theme.text);
    }

    fn trace_facts(&mut self, session: &SessionBoard) {
        let look = self.look;
        let theme = look.theme;
        if let Some(stream) = self.fact("Log stream", &session.log_stream) {
            match stream {
                None => self.words(Vec::new(), 0, "looked for, and not there", theme.text),
                Some(stream) => {
                    self.field("log group", &look.clean(&stream.log_group), theme.text);
                    if let Some(at) = stream.created_at {
                        self.field("created", &look.date(at), theme.text);
                    }
                    if let Some(at) = stream.last_event_at {
                        self.field("last event", &format!("{}, {} ago", look.date(at), look.ago(at)), theme.text);
                    }
                }
            }
        }
        if let Some(object) = self.fact("Archive", &session.archive) {
            self.archive_object(object.as_ref());
        }
    }

    /// An object in the log archive.
    pub(super) fn archive_object(&mut self, object: Option<&ArchiveObject>) {
        let (look, theme) = (self.look, self.look.theme);
        let Some(object) = object else {
            return self.words(Vec::new(), 0, "looked for, and not there", theme.text);
        };
        self.field("object", &format!("{}/{}", look.clean(&object.bucket), look.clean(&object.key)), theme.text);
        self.field("size", &format!("{} bytes", object.size), theme.text);
        if let Some(at) = object.modified_at {
            self.field("written", &look.date(at), theme.text);
        }
    }

    /// A group's heading with source and age, and its value; or why it is not known.
    pub(super) fn fact<'f, T>(&mut self, title: &str, fact: &'f Fact<T>) -> Option<&'f T> {
        let look = self.look;
        match fact {
            Fact::Known { value, source, at } => {
                self.heading(title, &look.source(source, *at));
                Some(value)
            }
            Fact::Missing(missing) => {
                self.heading(title, "not known");
                self.words(Vec::new(), 2, &why(look, missing), look.theme.insufficient);
                None
            }
        }
    }
}

/// Why a fact is missing, and when it is tried again.
pub(super) fn why(look: &Look<'_>, missing: &Missing) -> String {
    let why = look.clean(&missing.why.to_string()).into_owned();
    match look.retry(missing.retry_at) {
        Some(retry) => format!("{why}; {retry}"),
        None => why,
    }
}

fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Ec2 => "EC2 instance",
        NodeKind::Hybrid => "hybrid node",
        NodeKind::Other => "not an instance",
    }
}
