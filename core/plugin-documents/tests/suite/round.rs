//! Whatever is written is read as it was.

use forgekeep_plugin_documents::*;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z/{}-]{1,12}", any::<String>()]
}

fn whole() -> impl Strategy<Value = Option<u64>> {
    proptest::option::of(0..=limit::INTEGER)
}

fn time() -> impl Strategy<Value = Option<Timestamp>> {
    let second = -62_000_000_000_i64..200_000_000_000;
    proptest::option::of(second.prop_map(|second| Timestamp::from_second(second).unwrap()))
}

fn finding() -> impl Strategy<Value = Finding> {
    (text(), text(), text(), 0..4_u8).prop_map(|(key, message, hint, severity)| Finding {
        severity: match severity {
            0 => Severity::Info,
            1 => Severity::Warning,
            2 => Severity::Error,
            _ => Severity::Other,
        },
        key,
        message,
        hint,
    })
}

fn part() -> impl Strategy<Value = Part> {
    let kind = text().prop_map(|word| PartKind::of(&word));
    let version = proptest::option::of(text());
    (kind, text(), text(), version, whole()).prop_map(|(kind, id, url, version, size)| Part {
        kind,
        id,
        url,
        version: version.clone(),
        default_branch: version,
        size,
        ..Part::default()
    })
}

fn repository() -> impl Strategy<Value = Repository> {
    let names = (text(), text(), text(), proptest::option::of(text()));
    let lists = (
        proptest::collection::vec(text(), 0..4),
        proptest::collection::vec(part(), 0..4),
    );
    (names, lists, any::<[bool; 3]>(), time()).prop_map(
        |((id, handle, full_name, skip), (topics, parts), [archived, fork, mirror], pushed_at)| {
            Repository {
                id: id.clone(),
                handle,
                owner: Owner {
                    id,
                    name: full_name.clone(),
                },
                full_name,
                archived,
                fork,
                mirror,
                attributes: Attributes {
                    topics,
                    pushed_at,
                    ..Attributes::default()
                },
                parts,
                skip,
                ..Repository::default()
            }
        },
    )
}

fn auth() -> impl Strategy<Value = Auth> {
    (0..5_u8, text(), text()).prop_map(|(kind, name, secret)| {
        let secret = Secret::new(secret);
        match kind {
            0 => Auth::None,
            1 => Auth::basic(name, &secret),
            2 => Auth::bearer(&secret),
            3 => Auth::header(name, &secret),
            _ => Auth::scheme(name, &secret),
        }
    })
}

fn same<T: Document + serde::Serialize + PartialEq + std::fmt::Debug>(value: &T) {
    assert_eq!(&parse::<T>(&write(value)).unwrap(), value);
}

proptest! {
    #[test]
    fn pages(
        repositories in proptest::collection::vec(repository(), 0..6),
        notes in proptest::collection::vec(finding(), 0..4),
        next in proptest::option::of(text()),
        total in whole(),
    ) {
        same(&Page { repositories, notes, next, total, ..Page::default() });
    }

    #[test]
    fn requests_and_accesses(auth in auth(), url in text(), value in text(), expires in time()) {
        let mut request = HttpRequest::new("GET", url, &auth).with_header("accept", value);
        request.idempotent = true;
        same(&request);
        let mut access = Access::http(auth);
        access.expires = expires;
        same(&access);
    }

    #[test]
    fn errors(message in text(), retry_after in whole(), retry_at in time(), status in proptest::option::of(any::<u16>())) {
        let kind = ErrorKind::of(&message);
        same(&HosterError { kind, said: message.clone(), message, retry_after, retry_at, status, ..HosterError::default() });
    }

    #[test]
    fn sources(key in text(), value in text(), number in -1_000_000_i64..1_000_000, file in any::<Vec<u8>>()) {
        let source = Source {
            title: value.clone(),
            secrets: [(key.clone(), value.clone().into())].into(),
            options: [
                (format!("{key}1"), OptionValue::Text(value.clone())),
                (format!("{key}2"), OptionValue::Number(number)),
                (format!("{key}3"), OptionValue::Flag(number > 0)),
                (format!("{key}4"), OptionValue::List(vec![value])),
            ].into(),
            files: [(format!("{key}5"), FileContent::new(file))].into(),
            ..Source::default()
        };
        let (document, bytes) = source.to_wire();
        prop_assert_eq!(Source::from_wire(&document, &bytes).unwrap(), source);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), text in "[\\[\\]{}\",:0-9a\\\\ u-]{0,60}") {
        let _ = parse::<Page>(&bytes);
        let _ = parse::<Source>(text.as_bytes());
        let _ = parse::<Access>(format!("{{{text}}}").as_bytes());
        // What is taken is written so that it is taken again.
        if let Ok(page) = parse::<Page>(format!("{{{text}}}").as_bytes()) {
            same(&page);
        }
    }
}
