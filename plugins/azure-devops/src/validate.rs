use forgekeep_plugin_sdk::{
    Finding, Severity, Source, anonymous_findings, client_findings, credential_findings,
};
use url::Url;

/// What goes together for a service principal.
const PRINCIPAL: [&str; 3] = ["tenantId", "clientId", "clientSecret"];

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = credential_findings(source);
    findings.extend(client_findings(source, &PRINCIPAL));
    let is_given = |key: &&str| source.text(key).is_some() || source.secret(key).is_some();
    let mut flaw = |key, message: &str, hint: &str| {
        findings.push(Finding::new(Severity::Error, key, message).with_hint(hint));
    };
    let name = source.name.trim();
    let is_wrong = |c: char| c.is_control() || "/\\:*?\"<>|#%".contains(c);
    if matches!(name, "" | "." | "..") || name.contains(is_wrong) {
        let message = "name is not that of an organisation or collection";
        let hint = "write the name as it stands in the address of its page, behind dev.azure.com/; each organisation is a source of its own, with all its projects";
        flaw("name", message, hint);
    }
    // What is behind a low line is a page, or an endpoint.
    let is_server = Url::parse(source.api_url.trim())
        .is_ok_and(|url| url.has_host() && url.query().is_none() && !url.path().contains("/_"));
    if !is_server {
        let message = "apiUrl is not the address of a server";
        let hint = "leave it out for dev.azure.com; for a server write its address, such as https://devops.example.com/tfs, with or without the collection";
        flaw("apiUrl", message, hint);
    }
    if !PRINCIPAL.iter().any(is_given) {
        let page = "/_usersSettings/tokens of the organisation";
        findings.extend(anonymous_findings(source, page));
    }
    findings
}
