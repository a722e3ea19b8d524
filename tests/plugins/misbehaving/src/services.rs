//! What it makes of its source and of the host's services, told in notes:
//!
//! - `options`: the options that it got, of secrets and files the lengths alone;
//! - `count`: how often it was asked, kept from run to run;
//! - `keep-password`: tries to keep the password;
//! - `download`: size and hash of what `/2.0/archive` gives;
//! - `environment`: the variables of its process;
//! - `connect`: whether it comes to its hoster past the host.

use std::net::TcpStream;

use forgekeep_plugin_sdk::{
    Auth, Downloaded, Finding, Host, HttpRequest, OptionKind, OptionSpec, OptionValue, Severity,
    Source,
};

use crate::settings::{clone_base, misbehaviour};

/// An option of each kind.
pub(crate) fn options() -> Vec<OptionSpec> {
    let mut mode = OptionSpec::new("mode", OptionKind::Choice, "How");
    mode.choices = ["fast", "safe"].map(Into::into).to_vec();
    mode.default = Some(OptionValue::Text("safe".into()));
    let mut mirror = OptionSpec::new("mirrorUrl", OptionKind::Text, "Where else");
    mirror.trusted_origin = true;
    let mut key = OptionSpec::new("signingKey", OptionKind::File, "A key");
    key.secret = true;
    vec![
        OptionSpec::new("region", OptionKind::Text, "Where"),
        OptionSpec::new("pageSize", OptionKind::Number, "How many"),
        OptionSpec::new("snippets", OptionKind::Flag, "What else"),
        OptionSpec::new("groups", OptionKind::List, "Which"),
        OptionSpec::new("apiKey", OptionKind::Secret, "A second secret"),
        OptionSpec::new("rules", OptionKind::File, "A file"),
        key,
        mode,
        mirror,
    ]
}

/// What the misbehaviour has found.
pub(crate) fn used(source: &Source, host: &Host<'_>) -> Vec<Finding> {
    let said = match misbehaviour() {
        "options" => of_source(source),
        "count" => vec![count(host)],
        "keep-password" => vec![keep_password(source, host)],
        "download" => vec![download(host)],
        "environment" => std::env::vars()
            .map(|(name, value)| format!("{name} is {value}"))
            .collect(),
        "connect" => {
            let address = clone_base().trim_start_matches("http://");
            vec![match TcpStream::connect(address) {
                Ok(_) => "it comes to its hoster".to_owned(),
                Err(error) => format!("it comes to nobody: {:?}", error.kind()),
            }]
        }
        _ => Vec::new(),
    };
    said.into_iter()
        .map(|said| Finding::new(Severity::Info, "", said))
        .collect()
}

fn of_source(source: &Source) -> Vec<String> {
    let options = source.options.iter();
    let secrets = source.secrets.iter();
    let files = source.files.iter();
    let mut said = vec![format!("type is {}", source.kind)];
    said.extend(options.map(|(key, value)| format!("{key} is {value:?}")));
    said.extend(secrets.map(|(key, secret)| format!("{key} has {}", secret.expose().len())));
    said.extend(files.map(|(key, file)| format!("{key} has {}", file.expose().len())));
    said
}

fn count(host: &Host<'_>) -> String {
    let before = match host.state_get("count") {
        Ok(before) => before.map_or(0, |before| before.expose().parse().unwrap_or(0)),
        Err(error) => return format!("no state: {}", error.message),
    };
    let now: u64 = before + 1;
    match host.state_put("count", Some(&now.to_string()), false) {
        Ok(()) => format!("asked {now} times"),
        Err(error) => format!("not kept: {}", error.message),
    }
}

fn keep_password(source: &Source, host: &Host<'_>) -> String {
    let secret = source.password().map(|secret| secret.expose());
    match host.state_put("password", secret, true) {
        Ok(()) => "the password is kept".to_owned(),
        Err(error) => format!("refused, {}: {}", error.kind, error.message),
    }
}

fn download(host: &Host<'_>) -> String {
    let request = HttpRequest::new("GET", format!("{}/2.0/archive", clone_base()), &Auth::None);
    match host.download(request) {
        Ok(Downloaded::File(file)) => format!("{} bytes, {}", file.size, file.sha256),
        Ok(Downloaded::Answer(answer)) => format!("answered {}", answer.status),
        Err(error) => format!("refused, {}: {}", error.kind, error.message),
    }
}
