//! What [`HosterError::kind`](crate::HosterError::kind) may hold. Open: a host treats a kind it does not know as
//! [`OTHER`].

/// The credentials were refused (HTTP 401). The host stops asking: more tries lock accounts.
pub const CREDENTIALS: &str = "credentials";
/// The credentials are good, but not for this (HTTP 403): a scope, an allow-list, a role.
pub const FORBIDDEN: &str = "forbidden";
/// The workspace, project or account does not exist, or is hidden from these credentials.
pub const NOT_FOUND: &str = "not-found";
/// The hoster has withdrawn the account or the endpoint (HTTP 410).
pub const GONE: &str = "gone";
/// Too many requests (HTTP 429).
pub const RATE_LIMITED: &str = "rate-limited";
/// The hoster is out of order (HTTP 5xx).
pub const UNAVAILABLE: &str = "unavailable";
/// The answer is not what the hoster documents: HTML for JSON, a loop of pages, missing fields.
pub const BAD_ANSWER: &str = "bad-answer";
/// No answer: DNS, refused, reset, timed out.
pub const NETWORK: &str = "network";
/// TLS: certificate or handshake.
pub const TLS: &str = "tls";
/// The request broke a rule of the host (another origin, plain HTTP, a body over the cap).
pub const POLICY: &str = "policy";
/// The run was interrupted.
pub const CANCELLED: &str = "cancelled";
/// The plugin panicked, or broke the contract of this boundary.
pub const PLUGIN: &str = "plugin";
/// Anything else.
pub const OTHER: &str = "other";
