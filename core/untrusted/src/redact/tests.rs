use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

use super::*;

fn redactor(secret: &str) -> Redactor {
    Redactor::new(&[&Secret::new(secret)])
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn every_byte(text: &str, before: &str, after: &str) -> String {
    let bytes = text.bytes();
    bytes.map(|b| format!("{before}{b:02X}{after}")).collect()
}

/// Everything that somebody may make of a secret.
fn made_of(secret: &str) -> Vec<String> {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap();
    let entities: String = secret
        .chars()
        .map(|c| format!("&#{};", u32::from(c)))
        .collect();
    let escaped: String = secret
        .chars()
        .map(|c| c.escape_unicode().to_string())
        .collect();
    let hex_entities: String = secret
        .chars()
        .map(|c| format!("&#x{:X};", u32::from(c)))
        .collect();
    let units: String = secret
        .encode_utf16()
        .map(|u| format!("\\u{u:04X}"))
        .collect();
    let mut all = vec![
        secret.to_owned(),
        secret.to_ascii_uppercase(),
        hex(secret),
        hex(secret).to_uppercase(),
        form.clone(),
        form.to_lowercase(),
        form.replace('+', "%20"),
        every_byte(secret, "%", ""),
        every_byte(secret, "%25", ""),
        form.replace('%', "%25"),
        form.replace('%', "%25").to_lowercase(),
        every_byte(secret, "\\x", ""),
        units.to_lowercase(),
        hex_entities.to_lowercase(),
        every_byte(secret, "=", ""),
        json.replace('/', "\\/"),
        serde_json::to_string(&json).unwrap(),
        entities,
        hex_entities,
        escaped,
        units,
        format!("{secret:?}"),
        secret
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
    ];
    for user in ["", "a:", "ab:", "dev@example.com:"] {
        let pair = format!("{user}{secret}");
        all.extend([STANDARD.encode(&pair), URL_SAFE.encode(&pair)]);
        all.push(every_byte(&STANDARD.encode(&pair), "%", ""));
        all.push(every_byte(&STANDARD.encode(&pair), "%25", ""));
        all.push(STANDARD.encode(&pair).replace('/', "\\/"));
        all.push(hex(&pair));
        // With something behind it, of every length.
        for end in ["\n", ":x", "xyz"] {
            let longer = format!("{pair}{end}");
            all.extend([STANDARD.encode(&longer), URL_SAFE.encode(&longer)]);
        }
    }
    all
}

#[test]
fn every_form_is_found() {
    for secret in [
        "ATATT3x+/secret=",
        "tö k\"e'n\\<&>%41\n😀!",
        "%2541=41&#65;\\u0041",
    ] {
        let redactor = redactor(secret);
        for form in made_of(secret) {
            let text = format!("refused: {form}, sorry");
            let clean = redactor.clean(&text);
            assert!(clean.contains(REDACTED), "{form}: {clean}");
            assert!(clean.starts_with("refused: "), "{clean}");
            assert!(clean.ends_with(", sorry"), "{form}: {clean}");
            assert!(!redactor.finds(&clean), "{clean}");
        }
    }
}

#[test]
fn other_text_is_left_alone() {
    let redactor = redactor("ATATT3x+/secret=");
    for text in [
        "nothing to see",
        "100%",
        "\\",
        "&amp; &; %zz =3",
        "\\u{}\\u12 \\x",
    ] {
        assert!(matches!(redactor.clean(text), Cow::Borrowed(_)), "{text}");
    }
    // Too short to look for.
    assert_eq!(self::redactor("a").clean("banana"), "banana");
    assert_eq!(format!("{:?}", self::redactor("a")), "Redactor(1 secrets)");
}

#[test]
fn json_stays_json() {
    let redactor = redactor("se\"cret\\");
    let document = serde_json::json!({"b": "x se\"cret\\", "a": ["se\"cret\\\"", 1], "c": "\\"});
    let text = serde_json::to_string_pretty(&document).unwrap();
    let clean = redactor.clean_json(&text);
    let found: serde_json::Value = serde_json::from_str(&clean).unwrap();
    let wanted = serde_json::json!({"b": "x **redacted**", "a": ["**redacted**\"", 1], "c": "\\"});
    assert_eq!(found, wanted);
    assert!(matches!(
        redactor.clean_json("{\"a\": 1}"),
        Cow::Borrowed(_)
    ));
    // A long one, too.
    let document = serde_json::json!({"a": "x".repeat(MAX_DECODED), "b": "se\"cret\\"});
    let clean = redactor.clean_json(&document.to_string()).into_owned();
    assert!(clean.contains("\"**redacted**\""));
}

proptest! {
    #[test]
    fn no_secret_passes_in_any_form(secret in "\\PC{6,40}", before in "\\PC{0,10}", after in "\\PC{0,10}") {
        prop_assume!(secret.trim().len() >= SHORTEST);
        let redactor = redactor(&secret);
        for form in made_of(&secret) {
            prop_assert!(redactor.finds(&format!("{before} {form} {after}")), "{form}");
        }
    }

    #[test]
    fn any_text_can_be_cleaned(text in "([%\\\\&=#;xu{}0-9a-f]|\\PC){0,60}") {
        let redactor = redactor("abc%41def");
        let clean = redactor.clean(&text).into_owned();
        prop_assert!(redactor.finds(&text) || clean == text);
        let document = serde_json::json!({"a": text}).to_string();
        let clean = redactor.clean_json(&document).into_owned();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&clean).is_ok());
    }
}

#[test]
fn a_secret_that_is_told_later_is_taken_out_by_all_who_share_it() {
    let run = Redactor::new(&[&Secret::new("configured-token")]);
    let shared = run.clone();
    assert_eq!(shared.clean("minted-token-1"), "minted-token-1");
    for number in 1..40 {
        let index = run.add(&Secret::new(format!("minted-token-{number}")));
        assert_eq!(index, number);
        assert_eq!(
            run.add(&Secret::new(format!("minted-token-{number}"))),
            number
        );
    }
    for number in 1..40 {
        let text = format!("a minted-token-{number}.");
        assert_eq!(shared.clean(&text), format!("a {REDACTED}."), "{text}");
    }
    assert_eq!(shared.clean("configured-token"), REDACTED);
    // None was forgotten when the layers grew together.
    let layers = &run.known.read().layers;
    let together: usize = layers.iter().map(|layer| layer.secrets.len()).sum();
    assert_eq!(together, 40);
    assert!(layers.len() <= 6, "{}", layers.len());
}

#[test]
fn a_redactor_does_not_show_what_it_knows() {
    assert!(!format!("{:?}", redactor("s3cret-value")).contains("s3cret"));
}

#[test]
fn it_is_told_which_secret_is_where() {
    let run = Redactor::new(&[&Secret::new("first-secret"), &Secret::new("second-secret")]);
    let found = |text: &str| run.found_in(text.as_bytes(), 8);
    assert_eq!(found("nothing"), BTreeSet::new());
    assert_eq!(found("x second-secret"), BTreeSet::from([1]));
    assert_eq!(found(&hex("first-secret")), BTreeSet::from([0]));
    let pair = STANDARD.encode("somebody:second-secret");
    assert_eq!(
        found(&format!("{pair} first%2Dsecret")),
        BTreeSet::from([0, 1])
    );
    assert_eq!(run.found_in(b"first-secret", 13), BTreeSet::new());
}

#[test]
fn no_length_hides_a_secret_that_is_escaped() {
    let run = Redactor::new(&[&Secret::new("first-secret")]);
    let escaped = every_byte("first-secret", "%", "");
    for before in [
        0,
        MAX_DECODED - 20,
        MAX_DECODED - LONGEST - 7,
        3 * MAX_DECODED,
    ] {
        let mut body = vec![b'a'; before];
        body.extend(escaped.bytes());
        body.extend(vec![b'a'; 2 * MAX_DECODED]);
        assert_eq!(run.found_in(&body, 8), BTreeSet::from([0]), "{before}");
    }
}
