//! A configuration in YAML: any text, no panic; and a masked copy never fails where parsing works.
#![no_main]

use std::path::Path;

use forgekeep_config as config;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let path = Path::new("fuzz.yaml");
    let variable = |_: &str| Some("value".to_owned());
    if config::parse(text, path, &variable).is_ok() {
        config::masked_copy(text, path).expect("what can be read can be copied");
    }
});
