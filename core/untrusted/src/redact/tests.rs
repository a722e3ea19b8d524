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
    assert_eq!(format!("{:?}", self::redactor("a")), "Redactor(0 forms)");
    assert!(!format!("{redactor:?}").contains("secret"));
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
