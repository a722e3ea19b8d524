//! Names of the methods.

/// To the plugin (object 0): [`HelloRequest`](crate::HelloRequest) → [`Hello`](crate::Hello).
pub const HELLO: &str = "hello";
/// To the plugin (object 0): an empty document → [`Manifest`](crate::Manifest).
pub const MANIFEST: &str = "manifest";
/// To the plugin (object 0): [`Source`](crate::Source) → [`Findings`](crate::Findings).
pub const VALIDATE: &str = "validate";
/// To the plugin (object 0): [`Source`](crate::Source) → [`Opened`](crate::Opened).
pub const OPEN: &str = "open";
/// To an object: [`CheckRequest`](crate::CheckRequest) → [`CheckReport`](crate::CheckReport).
pub const CHECK: &str = "check";
/// To an object: [`ListRequest`](crate::ListRequest) → [`Page`](crate::Page).
pub const LIST: &str = "list";
/// To an object: [`AccessRequest`](crate::AccessRequest) → [`Access`](crate::Access).
pub const ACCESS: &str = "access";
/// To an object: [`LookupRequest`](crate::LookupRequest) → [`Presence`](crate::Presence).
pub const LOOKUP: &str = "lookup";
/// To an object: [`CreateRequest`](crate::CreateRequest) → [`Repository`](crate::Repository).
pub const CREATE: &str = "create";
/// To an object: [`ConfigureRequest`](crate::ConfigureRequest) → [`Done`](crate::Done).
pub const CONFIGURE: &str = "configure";
/// To an object: [`RemoveRequest`](crate::RemoveRequest) → [`Done`](crate::Done).
pub const REMOVE: &str = "remove";
/// To an object: [`ExportRequest`](crate::ExportRequest) → [`ExportPage`](crate::ExportPage), and bytes.
pub const EXPORT: &str = "export";

/// To the host: [`HttpRequest`](crate::HttpRequest) → [`HttpResponse`](crate::HttpResponse), with bodies.
pub const HTTP: &str = "http";
/// To the host: [`BatchRequest`](crate::BatchRequest) → [`BatchAnswers`](crate::BatchAnswers), with
/// the bodies joined.
pub const BATCH: &str = "batch";
/// To the host: [`HttpRequest`](crate::HttpRequest) → [`Download`](crate::Download).
pub const DOWNLOAD: &str = "download";
/// To the host: [`LogLine`](crate::LogLine) → [`Done`](crate::Done).
pub const LOG: &str = "log";
/// To the host: [`Progress`](crate::Progress) → [`Done`](crate::Done).
pub const PROGRESS: &str = "progress";
/// To the host: an empty document → [`Cancelled`](crate::Cancelled).
pub const CANCELLED: &str = "cancelled";
/// To the host: [`SecretAdd`](crate::SecretAdd) → [`Done`](crate::Done).
pub const SECRET_ADD: &str = "secret.add";
/// To the host: [`StateGet`](crate::StateGet) → [`StateValue`](crate::StateValue).
pub const STATE_GET: &str = "state.get";
/// To the host: [`StatePut`](crate::StatePut) → [`Done`](crate::Done).
pub const STATE_PUT: &str = "state.put";
