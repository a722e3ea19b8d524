//! Between the boundary's documents and the engine's values. What comes from a plugin is cleaned on the
//! way: secrets taken out of text, characters that a terminal would act upon made visible.

use std::time::Duration;

use forgekeep_config::{OptionValue as OwnValue, Protocol};
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{self as hoster, ApiLimit, Cursor, SourceSpec, Visibility};
use forgekeep_http::Authorization;
use forgekeep_plugin_documents as documents;
use forgekeep_plugin_documents::{Advice, Auth, HosterError, OptionValue, PartKind, Timestamp};
use forgekeep_untrusted::{Printable, Redactor, Secret, Untrusted};

/// Most characters of a plugin's text that are shown.
const MAX_TEXT: usize = 2000;

/// Most bytes of a version that is kept: some ten are usual.
const MAX_VERSION: usize = 1024;

/// Most bytes of our own words in a document: a string may be 64 KiB long.
const MAX_SAID: usize = 16 << 10;

/// Text from a plugin, for people.
pub(super) fn text(text: &str, redactor: &Redactor) -> Printable {
    let clean = Printable::from(redactor.clean(text).into_owned());
    match clean.chars().nth(MAX_TEXT) {
        None => clean,
        Some(_) => clean.chars().take(MAX_TEXT).collect::<String>().into(),
    }
}

/// What kind a plugin's error is.
fn kind(kind: documents::ErrorKind) -> ErrorKind {
    use documents::ErrorKind as Theirs;
    match kind {
        Theirs::Credentials => ErrorKind::Credentials,
        Theirs::Forbidden => ErrorKind::Forbidden,
        Theirs::NotFound => ErrorKind::NotFound,
        Theirs::Gone => ErrorKind::Gone,
        Theirs::RateLimited => ErrorKind::RateLimited,
        Theirs::Unavailable => ErrorKind::Unavailable,
        Theirs::BadAnswer => ErrorKind::BadAnswer,
        Theirs::Network => ErrorKind::Network,
        Theirs::Tls => ErrorKind::Tls,
        Theirs::Policy => ErrorKind::Policy,
        Theirs::Cancelled => ErrorKind::Cancelled,
        Theirs::Plugin => ErrorKind::Plugin,
        _ => ErrorKind::Other,
    }
}

/// A plugin's error.
pub(super) fn failure(error: &HosterError, redactor: &Redactor) -> Failure {
    let mut words = text(&error.message, redactor);
    let said = text(&error.said, redactor);
    if !said.is_empty() && !words.contains(said.as_str()) {
        words.push_str(&format!("; the hoster says: {said}"));
    }
    let mut failure = Failure::new(kind(error.kind), words).with_hint(text(&error.hint, redactor));
    failure.permanent = error.permanent;
    // Where it is none, a plugin has made it up.
    failure.status = error.status.filter(|status| (100..600).contains(status));
    let until = error.retry_at.map(|at| {
        let wait = at.as_second().saturating_sub(Timestamp::now().as_second());
        u64::try_from(wait).unwrap_or_default()
    });
    failure.retry_after = error.retry_after.or(until).map(Duration::from_secs);
    failure
}

/// A failure of a service, for the plugin that asked.
pub(super) fn error(failure: &Failure) -> HosterError {
    use documents::ErrorKind as Theirs;
    let kind = match failure.kind {
        ErrorKind::Credentials => Theirs::Credentials,
        ErrorKind::Forbidden => Theirs::Forbidden,
        ErrorKind::NotFound => Theirs::NotFound,
        ErrorKind::Gone => Theirs::Gone,
        ErrorKind::RateLimited => Theirs::RateLimited,
        ErrorKind::Unavailable => Theirs::Unavailable,
        ErrorKind::BadAnswer => Theirs::BadAnswer,
        ErrorKind::Network => Theirs::Network,
        ErrorKind::Tls => Theirs::Tls,
        ErrorKind::Policy => Theirs::Policy,
        ErrorKind::Cancelled => Theirs::Cancelled,
        ErrorKind::Plugin => Theirs::Plugin,
        _ => Theirs::Other,
    };
    HosterError {
        kind,
        message: cut(&failure.message),
        hint: cut(&failure.hint),
        permanent: failure.permanent,
        status: failure.status,
        retry_after: failure.retry_after.map(|wait| wait.as_secs()),
        ..HosterError::default()
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_SAID);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// What came of a check, with its findings. What follows from its fields is said here, for all plugins alike.
pub(super) fn check_report(
    report: &documents::CheckReport,
    mut findings: Vec<Finding>,
    redactor: &Redactor,
) -> hoster::CheckReport {
    if !report.missing_scopes.is_empty() {
        let missing = text(&report.missing_scopes.join(", "), redactor);
        let mut warning = Finding::warning(format!("the credentials lack {missing}"));
        warning.hint = "make new ones that have it".into();
        findings.push(warning);
    }
    let texts = |all: &[String]| all.iter().map(|one| text(one, redactor)).collect();
    let id = report.account_id.as_ref();
    hoster::CheckReport {
        identity: text(&report.identity, redactor),
        account_id: id.filter(|id| !id.is_empty()).map(|id| text(id, redactor)),
        scopes: texts(&report.scopes),
        missing_scopes: texts(&report.missing_scopes),
        expires: report.expires.and_then(time),
        limits: report
            .limits
            .iter()
            .map(|limit| ApiLimit {
                name: text(&limit.name, redactor),
                remaining: limit.remaining,
                most: limit.most,
                resets: limit.resets.and_then(time),
            })
            .collect(),
        owners: report
            .owners
            .iter()
            .map(|seen| owner_seen(seen, redactor))
            .collect(),
        visible: report.visible,
        private: report.private,
        findings,
    }
}

fn time(time: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(time.as_second()).ok()
}

/// A page of a listing, with its notes.
pub(super) fn page(
    page: documents::Page,
    notes: Vec<Finding>,
    redactor: &Redactor,
) -> hoster::Page {
    hoster::Page {
        repositories: page
            .repositories
            .into_iter()
            .map(|r| repository(r, redactor))
            .collect(),
        next: page.next.map(Cursor::new),
        total: page.total,
        owners: page
            .owners
            .iter()
            .map(|seen| owner_seen(seen, redactor))
            .collect(),
        notes,
        expires: page.expires.and_then(time),
    }
}

fn owner_seen(seen: &documents::OwnerSeen, redactor: &Redactor) -> hoster::OwnerSeen {
    hoster::OwnerSeen {
        owner: owner(&seen.id, &seen.name, redactor),
        sees: match seen.sees {
            documents::Sees::All => hoster::Sees::All,
            documents::Sees::Selected => hoster::Sees::Selected,
            _ => hoster::Sees::Unknown,
        },
        error: seen.error.as_ref().map(|error| failure(error, redactor)),
    }
}

fn owner(id: &str, name: &str, redactor: &Redactor) -> hoster::Owner {
    hoster::Owner {
        id: redactor.clean(id).into_owned().into(),
        name: redactor.clean(name).into_owned().into(),
    }
}

/// A kind of part that is known here.
pub(super) fn part_kind(kind: &PartKind) -> Option<hoster::PartKind> {
    match kind {
        PartKind::Git => Some(hoster::PartKind::Git),
        PartKind::Wiki => Some(hoster::PartKind::Wiki),
        _ => None,
    }
}

/// A repository. Identity and name go into reports and paths: they hold no secret either. What is asked
/// for, an address or a branch, stays as it is; messages about it are cleaned.
pub(super) fn repository(
    repository: documents::Repository,
    redactor: &Redactor,
) -> hoster::Repository {
    // No more room than they take: a listing has many.
    let mut parts: Vec<hoster::Part> = Vec::with_capacity(repository.parts.len().min(2));
    for part in repository.parts {
        let Some(kind) = part_kind(&part.kind) else {
            continue;
        };
        if parts.iter().any(|known| known.kind == kind) {
            continue;
        }
        parts.push(hoster::Part {
            kind,
            id: part.id.into(),
            url: part.url.into(),
            default_branch: part
                .default_branch
                .filter(|branch| !branch.is_empty())
                .map(Into::into),
            size: part.size,
            uncertain: part.uncertain,
            named: part.named,
            version: part.version.and_then(|found| version(found, redactor)),
        });
    }
    hoster::Repository {
        id: redactor.clean(&repository.id).into_owned().into(),
        handle: repository.handle.into(),
        full_name: redactor.clean(&repository.full_name).into_owned().into(),
        description: redactor.clean(&repository.description).into_owned().into(),
        visibility: match repository.visibility {
            documents::Visibility::Public => Visibility::Public,
            documents::Visibility::Private => Visibility::Private,
            documents::Visibility::Internal => Visibility::Internal,
            _ => Visibility::Unknown,
        },
        archived: repository.archived,
        fork: repository.fork,
        topics: (repository.attributes.topics.into_iter())
            .map(Into::into)
            .collect(),
        languages: (repository.attributes.languages.into_iter())
            .map(Into::into)
            .collect(),
        pushed_at: repository.attributes.pushed_at.and_then(time),
        volatile_refs: advised(&repository.refs, Advice::Volatile),
        unpushed_refs: advised(&repository.refs, Advice::NotPushed),
        owner: owner(&repository.owner.id, &repository.owner.name, redactor),
        parts,
        deletion_scheduled: repository.deletion_scheduled,
        skip: repository.skip.map(|why| text(&why, redactor)),
    }
}

fn advised(refs: &[documents::RefAdvice], advice: Advice) -> Vec<Untrusted> {
    let about = refs.iter().filter(|about| about.advice == advice);
    about.map(|about| about.pattern.as_str().into()).collect()
}

/// A version, which is kept in the backup folder. One that is too long, or holds a secret, is none: git
/// is asked.
fn version(version: String, redactor: &Redactor) -> Option<Untrusted> {
    let fits = !version.is_empty() && version.len() <= MAX_VERSION;
    let fits = fits && redactor.clean(&version) == version;
    fits.then(|| version.into())
}

/// A part, as its plugin named it.
pub(super) fn part_ref(part: &hoster::Part) -> documents::PartRef {
    documents::PartRef {
        kind: match part.kind {
            hoster::PartKind::Git => PartKind::Git,
            hoster::PartKind::Wiki => PartKind::Wiki,
        },
        id: part.id.raw().to_owned(),
    }
}

/// Credentials that a plugin gives.
pub(super) fn authorization(auth: Auth) -> Authorization {
    let secret = |secret: documents::Secret| Secret::new(secret.expose());
    match auth {
        Auth::None => Authorization::Anonymous,
        Auth::Basic { user, secret: word } => Authorization::Basic {
            user,
            secret: secret(word),
        },
        Auth::Bearer { secret: word } => Authorization::Bearer(secret(word)),
        Auth::Header { name, secret: word } => Authorization::Field {
            name,
            secret: secret(word),
        },
        Auth::Scheme {
            scheme,
            secret: word,
        } => Authorization::Scheme {
            scheme,
            secret: secret(word),
        },
    }
}

/// A source, for its plugin.
pub(super) fn source(spec: &SourceSpec) -> documents::Source {
    let secrets = spec.secrets.iter();
    let options = spec.options.iter();
    let files = spec.files.iter();
    documents::Source {
        title: spec.title.clone(),
        name: spec.name.clone(),
        kind: spec.kind.clone(),
        auth_name: spec.auth_name.clone(),
        api_auth_name: spec.api_auth_name.clone(),
        secrets: secrets
            .map(|(key, secret)| (key.clone(), documents::Secret::new(secret.expose())))
            .collect(),
        api_url: spec.api_url.clone(),
        options: options
            .map(|(key, value)| (key.clone(), option_value(value)))
            .collect(),
        target: spec.target,
        project: spec.project.clone(),
        protocol: match spec.protocol {
            Protocol::Https => documents::Protocol::Https,
            Protocol::Ssh => documents::Protocol::Ssh,
        },
        files: files
            .map(|(key, file)| (key.clone(), documents::FileContent::new(file.expose())))
            .collect(),
    }
}

fn option_value(value: &OwnValue) -> OptionValue {
    match value {
        OwnValue::Text(text) => OptionValue::Text(text.clone()),
        OwnValue::Number(number) => OptionValue::Number(*number),
        OwnValue::Flag(flag) => OptionValue::Flag(*flag),
        OwnValue::List(list) => OptionValue::List(list.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_findings_are_fit_for_a_line() {
        let redactor = Redactor::new(&[&Secret::new("s3cr3t-token")]);
        let hostile = "\u{1b}[2J s3cr3t-token\r\nforged\u{202e}";
        let error = HosterError {
            message: hostile.to_owned(),
            hint: hostile.to_owned(),
            said: hostile.to_owned(),
            status: Some(42),
            retry_after: Some(7),
            ..HosterError::default()
        };
        let failure = failure(&error, &redactor);
        for shown in [failure.message.as_str(), failure.hint.as_str()] {
            assert!(!shown.contains("s3cr3t"), "{shown}");
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
        assert_eq!((failure.status, failure.permanent), (None, false));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_version_is_kept_only_where_it_can_be_kept() {
        let redactor = Redactor::new(&[&Secret::new("s3cr3t-token")]);
        let read = |version: &str| {
            let mut listed = documents::Repository::new("1", "acme/web", "https://example.com");
            listed.parts[0].version = Some(version.to_owned());
            let read = repository(listed, &redactor);
            read.parts[0].version.clone()
        };
        let longest = "x".repeat(MAX_VERSION);
        for kept in ["1", "a\n\u{1b}b", &longest] {
            assert_eq!(read(kept), Some(kept.into()));
        }
        for none in ["", "2 s3cr3t-token", &(longest.clone() + "x")] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn the_hosters_own_words_are_said_once() {
        let nothing = Redactor::default();
        let error = HosterError::new(documents::ErrorKind::Forbidden, "refused: no role")
            .with_said("no role");
        assert_eq!(
            failure(&error, &nothing).message.as_str(),
            "refused: no role"
        );
        let error =
            HosterError::new(documents::ErrorKind::Forbidden, "refused").with_said("no role");
        assert_eq!(
            failure(&error, &nothing).message.as_str(),
            "refused; the hoster says: no role"
        );
    }
}
