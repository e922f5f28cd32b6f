//! What commands print that a security team wants to know of.

use super::commands::{Piece, Scene};

/// AWS's documented examples of keys.
const ACCESS_KEY: &str = "ASIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// Where an instance asks for what it is, and for its credentials.
const METADATA: &str = "169.254.169.254";

fn lines<const N: usize>(lines: [&str; N]) -> Option<Vec<Piece>> {
    Some(lines.into_iter().map(|line| Piece::Line(line.to_owned())).collect())
}

/// The output of a command line that is one command, whatever `;` and `&&` are in it; none: it is not of this kind.
pub fn respond_whole(command: &str, scene: &mut Scene) -> Option<Vec<Piece>> {
    if scene.setting.os == crate::sim::scenario::Os::Windows {
        return None;
    }
    let fetches = command.contains("curl ") || command.contains("wget ");
    let into_shell = ["| sh", "| bash", "|sh", "|bash", "| sudo bash"].iter().any(|pipe| command.contains(pipe));
    if command.contains("base64 -d") && into_shell {
        return lines([]);
    }
    if fetches && into_shell {
        return lines(["fetching stage two", "done"]);
    }
    None
}

/// The output of one command; none: it is not of this kind.
pub fn respond(command: &str, scene: &mut Scene) -> Option<Vec<Piece>> {
    let user = scene.setting.run_as_user.clone();
    let host = scene.setting.host.clone();
    let command = command.trim_end_matches('&').trim();
    if command == "sudo -l" {
        let head = format!("User {user} may run the following commands on {host}:");
        return lines([head.as_str(), "    (ALL) NOPASSWD: ALL"]);
    }
    if command.starts_with("cat /etc/shadow") {
        return lines(["cat: /etc/shadow: Permission denied"]);
    }
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    let (first, rest) = command.split_once(' ').unwrap_or((command, ""));
    match first {
        "curl" | "wget" if rest.contains(METADATA) => Some(metadata(rest)),
        "curl" if ["-O", "-o ", "--output "].iter().any(|option| rest.contains(option)) && !rest.contains("-s") => {
            Some(meter())
        }
        "curl" if rest.contains("-o ") => lines([]),
        "nohup" => lines(["[1] 4821", "nohup: ignoring input and appending output to 'nohup.out'"]),
        "mysql" if rest.contains("-p") => {
            lines(["mysql: [Warning] Using a password on the command line interface can be insecure."])
        }
        "ip" => lines([
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000",
            "    inet 127.0.0.1/8 scope host lo",
            "2: ens5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9001 qdisc mq state UP group default qlen 1000",
            "    inet 10.40.2.17/24 brd 10.40.2.255 scope global dynamic ens5",
        ]),
        "read" | "setsid" | "unset" | "yes" => lines([]),
        _ => None,
    }
}

fn metadata(rest: &str) -> Vec<Piece> {
    let text = if rest.contains("/api/token") {
        "AQAEAExampleTokenOfTheMetadataServiceNotARealOne==".to_owned()
    } else if rest.contains("iam/security-credentials/") && !rest.trim_end_matches('"').ends_with("credentials/") {
        format!(
            "{{\r\n  \"Code\" : \"Success\",\r\n  \"Type\" : \"AWS-HMAC\",\r\n  \"AccessKeyId\" : \"{ACCESS_KEY}\",\r\n  \
             \"SecretAccessKey\" : \"{SECRET_KEY}\",\r\n  \"Token\" : \"IQoJb3JpZ2luX2VjEXAMPLETOKEN\"\r\n}}"
        )
    } else if rest.contains("iam/security-credentials") {
        "ssm-managed-node".to_owned()
    } else {
        "ami-id\r\nhostname\r\niam/\r\ninstance-id\r\nlocal-ipv4".to_owned()
    };
    // curl adds no line end, so the next prompt runs into it.
    vec![Piece::Raw(text)]
}

/// Curl's progress, which overwrites itself.
fn meter() -> Vec<Piece> {
    vec![
        Piece::Line("  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current".into()),
        Piece::Line("                                 Dload  Upload   Total   Spent    Left  Speed".into()),
        Piece::Raw("\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0".into()),
        Piece::Pause(1.0),
        Piece::Raw("\r 43 10.0M   43 4400k    0     0  4391k      0  0:00:02  0:00:01  0:00:01 4391k".into()),
        Piece::Pause(1.0),
        Piece::Raw("\r100 10.0M  100 10.0M    0     0  9.8M      0  0:00:01  0:00:01 --:--:-- 9.8M\r\n".into()),
    ]
}
