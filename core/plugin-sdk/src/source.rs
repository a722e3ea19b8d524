use forgekeep_plugin_documents::{Finding, Secret, Severity, Source};
use url::Url;

/// What is wrong with a source's user names and password whatever the hoster is: a colon, which ends a user
/// name in Basic authentication, and control characters, which no header takes.
pub fn credential_findings(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut flaw = |key: &str, message: String, hint: &str| {
        findings.push(Finding::new(Severity::Error, key, message).with_hint(hint));
    };
    for (key, user) in [
        ("authName", &source.auth_name),
        ("apiAuthName", &source.api_auth_name),
    ] {
        let user = user.trim();
        if user.contains(':') || user.contains(char::is_control) {
            flaw(
                key,
                format!("{key} holds a colon or a control character, which no user name can"),
                "write the user name alone; the token belongs in password",
            );
        }
    }
    let secret = source.password().map_or("", |secret| secret.expose());
    if secret.trim().contains(char::is_control) {
        flaw(
            "password",
            "password holds a control character, such as the end of a line, which no token does"
                .to_owned(),
            "copy the token again, all of it and nothing else",
        );
    }
    findings
}

/// The password or token without white space round it: tokens hold none, and one that does was pasted with
/// it. Never empty.
pub fn token(source: &Source) -> Option<Secret> {
    let token = source.password()?.expose().trim();
    (!token.is_empty()).then(|| Secret::new(token))
}

/// The address of a hoster's server, whether a source's `apiUrl` gives it or that of its API, which ends
/// with `suffix`, such as `/api/v1`.
pub fn server_address<'source>(source: &'source Source, suffix: &str) -> &'source str {
    let address = source.api_url.trim().trim_end_matches('/');
    let address = address.strip_suffix(suffix).unwrap_or(address);
    address.trim_end_matches('/')
}

/// An address for cloning as a part of a repository has it: without user and password, query and fragment.
/// A server behind a proxy makes its addresses of what it was configured with, which may be plain HTTP: on
/// the host of `api_url` that is put right. Whether another host may be asked is Forgekeep's to decide. What
/// is no address stays as it is, and fails that repository.
pub fn clone_address(given: &str, api_url: &str) -> String {
    let (Ok(mut url), Ok(api)) = (Url::parse(given), Url::parse(api_url)) else {
        return given.to_owned();
    };
    // These fail only for an address without a host, which has no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    if url.scheme() == "http" && api.scheme() == "https" && url.host() == api.host() {
        let _ = url.set_port(api.port());
        let _ = url.set_scheme("https");
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_and_control_characters_are_told() {
        let keys = |user: &str, password: &str| -> Vec<String> {
            let source = Source {
                auth_name: user.into(),
                secrets: [("password".to_owned(), Secret::new(password))].into(),
                ..Source::default()
            };
            let findings = credential_findings(&source).into_iter();
            findings.map(|finding| finding.key).collect()
        };
        assert_eq!(keys("dev", " token \n"), [""; 0]);
        assert_eq!(keys("dev:x", "a\nb"), ["authName", "password"]);
        assert_eq!(keys("d\u{7}v", ""), ["authName"]);
    }

    #[test]
    fn what_is_pasted_or_written_in_one_of_two_ways_is_read_the_same() {
        let source = |password: &str, api_url: &str| Source {
            secrets: [("password".to_owned(), Secret::new(password))].into(),
            api_url: api_url.into(),
            ..Source::default()
        };
        assert_eq!(token(&source(" \n", "")), None);
        assert_eq!(token(&source(" t\n", "")), Some(Secret::new("t")));
        for api_url in ["https://git.example/x", "https://git.example/x/api/v1/"] {
            let source = source("", api_url);
            assert_eq!(server_address(&source, "/api/v1"), "https://git.example/x");
        }
    }

    #[test]
    fn addresses_for_cloning_hold_no_user_and_no_plain_http_beside_the_api() {
        let api = "https://git.example/forge/api/v1";
        for (given, expected) in [
            (
                "https://dev:x@git.example/forge/a/b.git?x#y",
                "https://git.example/forge/a/b.git",
            ),
            (
                "http://git.example:3000/forge/a/b.git",
                "https://git.example/forge/a/b.git",
            ),
            (
                "http://10.0.0.7:3000/a/b.git",
                "http://10.0.0.7:3000/a/b.git",
            ),
            ("::", "::"),
            ("", ""),
        ] {
            assert_eq!(clone_address(given, api), expected);
        }
        let local = clone_address("http://127.0.0.1:2/a.git", "http://127.0.0.1:1");
        assert_eq!(local, "http://127.0.0.1:2/a.git");
    }
}
