//! Between the boundary's types and the engine's. What comes from a plugin is cleaned on the way:
//! secrets taken out of text, characters that a terminal would act upon made visible.

use abi_stable::std_types::{RNone, ROption, RSome, RString};
use forgekeep_abi_draft as abi;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{HosterInfo, SourceSpec};
use forgekeep_http::Authorization;
use forgekeep_untrusted::{Printable, REDACTED, Redactor, Secret, Untrusted, names};

/// Longest text of a plugin that is shown.
const MAX_TEXT: usize = 2000;

/// Text from a plugin, for people.
pub fn text(text: &str, redactor: &Redactor) -> Printable {
    let clean = Printable::from(redactor.clean(text).into_owned());
    clean.chars().take(MAX_TEXT).collect::<String>().into()
}

pub fn failure(error: &abi::HosterError, redactor: &Redactor) -> Failure {
    let mut failure = Failure::new(
        ErrorKind::from_word(&error.kind),
        text(&error.message, redactor),
    )
    .with_hint(text(&error.hint, redactor));
    failure.permanent = error.permanent;
    failure.status = error.status.into_option();
    failure.retry_after = error
        .retry_after
        .into_option()
        .map(std::time::Duration::from_secs);
    failure
}

pub fn error(failure: &Failure) -> abi::HosterError {
    abi::HosterError {
        kind: failure.kind.as_str().into(),
        message: failure.message.as_str().into(),
        hint: failure.hint.as_str().into(),
        permanent: failure.permanent,
        status: failure.status.into(),
        retry_after: failure.retry_after.map(|wait| wait.as_secs()).into(),
        extras: abi::Extras::new(),
    }
}

pub fn severity(severity: abi::Severity) -> forgekeep_failure::Severity {
    match severity {
        abi::Severity::Info => forgekeep_failure::Severity::Info,
        abi::Severity::Warning => forgekeep_failure::Severity::Warning,
        abi::Severity::Error => forgekeep_failure::Severity::Error,
    }
}

pub fn finding(finding: &abi::Finding, redactor: &Redactor) -> forgekeep_failure::Finding {
    forgekeep_failure::Finding {
        severity: severity(finding.severity),
        key: text(&finding.key, redactor),
        message: text(&finding.message, redactor),
        hint: text(&finding.hint, redactor),
    }
}

pub fn check_report(
    report: &abi::CheckReport,
    redactor: &Redactor,
) -> forgekeep_hoster::CheckReport {
    forgekeep_hoster::CheckReport {
        identity: text(&report.identity, redactor),
        visible: report.visible.into_option(),
        findings: report
            .findings
            .iter()
            .map(|f| finding(f, redactor))
            .collect(),
    }
}

pub fn page(page: abi::Page, redactor: &Redactor) -> forgekeep_hoster::Page {
    let telling = page
        .repositories
        .iter()
        .filter(|r| redactor.finds(&r.id) || redactor.finds(&r.full_name))
        .count();
    let mut page = forgekeep_hoster::Page {
        repositories: page
            .repositories
            .into_iter()
            .map(|r| repository(r, redactor))
            .collect(),
        total: page.total.into_option(),
        notes: page
            .notes
            .iter()
            .map(|note| forgekeep_failure::Finding {
                severity: severity(note.severity),
                key: Printable::default(),
                message: text(&note.message, redactor),
                hint: Printable::default(),
            })
            .collect(),
    };
    if telling > 0 {
        let mut warning = forgekeep_failure::Finding::warning(format!(
            "the hoster shows a secret of this configuration in the name or id of {telling} \
             repositories; it is replaced by {REDACTED} in folders, messages and reports"
        ));
        warning.hint = "replace that secret: others may have seen it; or, if it is a word that \
                        names share, choose one that nobody can guess"
            .into();
        page.notes.push(warning);
    }
    page
}

/// Identity and name go into reports and paths: they hold no secret either. What is asked for, an
/// address or a branch, stays as it is; messages about it are cleaned.
pub fn repository(
    repository: abi::Repository,
    redactor: &Redactor,
) -> forgekeep_hoster::Repository {
    forgekeep_hoster::Repository {
        id: redactor.clean(&repository.id).into_owned().into(),
        full_name: redactor.clean(&repository.full_name).into_owned().into(),
        clone_url: untrusted(repository.clone_url),
        wiki_url: repository.wiki_url.into_option().map(untrusted),
        default_branch: Some(untrusted(repository.default_branch)).filter(|b| !b.is_empty()),
        size: repository.size.into_option(),
        private: repository.private,
        skip: repository
            .skip
            .into_option()
            .map(|why| text(&why, redactor)),
    }
}

fn untrusted(text: RString) -> Untrusted {
    String::from(text).into()
}

/// The way back, for `git_access`. Identity and name are as they came from the plugin.
pub fn to_plugin(
    repository: &forgekeep_hoster::Repository,
    id: &str,
    full_name: &str,
) -> abi::Repository {
    let optional =
        |text: Option<&str>| -> ROption<RString> { text.map_or(RNone, |text| RSome(text.into())) };
    abi::Repository {
        id: id.into(),
        full_name: full_name.into(),
        clone_url: repository.clone_url.raw().into(),
        wiki_url: optional(repository.wiki_url.as_ref().map(Untrusted::raw)),
        default_branch: repository
            .default_branch
            .as_ref()
            .map_or("", Untrusted::raw)
            .into(),
        size: repository.size.into(),
        private: repository.private,
        skip: optional(repository.skip.as_deref()),
        extras: abi::Extras::new(),
    }
}

pub fn authorization(authorization: abi::Authorization) -> Authorization {
    match authorization {
        abi::Authorization::Anonymous => Authorization::Anonymous,
        abi::Authorization::Basic { user, secret } => Authorization::Basic {
            user: user.into(),
            secret: Secret::new(secret.expose()),
        },
        abi::Authorization::Bearer { secret } => {
            Authorization::Bearer(Secret::new(secret.expose()))
        }
    }
}

pub fn source(spec: &SourceSpec) -> abi::Source {
    abi::Source {
        title: spec.title.as_str().into(),
        name: spec.name.as_str().into(),
        kind: spec.kind.as_str().into(),
        auth_name: spec.auth_name.as_str().into(),
        api_auth_name: spec.api_auth_name.as_str().into(),
        secret: spec.secret.as_ref().map_or(RNone, |secret| {
            RSome(abi::SecretString::new(secret.expose()))
        }),
        api_url: spec.api_url.as_str().into(),
        options: abi::Extras::new(),
        extras: abi::Extras::new(),
    }
}

/// A manifest, checked. What is only shown is cleaned; what is used must be right.
pub fn manifest(manifest: &abi::Manifest) -> Result<HosterInfo, String> {
    let nothing = Redactor::default();
    let is_id = |id: &str| {
        (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    for id in std::iter::once(&manifest.id).chain(&manifest.aliases) {
        if !is_id(id) {
            return Err(format!(
                "\"{}\" cannot be an id: lower-case letters, digits and -, at most 32",
                text(id, &nothing)
            ));
        }
    }
    let is_address = |text: &str| {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        is_web && names::is_printable(text)
    };
    let addresses = std::iter::once(&manifest.api_url).chain(&manifest.trusted_origins);
    for address in addresses.filter(|address| !address.is_empty()) {
        if !is_address(address) {
            return Err(format!(
                "\"{}\" is not a web address",
                text(address, &nothing)
            ));
        }
    }
    let strings = |list: &[RString]| list.iter().map(|item| text(item, &nothing)).collect();
    Ok(HosterInfo {
        id: manifest.id.to_string(),
        aliases: manifest.aliases.iter().map(ToString::to_string).collect(),
        version: text(&manifest.version, &nothing),
        authors: strings(&manifest.authors),
        description: text(&manifest.description, &nothing),
        api_url: manifest.api_url.to_string(),
        trusted_origins: manifest
            .trusted_origins
            .iter()
            .map(ToString::to_string)
            .collect(),
        options: manifest
            .options
            .iter()
            .map(|option| {
                (
                    text(&option.key, &nothing),
                    text(&option.description, &nothing),
                )
            })
            .collect(),
        file: std::path::PathBuf::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_shows_holds_nothing_a_terminal_obeys() {
        let hostile = "https://x/\u{1b}[2J";
        let shown = abi::Manifest {
            id: "x".into(),
            version: hostile.into(),
            ..abi::Manifest::default()
        };
        let info = manifest(&shown).unwrap();
        assert_eq!(info.version, "https://x/\\u{1b}[2J");
        // An address is used as it is.
        for used in [
            abi::Manifest {
                api_url: hostile.into(),
                ..shown.clone()
            },
            abi::Manifest {
                trusted_origins: vec![hostile.into()].into(),
                ..shown.clone()
            },
        ] {
            let why = manifest(&used).unwrap_err();
            assert!(!why.contains('\u{1b}'), "{why}");
        }
    }
}
