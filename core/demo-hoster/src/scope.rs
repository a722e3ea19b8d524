//! The scopes this hoster asks for, as Bitbucket names them.

/// To list and to clone.
pub const REPOSITORY: &str = "read:repository:bitbucket";
/// For `/2.0/user`.
pub const USER: &str = "read:user:bitbucket";
/// For `/2.0/user/workspaces` and `/2.0/workspaces/{workspace}`.
pub const WORKSPACE: &str = "read:workspace:bitbucket";
