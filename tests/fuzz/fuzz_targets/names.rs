//! A name from a hoster: one path component, and back.
#![no_main]

use forgekeep_untrusted::names;

libfuzzer_sys::fuzz_target!(|name: &str| {
    let folder = names::encode_full_name(name);
    assert!(!folder.is_empty() && folder != "." && folder != "..");
    assert!(!folder.contains(['/', '\\', '\0']));
    let component = names::encode_component(name);
    if let Some(decoded) = names::decode_component(&component) {
        assert_eq!(decoded, name);
    }
});
