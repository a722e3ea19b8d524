//! A server's list of refs: any bytes, no panic, and no ref outside `refs/`.
#![no_main]

use forgekeep_protocol::Advertisement;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = Advertisement::parse(bytes) {
        assert!(read.refs.keys().all(|name| name.starts_with(b"refs/")));
    }
});
