use forgekeep_plugin_sdk::{
    Finding, SigningKey, Source, anonymous_findings, credential_findings, flaws, name_findings,
    token,
};

const TOKENS: &str = "https://github.com/settings/tokens";
const NO_API: &str = "apiUrl is not the address of GitHub's API";
const APIS: &str = "leave it out for github.com; write https://HOST/api/v3 for Enterprise Server, https://api.SUBDOMAIN.ghe.com for GHE.com";
const HALF: &str = "appId and privateKeyFile go together";
const BOTH: &str = "set both, as the settings page of the App has them";
const RIGHT: &str = "name the file as GitHub gave it; `ssh-keygen -p -m PEM -f FILE` takes away OpenSSH's form and a passphrase";
const TWO: &str = "password and appId are two kinds of credentials";
const ALONE: &str = "installationId counts with appId and name '*' alone";
const NO_GISTS: &str = "gists can be listed with the token of a user alone: an App sees none";

pub(crate) fn validate(source: &Source) -> Vec<Finding> {
    let mut findings = [credential_findings(source), name_findings(source)].concat();
    let (has_app, has_token) = (source.text("appId").is_some(), token(source).is_some());
    let file = source.file("privateKeyFile");
    if !has_app && file.is_none() {
        findings.extend(anonymous_findings(source, TOKENS));
    }
    let flaw = file.and_then(|pem| SigningKey::from_pem(pem).err());
    let no_key = format!("privateKeyFile {}", flaw.unwrap_or_default());
    let api = source.api_url.trim_end_matches('/');
    let host = api.split_once("://").map_or("", |(_, host)| host);
    let is_api = api.ends_with("/api/v3") || host.starts_with("api.") && !host.contains('/');
    let is_chosen = !source.list("installationId").is_empty();
    let is_astray = is_chosen && !(has_app && source.name.trim() == "*");
    let no_gists = has_app && source.flag("includeGists");
    let no_stars = !has_token && source.flag("includeStarred");
    findings.extend(flaws(&[
        (!is_api, "apiUrl", NO_API, APIS),
        (has_app != file.is_some(), "appId", HALF, BOTH),
        (flaw.is_some(), "privateKeyFile", &no_key, RIGHT),
        (has_app && has_token, "password", TWO, "remove one of them"),
        (is_astray, "installationId", ALONE, "remove it"),
        (no_gists, "includeGists", NO_GISTS, "remove the key"),
        (no_stars, "includeStarred", NO_GISTS, "remove the key"),
    ]));
    findings
}
