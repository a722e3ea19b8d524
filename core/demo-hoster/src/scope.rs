//! The scopes this hoster asks for, as Bitbucket names them.

/// To list and to clone.
pub const REPOSITORY: &str = "read:repository:bitbucket";
/// For `/2.0/user`.
pub const USER: &str = "read:user:bitbucket";
/// For `/2.0/user/workspaces` and `/2.0/workspaces/{workspace}`.
pub const WORKSPACE: &str = "read:workspace:bitbucket";
/// To push.
pub const WRITE: &str = "write:repository:bitbucket";
/// To make repositories, and to set them up.
pub const ADMIN: &str = "admin:repository:bitbucket";
/// To remove repositories.
pub const DELETE: &str = "delete:repository:bitbucket";
/// For the projects of a workspace.
pub const PROJECT: &str = "read:project:bitbucket";
