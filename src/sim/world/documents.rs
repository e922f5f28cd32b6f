//! The session documents that Amazon owns in every region.

use serde_json::{Value, json};

/// Name and JSON content of Amazon's session documents.
pub fn amazon_documents() -> Vec<(&'static str, String)> {
    vec![
        ("AWS-StartSSHSession", text(&ssh())),
        ("AWS-StartPortForwardingSession", text(&port_forwarding(false))),
        ("AWS-StartPortForwardingSessionToRemoteHost", text(&port_forwarding(true))),
        ("AWS-StartInteractiveCommand", text(&command("InteractiveCommands", "interactive command"))),
        ("AWS-StartNonInteractiveCommand", text(&command("NonInteractiveCommands", "non-interactive command"))),
    ]
}

fn text(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

const PORT_PATTERN: &str =
    "^([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";

fn ssh() -> Value {
    json!({
        "schemaVersion": "1.0",
        "description": "Document to start an SSH connection over Session Manager",
        "sessionType": "Port",
        "parameters": {"portNumber": {"type": "String", "description": "(Optional) Port number of the SSH server on the instance",
                                      "allowedPattern": PORT_PATTERN, "default": "22"}},
        "properties": {"portNumber": "{{ portNumber }}"}
    })
}

fn port_forwarding(remote: bool) -> Value {
    let mut parameters = json!({
        "portNumber": {"type": "String", "description": "(Optional) Port number of the server to forward to",
                       "allowedPattern": PORT_PATTERN, "default": "80"},
        "localPortNumber": {"type": "String", "description": "(Optional) Port number on the local machine; 0 picks an open port",
                            "allowedPattern": PORT_PATTERN.replacen("^(", "^(0|", 1), "default": "0"}
    });
    let mut properties = json!({"portNumber": "{{ portNumber }}", "type": "LocalPortForwarding",
                                "localPortNumber": "{{ localPortNumber }}"});
    let description = if remote {
        if let (Some(parameters), Some(properties)) = (parameters.as_object_mut(), properties.as_object_mut()) {
            parameters.insert(
                "host".into(),
                json!({"type": "String", "description": "(Optional) Host name or IP address of the remote server",
                       "allowedPattern": "^[^,$^&\\(\\)!;'\"<>\\`{}\\[\\]\\|#=]{3,}$", "default": "localhost"}),
            );
            properties.insert("host".into(), json!("{{ host }}"));
        }
        "Document to start port forwarding session over Session Manager to remote host"
    } else {
        "Document to start port forwarding session over Session Manager"
    };
    json!({"schemaVersion": "1.0", "description": description, "sessionType": "Port", "parameters": parameters,
           "properties": properties})
}

fn command(session_type: &str, kind: &str) -> Value {
    let commands = json!({"commands": "{{ command }}", "runAsElevated": false});
    json!({
        "schemaVersion": "1.0",
        "description": format!("Document to run single {kind} on an instance"),
        "sessionType": session_type,
        "parameters": {"command": {"type": "String", "description": "The command to run on the instance"}},
        "properties": {"windows": commands, "linux": commands, "macos": commands}
    })
}

/// Values of a session document's parameters: those given, else the defaults.
///
/// # Errors
/// The sentence of `InvalidParameters` for an unknown, missing or ill-formed one.
pub fn parameters(
    content: &Value,
    given: &[(String, Vec<String>)],
) -> Result<std::collections::BTreeMap<String, Vec<String>>, String> {
    let empty = serde_json::Map::new();
    let declared = content["parameters"].as_object().unwrap_or(&empty);
    let mut values = std::collections::BTreeMap::new();
    for (name, value) in given {
        if !declared.contains_key(name) {
            return Err(format!(
                "Document doesn't support the parameters passed in the request: {name} is not a parameter of the document."
            ));
        }
        values.insert(name.clone(), value.clone());
    }
    for (name, declaration) in declared {
        match values.get(name) {
            None => match declaration.get("default").and_then(Value::as_str) {
                Some(default) => {
                    values.insert(name.clone(), vec![default.to_owned()]);
                }
                None => return Err(format!("Parameter {name} is required but was not provided.")),
            },
            Some(given) => {
                if let Some(pattern) = declaration.get("allowedPattern").and_then(Value::as_str)
                    && let Ok(pattern) = regex::Regex::new(pattern)
                    && let Some(wrong) = given.iter().find(|value| !pattern.is_match(value))
                {
                    return Err(format!("Parameter \"{name}\" with value {wrong} does not match allowedPattern."));
                }
                let allowed = declaration.get("allowedValues").and_then(Value::as_array);
                if let Some(allowed) = allowed
                    && let Some(wrong) = given.iter().find(|value| !allowed.iter().any(|one| one == value.as_str()))
                {
                    return Err(format!("Parameter \"{name}\" with value {wrong} is not an allowed value."));
                }
            }
        }
    }
    Ok(values)
}

/// `{{ name }}` replaced by the parameter's value.
pub fn substitute(text: &str, values: &std::collections::BTreeMap<String, Vec<String>>) -> String {
    let mut text = text.to_owned();
    for (name, value) in values {
        let value = value.join(",");
        for form in [format!("{{{{ {name} }}}}"), format!("{{{{{name}}}}}")] {
            text = text.replace(&form, &value);
        }
    }
    text
}
