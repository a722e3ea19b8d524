use proptest::prelude::*;

use super::*;

const OURS: &[u8] = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

fn split(text: &str) -> (String, String) {
    let (kept, taken) = Config::parse(text.as_bytes()).unwrap().split(&|_, _| false);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(kept), text(taken))
}

#[test]
fn what_git_writes_stays_as_it_is() {
    let config = Config::parse(OURS).unwrap();
    assert_eq!(config.split(&|_, _| false), (OURS.to_vec(), Vec::new()));
    assert_eq!(config.boolean("core", "bare"), Some(true));
    assert_eq!(config.steering(), Vec::<Untrusted>::new());
}

#[test]
fn every_key_that_steers_is_found_however_it_is_written() {
    let text = "[CORE] bare=yes\n\tFSMonitor = \"/bin/x ; y\" ; z\n[Core]\nHooksPath=a\\\nb\n\
        [url \"http://evil/\"]\n\tinsteadOf = https://good/\n\tInsteadOf = two\n\
        [include] path = /etc/passwd\n[includeIf \"gitdir:/\"]\npath = x\n\
        [filter \"a\\\"b\\\\c\"]\nclean\n[http.HTTPS://x.Y]\nproxy = # none\n\
        [remote \"origin\"]\nurl = \"a\" b  \"c\" # d\n[gc]\nauto = 0\n";
    let config = Config::parse(text.as_bytes());
    // A colon and slashes are not for the old way of naming a subsection.
    assert!(config.unwrap_err().starts_with("line 14"));
    let text = text.replace("http.HTTPS://x.Y", "http.HTTPS.x.Y");
    let config = Config::parse(text.as_bytes()).unwrap();
    assert_eq!(
        config.steering(),
        [
            "core.FSMonitor",
            "core.HooksPath",
            "url.http://evil/.insteadOf",
            "url.http://evil/.InsteadOf",
            "include.path",
            "includeif.gitdir:/.path",
            "filter.a\"b\\c.clean",
            "http.https.x.y.proxy",
            "remote.origin.url",
        ]
    );
    let (kept, taken) = split(&text);
    assert_eq!(kept, "[core]\n\tbare = yes\n[gc]\n\tauto = 0\n");
    for line in [
        "\tFSMonitor = \"/bin/x ; y\"\n",
        "\tHooksPath = ab\n",
        "[url \"http://evil/\"]\n\tinsteadOf = https://good/\n\tInsteadOf = two\n",
        "[filter \"a\\\"b\\\\c\"]\n\tclean = true\n",
        "[remote \"origin\"]\n\turl = a b  c\n",
    ] {
        assert!(taken.contains(line), "{taken}");
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    for text in [
        "bare = true\n",
        "[core\n",
        "[core]\nbare true\n",
        "[core]\n= true\n",
        "[core \"a]\nx\n",
        "[core a]\n",
        "[]\n",
        "[core]\nbare = \"true\n",
        "[core]\nbare = \\q\n",
        "[core]\n\0\n",
        "[co\u{e4}]\n",
    ] {
        assert!(Config::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    let many = format!("[a]\n{}", "b\n".repeat(MOST + 1));
    assert!(Config::parse(many.as_bytes()).is_err());
    assert!(Config::parse(b"\xef\xbb\xbf[core]\r\n\tbare = false\r\n").is_ok());
}

#[test]
fn the_last_value_counts_and_can_be_replaced() {
    let mut config = Config::parse(b"[core]\nbare = false\n[x]\ny=1\n[core]\nbare\n").unwrap();
    assert_eq!(config.boolean("core", "bare"), Some(true));
    config.set_core("bare", "true");
    config.set_core("repositoryformatversion", "0");
    let (kept, _) = config.split(&|_, _| false);
    let wanted = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
    assert_eq!(String::from_utf8(kept).unwrap(), wanted);
}

#[test]
fn extensions_are_named_with_their_values() {
    let config = Config::parse(b"[extensions]\nRefStorage = Reftable\nnoop\n").unwrap();
    let wanted = [("refstorage", "reftable"), ("noop", "true")];
    assert_eq!(
        config.extensions(),
        wanted.map(|(name, value)| (name.into(), value.into()))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Config::parse(&text);
    }

    /// What is written has the meaning of what was read.
    #[test]
    fn values_are_written_as_read(value in proptest::collection::vec(1_u8..=255, 0..40)) {
        let value: Vec<u8> = value.into_iter().filter(|byte| *byte != b'\r').collect();
        let entry = ConfigEntry {
            section: "a".to_owned(),
            subsection: Some(b"b\"\\c".to_vec()),
            key: "k".to_owned(),
            value: Some(value.clone()),
        };
        let text = [entry.header(), entry.line()].concat();
        let read = Config::parse(&text).unwrap();
        let entries: Vec<_> = read.entries().collect();
        prop_assert_eq!(entries.len(), 1);
        prop_assert_eq!(entries[0].value.as_deref(), Some(&value[..]));
        prop_assert_eq!(entries[0].subsection.as_deref(), Some(&b"b\"\\c"[..]));
    }
}

proptest! {
    /// Texts that come far: pieces of the syntax in any order, and bytes between them.
    #[test]
    fn whatever_looks_like_a_configuration_is_survived(pieces in proptest::collection::vec(
        prop_oneof![
            6 => proptest::sample::select(vec![
                "[core]", "[core", "[", "]", "[url \"", "\"]", "[gc \"a\\\"b\"]", "[a.b.c]", "[\"", "\"",
                "\\", "\\\n", "\\\r\n", "\\q", "\n", "\r", "\r\n", "\t", " ", "=", " = ", "#", ";", "bare",
                "bare = true\n", "repositoryformatversion = 1\n", "[extensions]\n", "refStorage = reftable\n",
                "\u{feff}", "\0", "x", "-", "9", "\u{e9}",
            ]).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ],
        0..40,
    )) {
        let text = pieces.concat();
        let Ok(mut config) = Config::parse(&text) else {
            return Ok(());
        };
        let _ = (config.extensions(), config.boolean("core", "bare"));
        config.set_core("bare", "true");
        let (kept, taken) = config.split(&|_, _| false);
        // What stays steers nothing, and both can be read again.
        let kept = Config::parse(&kept);
        prop_assert!(kept.is_ok(), "{kept:?}");
        let kept = kept.unwrap();
        prop_assert_eq!(kept.steering(), Vec::<Untrusted>::new());
        prop_assert_eq!(kept.boolean("core", "bare"), Some(true));
        prop_assert!(Config::parse(&taken).is_ok());
    }
}
