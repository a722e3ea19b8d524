use forgekeep_plugin_sdk::{
    Finding, Source, anonymous_findings, client_findings, credential_findings, flaws,
};
use url::Url;

/// What goes together for a service principal.
const PRINCIPAL: [&str; 3] = ["tenantId", "clientId", "clientSecret"];

/// Judges a source without a network.
pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = credential_findings(source);
    findings.extend(client_findings(source, &PRINCIPAL));
    let is_given = |key: &&str| source.text(key).is_some() || source.secret(key).is_some();
    let name = source.name.trim();
    let is_wrong = |c: char| c.is_control() || "/\\:*?\"<>|#%".contains(c);
    let no_name = matches!(name, "" | "." | "..") || name.contains(is_wrong);
    let unnamed = "name is not that of an organisation or collection";
    let named = "write the name as it stands in the address of its page, behind dev.azure.com/; each organisation is a source of its own, with all its projects";
    // What is behind a low line is a page, or an endpoint.
    let is_server = Url::parse(source.api_url.trim())
        .is_ok_and(|url| url.has_host() && url.query().is_none() && !url.path().contains("/_"));
    let elsewhere = "apiUrl is not the address of a server";
    let addressed = "leave it out for dev.azure.com; for a server write its address, such as https://devops.example.com/tfs, with or without the collection";
    findings.extend(flaws(&[
        (no_name, "name", unnamed, named),
        (!is_server, "apiUrl", elsewhere, addressed),
    ]));
    if !PRINCIPAL.iter().any(is_given) {
        let page = "/_usersSettings/tokens of the organisation";
        findings.extend(anonymous_findings(source, page));
    }
    findings
}
