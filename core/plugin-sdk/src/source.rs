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

/// Whether `name` is that of a user or organisation, as most hosters have them: letters, digits, `-`, `_` and
/// `.`; or `'*'`, which stands for all that the account owns or is a member of.
pub fn name_findings(source: &Source) -> Vec<Finding> {
    let name = source.name.trim();
    let is_of_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_name = !matches!(name, "" | "." | "..") && name.chars().all(is_of_name);
    if name == "*" || is_name {
        return Vec::new();
    }
    let message = "name is not that of a user or organisation: letters, digits, `-`, `_` and `.`";
    let hint = "write the name as it stands in the address of its page, without the rest, or '*' for all that the account owns or is a member of";
    vec![Finding::new(Severity::Error, "name", message).with_hint(hint)]
}

/// The same where `name` may be the path of a group within others, such as `group/subgroup`.
pub fn path_findings(source: &Source) -> Vec<Finding> {
    let segments: Vec<_> = source.name.trim().split('/').collect();
    let is_path = segments.len() > 1 && !segments.contains(&"*");
    let is_name = |segment: &&str| {
        let name = (*segment).to_owned();
        name_findings(&Source {
            name,
            ..Source::default()
        })
        .is_empty()
    };
    match is_path && segments.iter().all(is_name) {
        true => Vec::new(),
        false => name_findings(source),
    }
}

/// That a source has no password or token, which can be made at `page`: with `name: '*'` an error, since only
/// an account owns something or is a member of it.
pub fn anonymous_findings(source: &Source, page: &str) -> Vec<Finding> {
    if token(source).is_some() {
        return Vec::new();
    }
    let severity = match source.name.trim() {
        "*" => Severity::Error,
        _ => Severity::Warning,
    };
    let message =
        "no credentials: only public repositories of a user or organisation can be backed up";
    let hint = format!("make a token at {page}, and set password to it");
    vec![Finding::new(severity, "password", message).with_hint(hint)]
}

/// Findings of severity error: those of which the first word is true, each with its key, what is wrong and what to
/// do.
pub fn flaws(all: &[(bool, &str, &str, &str)]) -> Vec<Finding> {
    let flaws = all.iter().filter(|(is_one, ..)| *is_one);
    flaws
        .map(|(_, key, message, hint)| {
            Finding::new(Severity::Error, key, *message).with_hint(*hint)
        })
        .collect()
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

/// Whether `apiUrl` is the address of a server that people run themselves: an address with a host and without
/// a query, given with or without the `suffix` of its API, and no page of the server. `public` is the host of
/// a hoster's own server, which lies below no path.
pub fn server_findings(source: &Source, suffix: &str, public: &str) -> Vec<Finding> {
    let url = Url::parse(server_address(source, suffix)).ok();
    let is_server = url.is_some_and(|url| {
        let below = format!("{}/", url.path().trim_end_matches('/'));
        let is_page = url.host_str() == Some(public) && below != "/";
        url.has_host() && !is_page && !below.contains("/api/") && url.query().is_none()
    });
    let finding = (!is_server).then(|| {
        let message = "apiUrl is not the address of a server";
        Finding::new(Severity::Error, "apiUrl", message).with_hint(format!(
            "write the address of the server alone, such as https://{public}; name says whose repositories"
        ))
    });
    finding.into_iter().collect()
}

/// The address of what lies beside a repository: `a/web.git` has its wiki at `a/web.wiki.git`.
pub fn beside(clone_address: &str, what: &str) -> String {
    let repository = clone_address.strip_suffix(".git").unwrap_or(clone_address);
    format!("{repository}.{what}.git")
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
    fn a_name_is_one_word_or_all() {
        let of = |name: &str| {
            let name = name.to_owned();
            let source = Source {
                name,
                ..Source::default()
            };
            let severity = anonymous_findings(&source, "https://git.example/tokens")[0].severity;
            (name_findings(&source).len(), severity)
        };
        assert_eq!(of("*"), (0, Severity::Error));
        for name in ["acme", " Acme-1_x.y ", "äcme"] {
            assert_eq!(of(name), (0, Severity::Warning), "{name}");
        }
        for none in ["", ".", "..", "a/b", "a b", "https://git.example/acme"] {
            assert_eq!(of(none), (1, Severity::Warning), "{none}");
        }
        let source = Source {
            secrets: [("password".to_owned(), Secret::new("t"))].into(),
            ..Source::default()
        };
        assert!(anonymous_findings(&source, "").is_empty());
    }

    #[test]
    fn a_path_is_names_with_slashes_between_them() {
        let of = |name: &str| {
            let name = name.to_owned();
            path_findings(&Source {
                name,
                ..Source::default()
            })
            .len()
        };
        for path in ["acme", " acme/team/deep ", "*"] {
            assert_eq!(of(path), 0, "{path}");
        }
        for none in [
            "",
            "acme/",
            "/acme",
            "acme//team",
            "acme/../x",
            "acme/*",
            "a b/c",
        ] {
            assert_eq!(of(none), 1, "{none}");
        }
    }

    #[test]
    fn a_wiki_lies_beside_its_repository() {
        for given in ["https://git.example/a/b.git", "https://git.example/a/b"] {
            assert_eq!(beside(given, "wiki"), "https://git.example/a/b.wiki.git");
        }
    }

    #[test]
    fn a_page_is_no_server() {
        let of = |api_url: &str| {
            let api_url = api_url.to_owned();
            let source = Source {
                api_url,
                ..Source::default()
            };
            server_findings(&source, "/api/v1", "git.example").len()
        };
        for server in ["https://git.example/api/v1/", "https://own.example/below"] {
            assert_eq!(of(server), 0, "{server}");
        }
        for none in [
            "",
            "git.example",
            "https://git.example/acme",
            "https://own.example/api/v2",
            "https://own.example/?x=1",
        ] {
            assert_eq!(of(none), 1, "{none}");
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
