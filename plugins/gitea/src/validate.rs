use forgekeep_plugin_sdk::{
    Finding, Source, anonymous_findings, credential_findings, name_findings, server_findings,
};

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    [
        credential_findings(source),
        server_findings(source, "/api/v1", "codeberg.org"),
        name_findings(source),
        anonymous_findings(source, "/user/settings/applications of the server"),
    ]
    .concat()
}
