//! What the parser takes, and what it refuses.

use forgekeep_plugin_documents::*;

fn page(text: &str) -> Result<Page, Refused> {
    parse(text.as_bytes())
}

fn refused(text: &str) -> String {
    page(text).unwrap_err().to_string()
}

#[test]
fn null_absent_and_default_are_one() {
    let bare = page("{}").unwrap();
    assert_eq!(bare, Page::default());
    let nulls =
        page(r#"{"repositories":null,"next":null,"total":null,"notes":null,"owners":null}"#);
    assert_eq!(nulls.unwrap(), bare);
    let nulls = page(
        r#"{"repositories":[{"id":null,"visibility":null,"parts":null,"archived":null,"attributes":null}]}"#,
    );
    assert_eq!(nulls.unwrap().repositories, [Repository::default()]);
    let source: Source = parse(br#"{"options":{"a":null,"b":1},"secrets":{"c":null}}"#).unwrap();
    assert_eq!(source.options.len(), 1);
    assert!(source.secrets.is_empty());
}

#[test]
fn unknown_fields_are_ignored_at_every_depth() {
    let read = page(r#"{"new":{"a":[1,{"b":2.5e300}]},"repositories":[{"id":"1","new":true}]}"#);
    assert_eq!(read.unwrap().repositories[0].id, "1");
}

#[test]
fn what_is_no_document_is_refused() {
    for text in [
        "",
        " ",
        "[]",
        "null",
        "1",
        "\"\"",
        "{",
        "{}x",
        "{}{}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"total\":01}",
    ] {
        assert!(page(text).is_err(), "{text}");
    }
    for bytes in [
        &b"{\"next\":\"\xff\"}"[..],
        b"\xff\xfe{\0}\0",
        b"{\"next\":\"\xed\xa0\x80\"}",
    ] {
        assert_eq!(
            parse::<Page>(bytes).unwrap_err().to_string(),
            "it is not UTF-8"
        );
    }
    assert!(page(r#"{"next":"\ud800"}"#).is_err());
}

#[test]
fn a_key_twice_is_refused_wherever_it_is() {
    for text in [
        r#"{"next":"a","next":"b"}"#,
        r#"{"new":1,"new":1}"#,
        r#"{"new":{"a":1,"b":2,"a":3}}"#,
        r#"{"new":{"a":1,"\u0061":3}}"#,
        r#"{"repositories":[{"id":"1","id":"2"}]}"#,
    ] {
        assert_eq!(refused(text), "an object has a key twice", "{text}");
    }
    page(r#"{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}],"x":"x"}"#).unwrap();
}

#[test]
fn integers_end_at_what_all_hold_exactly() {
    assert_eq!(
        page(r#"{"total":9007199254740991}"#).unwrap().total,
        Some(limit::INTEGER)
    );
    for number in [
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551616",
        "99999999999999999999999999999999",
    ] {
        assert_eq!(
            refused(&format!("{{\"total\":{number}}}")),
            "an integer is over the limit"
        );
        assert_eq!(
            refused(&format!("{{\"new\":[{number}]}}")),
            "an integer is over the limit"
        );
    }
    for number in ["-1", "1.5", "\"1\"", "true", "[]"] {
        assert!(
            page(&format!("{{\"total\":{number}}}")).is_err(),
            "{number}"
        );
    }
    page(r#"{"new":[1.5,-0.0,1e3,1E-7]}"#).unwrap();
}

#[test]
fn depth_strings_and_lists_have_an_end() {
    let nested = |depth: usize| {
        format!(
            "{{\"new\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    page(&nested(limit::DEPTH)).unwrap();
    assert_eq!(
        refused(&nested(limit::DEPTH + 1)),
        "its depth is over the limit"
    );

    let string = |length: usize| format!("{{\"new\":\"{}\"}}", "x".repeat(length));
    page(&string(limit::STRING)).unwrap();
    assert_eq!(
        refused(&string(limit::STRING + 1)),
        "a string is over the limit"
    );
    // What counts is what it says, not how it is written.
    page(&format!(
        "{{\"new\":\"{}\"}}",
        "\\u0041".repeat(limit::STRING)
    ))
    .unwrap();
    assert!(
        page(&format!(
            "{{\"new\":\"{}\"}}",
            "\\u0041".repeat(limit::STRING + 1)
        ))
        .is_err()
    );
    assert!(
        page(&format!(
            "{{\"new\":\"{}\"}}",
            "ä".repeat(limit::STRING / 2 + 1)
        ))
        .is_err()
    );
    let key = format!("{{\"{}\":1}}", "k".repeat(limit::STRING + 1));
    assert!(page(&key).is_err());

    let cursor = |length: usize| format!("{{\"next\":\"{}\"}}", "x".repeat(length));
    page(&cursor(limit::CURSOR)).unwrap();
    assert_eq!(
        refused(&cursor(limit::CURSOR + 1)),
        "the cursor is over the limit"
    );

    let list =
        |name: &str, count: usize| format!("{{\"{name}\":[{}]}}", vec!["{}"; count].join(","));
    page(&list("repositories", limit::REPOSITORIES)).unwrap();
    assert!(
        refused(&list("repositories", limit::REPOSITORIES + 1))
            .contains("more than 10000 repositories")
    );
    page(&list("notes", limit::NOTES)).unwrap();
    assert!(refused(&list("notes", limit::NOTES + 1)).contains("more than 1000 notes"));
    page(&list("new", 150_000)).unwrap();
    assert_eq!(
        refused(&list("new", 200_000)),
        "the memory that it takes is over the limit"
    );
    let batch = list("requests", limit::BATCH + 1);
    assert!(parse::<BatchRequest>(batch.as_bytes()).is_err());

    let keys = |count: usize| {
        let keys: Vec<_> = (0..count).map(|key| format!("\"{key}\":1")).collect();
        format!("{{{}}}", keys.join(","))
    };
    page(&keys(limit::KEYS)).unwrap();
    assert_eq!(
        refused(&keys(limit::KEYS + 1)),
        "an object is over the limit"
    );
    assert_eq!(
        parse::<Page>(&vec![b' '; limit::DOCUMENT + 1])
            .unwrap_err()
            .to_string(),
        "its length is over the limit"
    );
}

#[test]
fn a_page_of_the_largest_size_has_room_for_what_its_repositories_have() {
    let mut repository = Repository::new("1", "acme/web", "https://x/acme/web.git");
    repository
        .parts
        .push(Part::new(PartKind::Wiki, "https://x/acme/web.wiki.git"));
    repository.attributes.topics = vec!["backup".into(); 10];
    repository.attributes.languages = vec!["Rust".into(); 2];
    repository.owner = Owner {
        id: "42".into(),
        name: "acme".into(),
    };
    for part in &mut repository.parts {
        part.version = Some("2026-11-30T08:15:30Z".into());
        part.default_branch = Some("main".into());
    }
    let page = Page {
        repositories: vec![repository; limit::REPOSITORIES],
        ..Page::default()
    };
    assert_eq!(parse::<Page>(&write(&page)), Ok(page));
}

#[test]
fn what_is_required_has_to_be_known() {
    for text in [
        r#"{"requires":["sharding"],"next":"x"}"#,
        r#"{"\u0072equires":["sharding"]}"#,
    ] {
        assert_eq!(page(text), Err(Refused::Unsupported("sharding".into())));
    }
    page(r#"{"requires":[]}"#).unwrap();
    page(r#"{"requires":null}"#).unwrap();
    assert!(matches!(
        page(r#"{"requires":"sharding"}"#),
        Err(Refused::Malformed(_))
    ));
    // Only at the top: deeper down it is a field like any other.
    page(r#"{"repositories":[{"requires":["x"]}],"new":"requires"}"#).unwrap();
}

#[test]
fn an_unknown_word_informs_or_is_refused() {
    let repository: Repository =
        parse(br#"{"visibility":"ringed","parts":[{"kind":"boards"}]}"#).unwrap();
    assert_eq!(repository.visibility, Visibility::Other);
    assert_eq!(repository.parts[0].kind, PartKind::Other("boards".into()));
    let error: HosterError = parse(br#"{"kind":"new","concerns":"planet"}"#).unwrap();
    assert_eq!(
        (error.kind, error.concerns),
        (ErrorKind::Other, Concern::Other)
    );

    assert!(parse::<AccessRequest>(br#"{"deed":"burn"}"#).is_err());
    assert!(parse::<CheckRequest>(br#"{"purpose":"fun"}"#).is_err());
    for access in [r#"{"kind":"mind"}"#, "{}", r#"{"user":"x","secret":"y"}"#] {
        assert!(parse::<Access>(access.as_bytes()).is_err(), "{access}");
    }
    assert!(parse::<HttpRequest>(br#"{"auth":{"kind":"ssh"}}"#).is_err());
    assert!(parse::<HttpRequest>(br#"{"auth":{}}"#).is_err());
    assert_eq!(
        parse::<HttpRequest>(br#"{"auth":null}"#).unwrap().auth,
        Auth::None
    );
}

#[test]
fn only_proof_deletes() {
    assert_eq!(
        parse::<Presence>(br#"{"state":"hidden"}"#),
        Ok(Presence::Hidden)
    );
    for text in [
        "{}",
        r#"{"state":"deleted"}"#,
        r#"{"state":"deleted","proof":""}"#,
        r#"{"state":"gone"}"#,
        r#"{"state":"present"}"#,
    ] {
        assert!(parse::<Presence>(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn times_are_utc() {
    let read = |text: &str| parse::<CheckReport>(format!("{{\"expires\":\"{text}\"}}").as_bytes());
    assert!(read("2026-11-30T08:15:30Z").unwrap().expires.is_some());
    for text in [
        "2026-11-30T08:15:30+01:00",
        "2026-11-30",
        "Z",
        "",
        "2026-11-30T08:15:30",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn an_object_is_never_the_plugin_itself() {
    for text in [
        "{}",
        r#"{"object":0}"#,
        r#"{"object":-1}"#,
        r#"{"object":9007199254740992}"#,
    ] {
        assert!(parse::<Opened>(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn no_value_is_quoted() {
    for text in [
        r#"{"total":"hunter2"}"#,
        r#"{"repositories":{"hunter2":1}}"#,
        r#"{"notes":["hunter2\"hunter2"]}"#,
        r#"{"next":{"a":"hunter2"}}"#,
        r#"{"requires":"hunter2"}"#,
    ] {
        let error = refused(text);
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(!format!("{:?}", Auth::bearer(&"hunter2".into())).contains("hunter2"));
    let source = Source {
        secrets: [("password".to_owned(), "hunter2".into())].into(),
        files: [("key".to_owned(), FileContent::new("hunter2"))].into(),
        ..Source::default()
    };
    assert!(!format!("{source:?}").contains("hunter2"));
}

#[test]
fn files_travel_beside_the_document() {
    let source = Source {
        options: [("urls".to_owned(), OptionValue::List(vec!["a".into()]))].into(),
        files: [
            (
                "cookieFile".to_owned(),
                FileContent::new(&b"\xff\0cookie"[..]),
            ),
            ("keyFile".to_owned(), FileContent::new("key")),
        ]
        .into(),
        ..Source::default()
    };
    let (document, bytes) = source.to_wire();
    assert!(!document.windows(6).any(|part| part == b"cookie\""));
    let read = Source::from_wire(&document, &bytes).unwrap();
    assert_eq!(read, source);
    assert_eq!(read.file("cookieFile"), Some(&b"\xff\0cookie"[..]));
    assert!(Source::from_wire(&document, &bytes[1..]).is_err());
    let endless = br#"{"options":{"a":{"from":9007199254740991,"length":9007199254740991}}}"#;
    assert!(Source::from_wire(endless, b"").is_err());
}

#[test]
fn bodies_of_a_batch_come_back_to_their_requests() {
    let body = |text: &str| {
        HttpRequest::new("POST", "https://x", &Auth::None).with_body("text/plain", text)
    };
    let sent = BatchRequest {
        requests: vec![body("ab"), body(""), body("cde")],
    };
    let mut batch = sent.clone();
    let joined = batch.join();
    let mut read: BatchRequest = parse(&write(&batch)).unwrap();
    read.part(&joined).unwrap();
    let bodies: Vec<_> = read
        .requests
        .iter()
        .map(|request| request.body.as_slice())
        .collect();
    assert_eq!(bodies, [&b"ab"[..], b"", b"cde"]);
    assert!(read.part(b"abcd").is_err());
}

#[test]
fn protocols_meet_or_do_not() {
    let range = |from, to| Protocols { from, to };
    assert_eq!(range(1, 3).common(&range(2, 5)), Some(3));
    assert_eq!(range(1, 1).common(&range(1, 1)), Some(1));
    assert_eq!(range(1, 1).common(&range(2, 5)), None);
    assert_eq!(range(2, 5).common(&range(1, 1)), None);
}
