//! A document from a plugin: any bytes, no panic, and what is taken is written so that it is taken again.
#![no_main]

use forgekeep_plugin_documents::{Access, HosterError, Manifest, Page, Source, parse, write};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(page) = parse::<Page>(bytes) {
        assert_eq!(parse::<Page>(&write(&page)).as_ref(), Ok(&page));
    }
    if let Ok(source) = parse::<Source>(bytes) {
        assert_eq!(parse::<Source>(&write(&source)).as_ref(), Ok(&source));
    }
    let _ = parse::<Access>(bytes);
    let _ = parse::<HosterError>(bytes);
    let _ = parse::<Manifest>(bytes);
});
