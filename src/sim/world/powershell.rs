//! PowerShell as its transcript shows it.

use super::commands::Scene;

/// Header of a transcript.
pub fn header(scene: &mut Scene) -> Vec<String> {
    let host = &scene.setting.host;
    let stars = "**********************";
    let process = scene.random.u16(2_000..9_000);
    vec![
        format!("\u{feff}{stars}"),
        "Windows PowerShell transcript start".into(),
        "Start time: {stamp}".into(),
        format!("Username: {host}\\ssm-user"),
        format!("RunAs User: {host}\\ssm-user"),
        "Configuration Name: ".into(),
        format!("Machine: {host} (Microsoft Windows NT 10.0.20348.0)"),
        "Host Application: C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe".into(),
        format!("Process ID: {process}"),
        "PSVersion: 5.1.20348.2849".into(),
        "PSEdition: Desktop".into(),
        "PSCompatibleVersions: 1.0, 2.0, 3.0, 4.0, 5.0, 5.1.20348.2849".into(),
        "BuildVersion: 10.0.20348.2849".into(),
        "CLRVersion: 4.0.30319.42000".into(),
        "WSManStackVersion: 3.0".into(),
        "PSRemotingProtocolVersion: 2.3".into(),
        "SerializationVersion: 1.1.0.1".into(),
        stars.into(),
    ]
}

/// What a command prints.
pub fn respond(command: &str, scene: &mut Scene) -> Vec<String> {
    let text = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let first = command.split([' ', '|']).next().unwrap_or_default();
    match first.to_ascii_lowercase().as_str() {
        "" | "exit" | "cd" | "set-location" => Vec::new(),
        "whoami" => vec![format!("{}\\ssm-user", scene.setting.host.to_lowercase())],
        "hostname" => vec![scene.setting.host.clone()],
        "get-service" => text(
            "\nStatus   Name               DisplayName\n------   ----               -----------\nRunning  W32Time            Windows Time\n\n",
        ),
        "get-process" => {
            let mut lines = text(
                "\nHandles  NPM(K)    PM(K)      WS(K)     CPU(s)     Id  SI ProcessName\n-------  ------    -----      -----     ------     --  -- -----------",
            );
            for name in ["sqlservr", "w3wp", "MsMpEng", "svchost", "amazon-ssm-agent"] {
                lines.push(format!(
                    "   {:4}      {:2}   {:6}     {:6}   {:8}.{:02}  {:5}   0 {name}",
                    scene.random.u16(200..2000),
                    scene.random.u8(10..90),
                    scene.random.u32(9_000..900_000),
                    scene.random.u32(9_000..900_000),
                    scene.random.u16(3..9000),
                    scene.random.u8(10..99),
                    scene.random.u16(600..9000)
                ));
            }
            lines.push(String::new());
            lines
        }
        "get-volume" => text(
            "\nDriveLetter FriendlyName FileSystemType DriveType HealthStatus SizeRemaining     Size\n----------- ------------ -------------- --------- ------------ -------------     ----\nC           Windows      NTFS           Fixed     Healthy           61.2 GB   100 GB\nD           Data         NTFS           Fixed     Healthy          212.9 GB   500 GB\n\n",
        ),
        "get-eventlog" => {
            let mut lines = text(
                "\n   Index Time          EntryType   Source                 InstanceID Message\n   ----- ----          ---------   ------                 ---------- -------",
            );
            for _ in 0..5 {
                lines.push(format!("   {:5} {{day}} {{time}}  Information Service Control M...   1073748860 The Windows Update service entered the running state.", scene.next_number() % 90_000));
            }
            lines.push(String::new());
            lines
        }
        "test-netconnection" => text(
            "\nComputerName     : sql.corp.example.com\nRemoteAddress    : 192.0.2.40\nRemotePort       : 1433\nInterfaceAlias   : Ethernet 3\nSourceAddress    : 10.40.2.17\nTcpTestSucceeded : True\n\n",
        ),
        "get-content" => (0..8).map(|_| scene.log_line("app")).collect(),
        "get-hotfix" => text(
            "\nSource        Description      HotFixID      InstalledBy          InstalledOn\n------        -----------      --------      -----------          -----------\nEC2AMAZ       Security Update  KB5066782     NT AUTHORITY\\SYSTEM  11/12/2025 12:00:00 AM\n\n",
        ),
        other => vec![format!(
            "{other} : The term '{other}' is not recognized as the name of a cmdlet, function, script file, or operable program."
        )],
    }
}
