//! `ssmwatch rules`: what is judged by, and whether people's own policies are right.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "common/program.rs"]
mod program;

use program::Home;

const OWN: &str = "@id(\"OWN-01\") @severity(\"LOW\") @title(\"No Fridays\") @remediation(\"Come on Monday\")\n\
                   forbid (principal, action == Action::\"session\", resource)\nwhen { context.age_seconds > 60 };\n";
const JIT: &str = "permit (principal in AWS::IdentityStore::Group::\"d4q81745\", action == AWS::SSM::Action::\"getTokenForInstanceAccess\", resource)\n\
                   when { resource.hasTag(\"Environment\") && resource.getTag(\"Environment\") == \"Testing\" };\n";

fn home() -> Home {
    Home::speaking_for("111122223333", "http://127.0.0.1:9").config("")
}

#[test]
fn the_list_names_every_rule_with_severity_and_subject() {
    let listed = home().run(&["rules"]);
    assert_eq!((listed.code, listed.err.as_str()), (0, ""));
    // 56 rules of compliance; 51 detections, of which one is only counted by another.
    assert_eq!(listed.out.lines().count(), 56 + 51, "{}", listed.out);
    for words in [
        "CMD-16       CRITICAL      command",
        "CMD-46       MEDIUM        burst",
        "IAM-02       CRITICAL",
        "PRF-08       MEDIUM",
        "preferences",
        "THR-01       CRITICAL      account",
        "NOD-03",
    ] {
        assert!(listed.out.contains(words), "{words}:\n{}", listed.out);
    }
}

#[test]
fn a_rule_shows_what_it_reads_by_what_parameters_and_its_text() {
    let home = home().config("[compliance]\nmax_idle = \"10m\"\n");
    let shown = home.run(&["rules", "show", "prf-08"]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""));
    for words in [
        "PRF-08 MEDIUM",
        "judges: preferences",
        "from: built in",
        "remedy: ",
        "context.idle_timeout_seconds",
        "[ssm:GetDocument]",
        "context.parameters.max_idle_seconds",
        "10 min",
        "forbid (principal, action == Action::\"preferences\", resource)",
    ] {
        assert!(shown.out.contains(words), "{words}:\n{}", shown.out);
    }
    let unknown = home.run(&["rules", "show", "XXX-99"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("no rule `XXX-99`") && unknown.err.contains("rules list"), "{}", unknown.err);
}

#[test]
fn the_schema_documents_each_fact() {
    let schema = home().run(&["rules", "schema"]);
    assert_eq!((schema.code, schema.err.as_str()), (0, ""));
    for words in [
        "action \"session\" appliesTo",
        "action \"preferences\" appliesTo",
        "\"mfa\": Bool",
        "From cloudtrail:LookupEvents.",
        "Absent: the session has no maximal duration.",
        "type Parameters = {",
    ] {
        assert!(schema.out.contains(words), "{words}:\n{}", schema.out);
    }
}

#[test]
fn policies_are_checked_with_line_and_column() {
    let home = home();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (own, jit) = (file("own.cedar", OWN), file("jit.cedar", JIT));
    let good = home.run(&["rules", "check", &own, &jit]);
    assert_eq!((good.code, good.out.as_str(), good.err.as_str()), (0, "ok: 2 files\n", ""));
    let folder_good = home.run(&["rules", "check", &folder.path().display().to_string()]);
    assert_eq!((folder_good.code, folder_good.out.as_str()), (0, "ok: 2 files\n"));
    for (text, place, what) in [
        (OWN.replace("> 60", "> \"60\""), "3:30: ", "Long"),
        (OWN.replace("age_seconds", "age_secs"), "1:1: ", "the nearest is \"age_seconds\""),
        (OWN.replace("};", "}"), "3:", "unexpected end of input"),
        (OWN.replace("OWN-01", "DOC-01"), "1:1: ", "is taken by documents.cedar"),
        (JIT.replace("resource)", "?resource)"), "", ""),
    ] {
        let wrong = file("wrong.cedar", &text);
        let checked = home.run(&["rules", "check", &wrong]);
        assert_eq!(checked.code, 1, "{text}\n{checked:?}");
        assert!(checked.err.contains(&format!("wrong.cedar:{place}")), "{}", checked.err);
        assert!(checked.err.contains(what) && checked.err.contains("rules schema"), "{}", checked.err);
    }
    let nothing = home.run(&["rules", "check", "/nowhere.cedar"]);
    assert!(nothing.code == 1 && nothing.err.contains("/nowhere.cedar"), "{nothing:?}");
}

const SIGMA: &str = "title: Ledger Dumped\nname: OWN-DUMP\nstatus: test\nlogsource:\n  product: linux\n  category: process_creation\n\
                     detection:\n  selection:\n    Image|endswith: '/ledgerctl'\n    CommandLine|contains: ' dump'\n  condition: selection\n\
                     level: high\ntags:\n  - attack.t1562.001\n";
const PARENT: &str = "title: Child of a Server\nstatus: test\nlogsource:\n  product: linux\n  category: process_creation\n\
                      detection:\n  selection:\n    ParentImage|endswith: '/httpd'\n  condition: selection\nlevel: high\n";

#[test]
fn detections_are_shown_with_their_attack_ids_and_examples() {
    let shown = home().run(&["rules", "show", "cmd-01"]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""));
    for words in
        ["CMD-01 CRITICAL", "ATT&CK: T1685 (was T1562.001)", "false positives:", "fires on:", "does not fire on:"]
    {
        assert!(shown.out.contains(words), "{words}:\n{}", shown.out);
    }
}

#[test]
fn sigma_rules_are_loaded_or_it_is_said_why_not() {
    let home = home().config(
        "[compliance]\ndetections = [\"sigma/**/*.yml\"]\ndisabled = [\"CMD-06\"]\n\
         [compliance.severity]\n\"OWN-DUMP\" = \"LOW\"\n\"TIM-02\" = \"LOW\"\n",
    );
    home.write(".config/ssmwatch/sigma/deep/own.yml", SIGMA);
    home.write(".config/ssmwatch/sigma/parent.yml", PARENT);
    let listed = home.run(&["rules"]);
    assert_eq!((listed.code, listed.err.as_str()), (0, ""), "{listed:?}");
    assert!(listed.out.contains("OWN-DUMP     LOW") && listed.out.contains("deep/own.yml)"), "{}", listed.out);
    assert!(!listed.out.contains("CMD-06"), "{}", listed.out);
    assert!(listed.out.contains("not loaded: 1\n") && listed.out.contains("ParentImage"), "{}", listed.out);
    let shown = home.run(&["rules", "show", "own-dump"]);
    assert!(shown.out.contains("T1685 (was T1562.001)"), "{}", shown.out);
    let checked = home.run(&["rules", "check"]);
    assert!(
        checked.code == 0
            && checked.out.contains("51 detections in force")
            && checked.out.contains("Child of a Server"),
        "{checked:?}"
    );
    home.write(".config/ssmwatch/sigma/parent.yml", "title: [\n");
    let broken = home.run(&["check"]);
    assert_eq!(broken.code, 78, "{broken:?}");
    assert!(broken.err.contains("parent.yml:") && broken.err.lines().count() == 2, "{}", broken.err);
    let alone = home.run(&["rules", "check", ".config/ssmwatch/sigma"]);
    assert!(alone.code == 1 && alone.err.contains("parent.yml:2"), "{alone:?}");
    home.write(".config/ssmwatch/sigma/parent.yml", PARENT);
    let good = home.run(&["rules", "check", ".config/ssmwatch/sigma"]);
    assert!(good.code == 0 && good.out.starts_with("ok: 2 files\n") && good.out.contains("ParentImage"), "{good:?}");
}

#[test]
fn an_id_that_neither_rules_nor_detections_have_is_refused() {
    let home = home().config("[compliance]\ndisabled = [\"CMD-99\"]\n");
    let refused = home.run(&["check"]);
    assert_eq!(refused.code, 78, "{refused:?}");
    assert!(refused.err.contains("CMD-99"), "{}", refused.err);
}

#[test]
fn a_broken_policy_is_an_error_at_start_and_a_good_one_is_in_force() {
    let home = home().config("[compliance]\npolicies = [\"own.cedar\"]\njit_policies = [\"jit.cedar\"]\n");
    let beside = home.path(".config/ssmwatch/config.toml");
    std::fs::write(beside.with_file_name("jit.cedar"), JIT).unwrap();
    std::fs::write(beside.with_file_name("own.cedar"), OWN).unwrap();
    let listed = home.run(&["rules", "list"]);
    assert!(listed.out.contains("OWN-01") && listed.out.contains("own.cedar)"), "{listed:?}");
    let apr = home.run(&["rules", "show", "APR-04"]);
    assert!(apr.out.contains("jit_configured") && apr.out.contains("true"), "{}", apr.out);
    std::fs::write(beside.with_file_name("own.cedar"), OWN.replace("> 60", "> \"60\"")).unwrap();
    let refused = home.run(&["check"]);
    assert_eq!(refused.code, 78, "{refused:?}");
    assert!(refused.err.contains("own.cedar:3:") && refused.err.lines().count() == 2, "{}", refused.err);
}
