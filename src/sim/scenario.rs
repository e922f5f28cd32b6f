//! What a scenario says about throttles and operating systems.

/// Operating system of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Os {
    /// Amazon Linux 2023.
    #[default]
    AmazonLinux,
    /// Amazon Linux 2, `sh-4.2$`.
    AmazonLinux2,
    /// Ubuntu 22.04, `$` of dash.
    Ubuntu,
    /// Windows Server 2022.
    Windows,
}

/// One token bucket other than the service's own.
#[derive(Debug, Clone)]
pub struct ThrottleSpec {
    /// Region, or `*`.
    pub region: String,
    /// `service:Operation`, or `*`.
    pub action: String,
    /// Tokens a second.
    pub rate: f64,
    /// Tokens at most.
    pub burst: f64,
}
