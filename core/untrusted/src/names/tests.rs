use std::collections::HashMap;
use std::path::{Component, Path};

use proptest::prelude::*;

use super::*;

/// Names with many of the characters that need care.
fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-c./\\\\~#% \u{202e}\u{e9}\u{301}0-9]{0,12}",
        "(con|NUL|com[0-9¹²³]|Lpt1|aux)[ .]{0,2}[a-z]{0,3}",
        "[a-z]{0,3}~[0-9a-fA-F]{7,17}",
        "[a-zé/ .%]{150,260}",
    ]
}

fn assert_safe(encoded: &str) {
    assert!(!encoded.is_empty());
    assert!(encoded.len() <= MAX_COMPONENT_BYTES);
    assert!(!encoded.contains(['<', '>', ':', '"', '|', '?', '*', '\\', '/']));
    assert!(!encoded.chars().any(is_unprintable), "{encoded:?}");
    assert!(!encoded.starts_with(['.', ' ']) && !encoded.ends_with(['.', ' ']));
    let mut components = Path::new(encoded).components();
    assert!(matches!(components.next(), Some(Component::Normal(_))));
    assert!(components.next().is_none());
    let stem = encoded.split('.').next().unwrap().trim_end_matches(' ');
    assert!(!is_reserved_on_windows(stem), "{encoded:?}");
}

proptest! {
    #[test]
    fn a_component_is_safe_and_comes_back(name in awkward()) {
        let encoded = encode_component(&name);
        assert_safe(&encoded);
        match decode_component(&encoded) {
            Some(decoded) => prop_assert_eq!(decoded, name),
            None => prop_assert!(encoded.len() > 180 && ends_with_hash(&encoded)),
        }
    }

    #[test]
    fn a_full_name_is_safe_and_comes_back(name in awkward()) {
        let encoded = encode_full_name(&name);
        assert_safe(&encoded);
        match decode_full_name(&encoded) {
            Some(decoded) => prop_assert_eq!(decoded, name),
            None => prop_assert!(encoded.len() > 180 && ends_with_hash(&encoded)),
        }
    }

    #[test]
    fn no_two_names_share_a_component(names in prop::collection::vec(awkward(), 2..20)) {
        let mut seen: HashMap<String, String> = HashMap::new();
        for name in names {
            let earlier = seen.insert(encode_component(&name), name.clone());
            prop_assert!(earlier.is_none_or(|earlier| earlier == name));
        }
    }

    #[test]
    fn decoding_anything_does_not_panic(text in any::<String>()) {
        decode_component(&text);
        decode_full_name(&text);
    }

    #[test]
    fn printable_is_idempotent(text in any::<String>()) {
        let once = printable(&text).into_owned();
        prop_assert!(is_printable(&once));
        prop_assert_eq!(printable(&once), once.as_str());
    }

    #[test]
    fn collision_keys_ignore_case_and_normal_form(name in any::<String>()) {
        let key = collision_key(&name);
        prop_assert_eq!(collision_key(&name.nfd().collect::<String>()), key.clone());
        prop_assert_eq!(collision_key(&name.nfc().collect::<String>()), key);
    }

    #[test]
    fn case_alone_collides(name in "[a-zA-Z0-9äÖß./-]{0,20}") {
        prop_assert_eq!(collision_key(&name.to_uppercase()), collision_key(&name));
        prop_assert_eq!(collision_key(&name.to_lowercase()), collision_key(&name));
    }
}

#[test]
fn plain_names_stay_as_they_are() {
    for name in [
        "web",
        "web.git",
        "a b",
        "-x",
        "Ünïcode",
        "日本",
        "a~b",
        "con#x",
        "com10",
        "C#",
    ] {
        assert_eq!(encode_component(name), name);
    }
    assert_eq!(encode_full_name("acme/web"), "acme#web");
    assert_eq!(encode_full_name("acme/.github"), "acme#.github");
    assert_eq!(encode_full_name("group/sub/web.js"), "group#sub#web.js");
}

#[test]
fn the_rest_is_encoded() {
    for (name, encoded) in [
        ("", "%"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "%2E.%2E"),
        (".git", "%2Egit"),
        (" a. ", "%20a.%20"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("100%", "100%25"),
        ("a\u{1b}[2J", "a%1B[2J"),
        ("a\u{202e}b", "a%E2%80%AEb"),
        ("CON", "%43ON"),
        ("nul.tar.gz", "%6Eul.tar.gz"),
        ("com¹ .x", "%63om¹ .x"),
        ("x~0123abcd", "x%7E0123abcd"),
        ("x~0123456789ABCDEF", "x%7E0123456789ABCDEF"),
    ] {
        assert_eq!(encode_component(name), encoded, "{name:?}");
    }
    assert_eq!(encode_full_name("acme/c#"), "acme#c%23");
    assert_eq!(encode_full_name("../etc"), "%2E.#etc");
}

#[test]
fn long_names_are_cut_and_stay_apart() {
    let first = encode_component(&format!("{}1", "é".repeat(120)));
    let second = encode_component(&format!("{}2", "é".repeat(120)));
    assert_ne!(first, second);
    assert!(first.len() <= MAX_COMPONENT_BYTES && first.len() > 195);
    assert_eq!(decode_component(&first), None);
    // The hash decides names on disk: it must not change between versions.
    assert_eq!(stable_hash("a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(
        with_suffix("acme#Web", "{1}"),
        with_suffix("acme#Web", "{1}")
    );
    assert_ne!(
        with_suffix("acme#Web", "{1}"),
        with_suffix("acme#Web", "{2}")
    );
}

#[test]
fn file_systems_that_ignore_case_are_honoured() {
    for (one, other) in [
        ("Web", "wEB"),
        ("Straße", "STRASSE"),
        ("é", "e\u{301}"),
        ("ΟΔΟΣ", "οδος"),
        ("K", "\u{212a}"),
    ] {
        assert_eq!(collision_key(one), collision_key(other), "{one} {other}");
    }
    assert_ne!(collision_key("web"), collision_key("wep"));
}

#[test]
fn printable_escapes_what_a_terminal_would_obey() {
    assert_eq!(
        printable("a\u{1b}[31m\n\u{202e}é"),
        "a\\u{1b}[31m\\u{a}\\u{202e}é"
    );
}
