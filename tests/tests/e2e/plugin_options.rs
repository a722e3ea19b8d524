//! What of a source's configuration reaches its plugin: its own keys, its type, whom it trusts, and its
//! environment.

use forgekeep_tests::{Logged, Run};
use serde_json::{Value, json};

use crate::faults::proxy::{Manners, proxy};
use crate::plugin_calls::{Beside, SECRET};
use crate::support::{error, files, notes, source};

/// A source of the misbehaving plugin with more keys, or other values for those that all have.
fn odd(title: &str, keys: &Value) -> Value {
    let mut odd =
        json!({"title": title, "hoster": "misbehaving", "name": "acme", "password": SECRET});
    for (key, value) in keys.as_object().unwrap() {
        odd[key] = value.clone();
    }
    odd
}

/// Panics unless each of these is a note of a source.
#[track_caller]
fn assert_noted(run: &Run, title: &str, lines: &[&str]) {
    let notes = notes(run, title);
    for line in lines {
        assert!(notes.lines().any(|note| note == *line), "{line}: {notes}");
    }
}

#[test]
fn own_options_of_each_kind_reach_the_plugin() {
    let beside = Beside::new();
    let sandbox = &beside.world.sandbox;
    sandbox.write("groups.txt", "# one\n\n two \nthree\n");
    sandbox.write("rules.bin", [0, 255, 10]);
    sandbox.write("key.pem", "a-signing-key-of-37-characters-0123456");
    sandbox.write("api-key", "api-key-0815-4711\n");
    let all = json!({
        "type": "Group", "region": "eu", "pageSize": 50, "snippets": true, "groups": "groups.txt",
        "apiKeyFile": "api-key", "rules": "rules.bin", "signingKey": "key.pem", "mode": "fast",
    });
    let few = json!({"groups": ["a", "b"], "apiKey": "%API_KEY%", "pageSize": -7});
    let sources = [
        odd("all", &all),
        odd("few", &few),
        odd("none", &json!({})),
        beside.world.source(),
    ];
    beside.world.configure(&sources);
    let backup = beside.invoke(&["backup", "-vvv"], "options");
    let run = backup.env("API_KEY", "api-key-of-the-environment").run();
    let run = beside.assert_good("options", run).expect(0);
    let of_all = [
        "type is group",
        r#"region is Text("eu")"#,
        "pageSize is Number(50)",
        "snippets is Flag(true)",
        r##"groups is List(["# one", "two", "three"])"##,
        r#"mode is Text("fast")"#,
        "password has 23",
        "apiKey has 17",
        "rules has 3",
        "signingKey has 38",
    ];
    assert_noted(&run, "all", &of_all);
    let of_few = [
        "type is ",
        r#"groups is List(["a", "b"])"#,
        "pageSize is Number(-7)",
        r#"mode is Text("safe")"#,
        "apiKey has 26",
    ];
    assert_noted(&run, "few", &of_few);
    let of_none = ["type is ", r#"mode is Text("safe")"#, "password has 23"];
    assert_noted(&run, "none", &of_none);
    for absent in ["region", "groups", "apiKey", "rules", "signingKey"] {
        assert!(!notes(&run, "none").contains(absent), "{run:#?}");
    }
    // They are secrets everywhere else.
    let said = format!("{run:?}");
    for secret in ["api-key-0815", "api-key-of-the", "a-signing-key"] {
        assert!(!said.contains(secret), "{said}");
        for file in files(&sandbox.backup()) {
            let content = std::fs::read(&file).unwrap();
            let content = String::from_utf8_lossy(&content);
            assert!(!content.contains(secret), "{file:?}");
        }
    }
}

#[test]
fn a_key_or_a_word_that_the_plugin_does_not_know_is_told_with_the_nearest() {
    let beside = Beside::new();
    let list = |keys: Value| {
        beside.world.configure(&[odd("odd", &keys)]);
        beside.invoke(&["list"], "options").run()
    };
    for kind in ["user", "org", "group"] {
        list(json!({"type": kind})).expect(0);
    }
    let cases = [
        (json!({"type": "groups"}), "`group`"),
        (json!({"type": "team"}), "`user`, `org` or `group`"),
        (json!({"mode": "fats"}), "`fast`"),
        (json!({"pageSize": "many"}), "pageSize"),
        (json!({"rules": "not-there.txt"}), "rules"),
    ];
    for (keys, hint) in cases {
        let run = list(keys).expect(10);
        assert!(run.stderr.contains(hint), "{}", run.stderr);
        assert!(run.stderr.contains("settings.yml"), "{}", run.stderr);
    }
    let run = list(json!({"pagesize": 50})).expect(0);
    assert!(run.stderr.contains("`pageSize`"), "{}", run.stderr);
}

/// Requests that have come to a host, by its name.
fn to_host(requests: Vec<Logged>, host: &str) -> Vec<Logged> {
    let names_host = |request: &Logged| {
        let mut headers = request.headers.iter();
        headers.any(|(name, value)| name.eq_ignore_ascii_case("host") && value == host)
    };
    requests.into_iter().filter(names_host).collect()
}

/// What became of sources that send their credentials to a host, which is not that of their API.
fn sent_to(beside: &Beside, host: &str, sources: &[Value]) -> Run {
    let mut sources = sources.to_vec();
    for source in &mut sources {
        source["allowInsecureHttp"] = true.into();
    }
    sources.push(beside.world.source());
    beside.world.configure(&sources);
    let folder = beside.world.sandbox.path(format!("plugins-{host}"));
    let file = folder.join(crate::support::plugin_file("misbehaving"));
    let origin = format!("http://{host}");
    forgekeep_tests::write_misbehaving(&file, "direct-origin", "http://forge.test", &origin);
    beside.world.forge.reset_log();
    let backup = beside.world.forgekeep(&["backup"]);
    let run = backup
        .args(&["--plugin-dir", folder.to_str().unwrap()])
        .env("HTTP_PROXY", proxy(&beside.world, Manners::Connects))
        .env("NO_PROXY", "127.0.0.1")
        .run();
    beside.assert_good("direct-origin", run)
}

#[test]
fn trusted_origins_get_credentials_also_where_a_source_has_an_api_of_its_own() {
    let beside = Beside::new();
    let api = "http://forge.test";
    let host = "files.other.test";
    let trusted = [
        odd(
            "by-key",
            &json!({"apiUrl": api, "trustedOrigins": ["http://files.other.test"]}),
        ),
        odd(
            "by-option",
            &json!({"apiUrl": api, "mirrorUrl": "http://files.other.test/mirror"}),
        ),
        odd(
            "by-key-alone",
            &json!({"trustedOrigins": ["http://files.other.test/"]}),
        ),
    ];
    let run = sent_to(&beside, host, &trusted).expect(0);
    let asked = to_host(beside.world.forge.requests(), host);
    assert_eq!(asked.len(), trusted.len(), "{run:#?}");
    for request in asked {
        let seen = format!("{request:?}");
        assert!(seen.contains(SECRET), "{seen}");
    }
    let others = [
        odd("nobody", &json!({"apiUrl": api})),
        odd(
            "another",
            &json!({"apiUrl": api, "trustedOrigins": ["http://other.test"]}),
        ),
        odd(
            "port",
            &json!({"apiUrl": api, "trustedOrigins": ["http://files.other.test:81"]}),
        ),
    ];
    let run = sent_to(&beside, host, &others).expect(3);
    for title in ["nobody", "another", "port"] {
        let said = error(source(&run, title));
        assert!(said.starts_with("policy: "), "{said}");
        assert!(said.contains(host), "{said}");
    }
    let asked = to_host(beside.world.forge.requests(), host);
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn origins_that_follow_from_an_api_count_for_it_alone() {
    let beside = Beside::new();
    let host = "gist.own.test";
    let sources = [
        odd("own", &json!({"apiUrl": "http://own.test"})),
        odd("another", &json!({"apiUrl": "http://another.test"})),
    ];
    let run = sent_to(&beside, host, &sources).expect(3);
    let asked = to_host(beside.world.forge.requests(), host);
    assert_eq!(asked.len(), 1, "{run:#?}");
    assert!(format!("{asked:?}").contains(SECRET), "{asked:?}");
    assert!(error(source(&run, "another")).starts_with("policy: "));
    // With the hoster's own API, what the manifest names counts, and not what would follow.
    let host = "gist.forge.test";
    let run = sent_to(&beside, host, &[odd("hosters", &json!({}))]).expect(3);
    assert!(error(source(&run, "hosters")).starts_with("policy: "));
    let asked = to_host(beside.world.forge.requests(), host);
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn of_the_environment_a_plugin_gets_what_its_source_names() {
    let beside = Beside::new();
    let named = json!({"pluginEnvironment": ["FORGEKEEP_NAMED", "FORGEKEEP_NOT_SET"]});
    let sources = [
        odd("named", &named),
        odd("nothing", &json!({})),
        beside.world.source(),
    ];
    beside.world.configure(&sources);
    let backup = beside.invoke(&["backup"], "environment");
    let run = backup
        .env("FORGEKEEP_NAMED", "for the plugin")
        .env("FORGEKEEP_OTHER", "for nobody")
        .env("LANG", "de_DE.UTF-8")
        .run();
    let run = beside.assert_good("environment", run).expect(0);
    assert_noted(
        &run,
        "named",
        &["FORGEKEEP_NAMED is for the plugin", "LANG is de_DE.UTF-8"],
    );
    assert_noted(&run, "nothing", &["LANG is de_DE.UTF-8"]);
    for title in ["named", "nothing"] {
        for line in notes(&run, title).lines() {
            let (name, _) = line.split_once(" is ").unwrap();
            let of_all = ["LANG", "LC_ALL", "TZ", "RUST_BACKTRACE"].contains(&name);
            let is_named = title == "named" && name == "FORGEKEEP_NAMED";
            assert!(of_all || is_named, "{title}: {line}");
        }
    }
}
