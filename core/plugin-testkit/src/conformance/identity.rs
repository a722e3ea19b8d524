//! Who the plugin is, and what it says of a source without a network.

use forgekeep_plugin_documents::{
    Done, ErrorKind, Hello, HelloRequest, Manifest, OptionKind, OptionValue, PROTOCOL, Protocols,
    SOURCE_KEYS, Secret, Severity, Source, method,
};
use url::Url;

use super::Forge;
use super::asker::Asker;
use crate::script::Script;

/// Texts that are nobody's name.
pub(super) const HOSTILE: [&str; 9] = [
    "../..",
    "a\u{1b}[2Jb",
    "\u{202e}gpj.exe",
    "CON",
    "a b/c?d#e%2F..",
    "-rf",
    "\u{1f980}",
    "\u{0}",
    "\"},{\"id\":\"1",
];

/// Hello, manifest, and calls that there are not.
pub(super) fn check(asker: &mut Asker<'_>) -> Option<Manifest> {
    let script = Script::new();
    asker.step("hello");
    let request = HelloRequest {
        protocols: Protocols::ours(),
        host: "a test".to_owned(),
        ..HelloRequest::default()
    };
    if let Ok(hello) = asker.ask::<_, Hello>(&script, 0, method::HELLO, &request)? {
        let common = hello.protocols.common(&Protocols::ours());
        asker.expect(common == Some(PROTOCOL), "it does not speak protocol 1");
        asker.expect(
            hello.built.panic != "abort",
            "it was built with panic = \"abort\"",
        );
    } else {
        asker.fault("it is an error");
    }

    asker.step("calls that there are not");
    for name in ["frobnicate", ""] {
        match asker.ask::<_, Done>(&script, 0, name, &Done::default())? {
            Err(error) if error.kind == ErrorKind::Unsupported => {}
            _ => asker.fault(format!("method `{name}` is not answered with unsupported")),
        }
    }
    let of_none = asker.ask::<_, Done>(&script, 0, method::LIST, &Done::default())?;
    asker.expect(of_none.is_err(), "the plugin itself gives a page");
    let absent = asker.ask::<_, Done>(&script, 1 << 52, method::LIST, &Done::default())?;
    asker.expect(absent.is_err(), "an object that there is not gives a page");
    let demanding = br#"{"requires":["what nobody knows"]}"#;
    match asker.ask_bytes::<Manifest>(&script, 0, method::MANIFEST, demanding, &[])? {
        Err(error) if error.kind == ErrorKind::Unsupported => {}
        _ => asker.fault("what a document requires is not looked at"),
    }

    asker.step("manifest");
    let newer = br#"{"a field of a newer host":{"x":[1]}}"#;
    let manifest = asker.ask_bytes::<Manifest>(&script, 0, method::MANIFEST, newer, &[])?;
    let Ok(manifest) = manifest else {
        asker.fault("it is an error");
        return None;
    };
    let again = asker.ask::<_, Manifest>(&script, 0, method::MANIFEST, &Done::default())?;
    asker.expect(
        again.as_ref() == Ok(&manifest),
        "it says something else the second time",
    );
    manifest_is_sound(asker, &manifest);
    Some(manifest)
}

fn is_id(id: &str) -> bool {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&id.len()) && id.bytes().all(letters)
}

fn manifest_is_sound(asker: &mut Asker<'_>, manifest: &Manifest) {
    for id in std::iter::once(&manifest.id).chain(&manifest.aliases) {
        asker.expect(
            is_id(id),
            format!("`{id}` is not 1 to 32 lower-case letters, digits and `-`"),
        );
    }
    asker.expect(!manifest.version.is_empty(), "it has no version");
    asker.expect(!manifest.description.is_empty(), "it has no description");
    if !manifest.api_url.is_empty() {
        let sound = Url::parse(&manifest.api_url).is_ok_and(|url| {
            url.scheme() == "https" && url.username().is_empty() && url.query().is_none()
        });
        asker.expect(
            sound,
            format!("apiUrl {} is no https address", manifest.api_url),
        );
    }
    for origin in &manifest.trusted_origins {
        let sound =
            Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
        asker.expect(sound, format!("{origin} is no origin"));
    }
    let mut names = Vec::new();
    for option in &manifest.options {
        let name = &option.name;
        let camel = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_alphanumeric());
        asker.expect(camel, format!("option `{name}` is not in camelCase"));
        asker.expect(
            !SOURCE_KEYS.contains(&name.as_str()),
            format!("option `{name}` is a key of the host's"),
        );
        asker.expect(
            !names.contains(&name),
            format!("option `{name}` comes twice"),
        );
        asker.expect(
            !option.description.is_empty(),
            format!("option `{name}` has no description"),
        );
        let choice = option.kind == OptionKind::Choice;
        asker.expect(
            choice != option.choices.is_empty(),
            format!("option `{name}`: a choice has choices, and nothing else has"),
        );
        names.push(name);
    }
}

/// Validation, with sources sound and unsound.
pub(super) fn check_sources(asker: &mut Asker<'_>, forge: &dyn Forge) {
    asker.step("documents that are none");
    let script = Script::new();
    // A host sends none: a plugin without the SDK may look for what it needs, and no further.
    for broken in [&b""[..], b"[]", b"{", b"{\"a\":1,\"a\":2}", b"\xff"] {
        let answer = asker.ask_bytes::<Manifest>(&script, 0, method::MANIFEST, broken, &[]);
        asker.expect(
            answer.is_some_and(|answer| answer.is_err()),
            "a document that is none is taken",
        );
    }

    asker.step("validation of the sound source");
    let source = forge.source();
    if let Some(found) = asker.validate(&source) {
        for finding in &found.findings {
            asker.expect(
                finding.severity != Severity::Error,
                format!("an error: {}", finding.message),
            );
        }
        let again = asker.validate(&source);
        asker.expect(
            again == Some(found),
            "it says something else the second time",
        );
    }

    for (what, source) in forge.unsound() {
        asker.step(format!("validation of a source with {what}"));
        if let Some(found) = asker.validate(&source) {
            let mut errors = found.findings.into_iter();
            match errors.find(|finding| finding.severity == Severity::Error) {
                Some(error) => asker.expect(!error.hint.is_empty(), "the error has no hint"),
                None => asker.fault("no error is found"),
            }
        }
    }

    asker.step("validation of odd sources");
    let _ = asker.validate(&Source::default());
    for text in HOSTILE.into_iter().chain([""]) {
        let text = text.to_owned();
        for field in 0..8 {
            let mut odd = source.clone();
            match field {
                0 => odd.name.clone_from(&text),
                1 => odd.title.clone_from(&text),
                2 => odd.kind.clone_from(&text),
                3 => odd.auth_name.clone_from(&text),
                4 => odd.api_auth_name.clone_from(&text),
                5 => odd.api_url.clone_from(&text),
                6 => {
                    let secrets = odd.secrets.values_mut();
                    secrets.for_each(|secret| *secret = Secret::new(text.clone()));
                }
                _ => {
                    let options = odd.options.values_mut();
                    options.for_each(|option| *option = OptionValue::Text(text.clone()));
                }
            }
            let _ = asker.validate(&odd);
        }
    }
    for key in source.options.keys() {
        let mut without = source.clone();
        without.options.remove(key);
        let _ = asker.validate(&without);
    }
    let mut without = source;
    without.secrets.clear();
    let _ = asker.validate(&without);
}
