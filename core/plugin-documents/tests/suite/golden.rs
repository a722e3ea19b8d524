//! The documents of protocol 1 as they are on the wire. New ones are added, old ones never edited: a
//! plugin that was built with them has to be understood for as long as ABI 1 is.

mod services;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use forgekeep_plugin_documents::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/protocol-1")
}

/// The file means this value, and this value is written as the file has it.
fn golden<T: Document + Serialize + PartialEq + Debug>(name: &str, value: &T) {
    let file = folder().join(name);
    let written: serde_json::Value = serde_json::from_slice(&write(value)).unwrap();
    if std::env::var_os("FORGEKEEP_ADD_GOLDEN").is_some() && !file.exists() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(
            &file,
            serde_json::to_string_pretty(&written).unwrap() + "\n",
        )
        .unwrap();
    }
    let text = fs::read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(&parse::<T>(&text).unwrap(), value, "{name}");
    let kept: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(written, kept, "{name}");
}

fn time(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn finding() -> Finding {
    Finding::new(Severity::Warning, "password", "the token ends in 3 days").with_hint("renew it")
}

fn repository() -> Repository {
    Repository {
        id: "{0de4fb31}".into(),
        handle: "r/7".into(),
        full_name: "acme/web".into(),
        visibility: Visibility::Private,
        archived: true,
        fork: true,
        mirror: true,
        attributes: Attributes {
            topics: words(&["backup"]),
            languages: words(&["Rust", "C"]),
            pushed_at: time("2026-11-30T08:15:30Z"),
        },
        refs: vec![
            RefAdvice {
                pattern: "refs/pull/*/merge".into(),
                advice: Advice::Volatile,
            },
            RefAdvice {
                pattern: "refs/pull/*".into(),
                advice: Advice::NotPushed,
            },
        ],
        owner: Owner {
            id: "42".into(),
            name: "acme".into(),
        },
        parts: vec![
            Part {
                kind: PartKind::Git,
                url: "https://git.example/acme/web.git".into(),
                version: Some("2026-11-30T08:15:30Z".into()),
                default_branch: Some("main".into()),
                size: Some(9_007_199_254_740_991),
                ..Part::default()
            },
            Part {
                kind: PartKind::Snippets,
                id: "5".into(),
                name: "a snippet".into(),
                url: "https://git.example/snippets/5.git".into(),
                ..Part::default()
            },
            Part::new(PartKind::Other("boards".into()), ""),
        ],
        skip: Some("kept by another system than git".into()),
        ..Repository::default()
    }
}

fn ssh_with_a_path() -> Access {
    Access::ssh(Ssh {
        user: "git".into(),
        host: "git.example".into(),
        path: "acme/web.git".into(),
        upload_pack: "/opt/git/bin/git-upload-pack".into(),
        ..Ssh::default()
    })
}

fn page_of_doomed() -> Page {
    let doomed = Repository {
        deletion_scheduled: true,
        ..Repository::new("h/x", "h/x", "https://h/x")
    };
    Page {
        repositories: vec![doomed],
        ..Page::default()
    }
}

fn page_of_named() -> Page {
    let mut named = Repository::new("h/x", "h/x", "ssh://git@h/x");
    named.parts[0].named = true;
    Page {
        repositories: vec![named],
        ..Page::default()
    }
}

fn nameless() -> Manifest {
    let mut urls = OptionSpec::new("urls", OptionKind::List, "Addresses").required();
    urls.trusted_origin = true;
    Manifest {
        id: "git".into(),
        version: "1.0.0".into(),
        options: vec![urls],
        nameless: true,
        ..Manifest::default()
    }
}

#[test]
fn to_the_plugin() {
    let hello = HelloRequest {
        protocols: Protocols::ours(),
        features: words(&["batch"]),
        host: "forgekeep 1.0.0".into(),
    };
    golden("to-plugin-hello.json", &hello);
    golden("to-plugin-nothing.json", &Done::default());
    let options = BTreeMap::from([
        (
            "oauthUrl".into(),
            OptionValue::Text("https://a.example".into()),
        ),
        ("installationId".into(), OptionValue::Number(-7)),
        ("includeGists".into(), OptionValue::Flag(true)),
        (
            "urls".into(),
            OptionValue::List(words(&["https://x", "ssh://y"])),
        ),
        (
            "cookieFile".into(),
            OptionValue::File(Span {
                from: 0,
                length: 12,
            }),
        ),
    ]);
    let source = Source {
        title: "acme".into(),
        name: "acme".into(),
        kind: "org".into(),
        auth_name: "dev".into(),
        api_auth_name: "dev@example.com".into(),
        secrets: BTreeMap::from([("password".into(), "hunter2".into())]),
        api_url: "https://api.example".into(),
        options,
        target: true,
        ..Source::default()
    };
    golden("to-plugin-source.json", &source);
    let by_ssh = Source {
        title: "acme".into(),
        name: "acme".into(),
        protocol: Protocol::Ssh,
        ..Source::default()
    };
    golden("to-plugin-source-ssh.json", &by_ssh);
    golden(
        "to-plugin-check.json",
        &CheckRequest {
            purpose: Purpose::Target,
            ..CheckRequest::default()
        },
    );
    golden(
        "to-plugin-check-target.json",
        &CheckRequest {
            purpose: Purpose::Target,
            names: words(&["sub/web"]),
        },
    );
    let target = Source {
        title: "new home".into(),
        name: "acme".into(),
        target: true,
        project: "SITE".into(),
        ..Source::default()
    };
    golden("to-plugin-source-target.json", &target);
    golden(
        "to-plugin-list.json",
        &ListRequest {
            cursor: Some("2".into()),
        },
    );
    let access = AccessRequest {
        id: "{0de4fb31}".into(),
        handle: "r/7".into(),
        full_name: "acme/web".into(),
        part: PartRef {
            kind: PartKind::Wiki,
            id: "w".into(),
        },
        url: "https://git.example/acme/web.wiki.git".into(),
        deed: Deed::Push,
        refused_before: true,
    };
    golden("to-plugin-access.json", &access);
    let lookup = LookupRequest {
        id: "{0de4fb31}".into(),
        handle: "r/7".into(),
        full_name: "acme/web".into(),
    };
    golden("to-plugin-lookup.json", &lookup);
    let create = CreateRequest {
        name: "web2".into(),
        private: true,
        description: "the site".into(),
        lfs: true,
        ..CreateRequest::default()
    };
    golden("to-plugin-create.json", &create);
    let with_wiki = CreateRequest {
        name: "web2".into(),
        wiki: true,
        ..CreateRequest::default()
    };
    golden("to-plugin-create-wiki.json", &with_wiki);
    let configure = ConfigureRequest {
        id: "1".into(),
        handle: "r/1".into(),
        full_name: "acme/web2".into(),
        default_branch: Some("main".into()),
        archived: Some(false),
        automation: Some(true),
        ..ConfigureRequest::default()
    };
    golden("to-plugin-configure.json", &configure);
    let wiki = ConfigureRequest {
        id: "1".into(),
        full_name: "acme/web2".into(),
        wiki: Some(true),
        ..ConfigureRequest::default()
    };
    golden("to-plugin-configure-wiki.json", &wiki);
    let remove = RemoveRequest {
        id: "1".into(),
        handle: "r/1".into(),
        full_name: "acme/web2".into(),
    };
    golden("to-plugin-remove.json", &remove);
    let export = ExportRequest {
        id: "1".into(),
        handle: "r/1".into(),
        full_name: "acme/web2".into(),
        part: PartRef {
            kind: PartKind::Metadata,
            id: "m".into(),
        },
        what: "issues".into(),
        since: time("2026-11-01T00:00:00Z"),
        cursor: Some("9".into()),
    };
    golden("to-plugin-export.json", &export);
}

#[test]
fn from_the_plugin() {
    let hello = Hello {
        protocols: Protocols::ours(),
        features: words(&["targets"]),
        built: Built {
            sdk: "forgekeep-plugin-sdk 1.0.0".into(),
            panic: "unwind".into(),
            target: "x86_64-linux-gnu".into(),
        },
    };
    golden("from-plugin-hello.json", &hello);
    let choice = OptionSpec {
        choices: words(&["a", "b"]),
        default: Some(OptionValue::Text("a".into())),
        ..OptionSpec::new("colour", OptionKind::Choice, "Which").required()
    };
    let file = OptionSpec {
        secret: true,
        ..OptionSpec::new("privateKeyFile", OptionKind::File, "The key")
    };
    let url = OptionSpec {
        trusted_origin: true,
        ..OptionSpec::new("oauthUrl", OptionKind::Text, "Where tokens are made")
    };
    let manifest = Manifest {
        id: "example".into(),
        aliases: words(&["example-cloud"]),
        version: "1.2.3".into(),
        authors: words(&["Somebody"]),
        description: "Example: the repositories of a group".into(),
        types: words(&["user", "org"]),
        api_url: "https://api.example".into(),
        trusted_origins: words(&["https://git.example"]),
        derived_origins: words(&["https://gist.{host}"]),
        options: vec![
            choice,
            file,
            url,
            OptionSpec::new("a", OptionKind::Number, ""),
            OptionSpec::new("b", OptionKind::Flag, ""),
            OptionSpec::new("c", OptionKind::List, ""),
            OptionSpec::new("d", OptionKind::Secret, ""),
        ],
        attributes: words(&["archived", "pushedAt"]),
        concurrency: 4,
        ref_questions: 8,
        target: true,
        ..Manifest::default()
    };
    golden("from-plugin-manifest.json", &manifest);
    golden(
        "from-plugin-findings.json",
        &Findings {
            findings: vec![finding()],
        },
    );
    golden("from-plugin-opened.json", &Opened { object: 1 });
    let described = Repository {
        description: "The site".into(),
        ..Repository::new("1", "acme/web", "https://git.example/acme/web.git")
    };
    golden("from-plugin-repository-described.json", &described);
    let check = CheckReport {
        identity: "API token of dev@example.com".into(),
        account_id: Some("7".into()),
        scopes: words(&["repo"]),
        missing_scopes: words(&["gist"]),
        expires: time("2027-01-01T00:00:00Z"),
        limits: vec![Limit {
            name: "core".into(),
            remaining: Some(4_999),
            most: Some(5_000),
            resets: time("2026-11-30T09:00:00Z"),
        }],
        owners: Vec::new(),
        visible: Some(12),
        private: Some(3),
        rights: words(&["create"]),
        room: Some(1_000_000),
        refuses: words(&["files over 100 MB"]),
        findings: vec![finding()],
        ..CheckReport::default()
    };
    golden("from-plugin-check.json", &check);
    let target = CheckReport {
        repositories: Some(100),
        names: vec![
            TargetName {
                name: "sub-web".into(),
                refused: None,
            },
            TargetName {
                name: "settings".into(),
                refused: Some("the hoster keeps this name for itself".into()),
            },
        ],
        takes: PushLimits {
            file_bytes: Some(104_857_600),
            push_bytes: Some(2_147_483_648),
            repository_bytes: Some(10_737_418_240),
            ref_bytes: Some(255),
            no_refs_like_ids: true,
            checks_objects: true,
            no_lfs_without_objects: true,
            no_new_wikis: true,
            creates_per_minute: Some(80),
        },
        ..CheckReport::default()
    };
    golden("from-plugin-check-target.json", &target);
    let seen = OwnerSeen {
        id: "43".into(),
        name: "beta".into(),
        sees: Sees::All,
        error: None,
    };
    let check = CheckReport {
        owners: vec![seen],
        ..CheckReport::default()
    };
    golden("from-plugin-check-owners.json", &check);
    let page = Page {
        repositories: vec![
            repository(),
            Repository::new("2", "acme/api", "https://x/api.git"),
        ],
        next: Some("+https://api.example/?page=2".into()),
        total: Some(12),
        owners: vec![OwnerSeen {
            id: "42".into(),
            name: "acme".into(),
            sees: Sees::Selected,
            error: None,
        }],
        notes: vec![finding()],
        ..Page::default()
    };
    golden("from-plugin-page.json", &page);
    let page = Page {
        expires: time("2027-01-01T00:00:00Z"),
        ..Page::default()
    };
    golden("from-plugin-page-expires.json", &page);
    golden("from-plugin-page-empty.json", &Page::default());
    let unlisted = OwnerSeen {
        id: "43".into(),
        name: "beta".into(),
        sees: Sees::default(),
        error: Some(HosterError::new(ErrorKind::Unavailable, "beta: 503")),
    };
    let page = Page {
        owners: vec![unlisted],
        ..Page::default()
    };
    golden("from-plugin-page-owner-error.json", &page);
    let mut uncertain = Repository::new("3", "acme/docs", "https://x/docs.git");
    uncertain.parts.push(Part {
        uncertain: true,
        ..Part::new(PartKind::Wiki, "https://x/docs.wiki.git")
    });
    let page = Page {
        repositories: vec![uncertain],
        ..Page::default()
    };
    golden("from-plugin-page-uncertain.json", &page);
    golden("from-plugin-repository.json", &repository());
    golden("from-plugin-page-doomed.json", &page_of_doomed());
    golden("from-plugin-page-named.json", &page_of_named());
    golden("from-plugin-manifest-nameless.json", &nameless());
    let secret = Secret::new("hunter2");
    for (name, auth) in [
        ("none", Auth::None),
        ("basic", Auth::basic("dev", &secret)),
        ("bearer", Auth::bearer(&secret)),
        ("header", Auth::header("PRIVATE-TOKEN", &secret)),
        ("scheme", Auth::scheme("token", &secret)),
    ] {
        golden(
            &format!("from-plugin-access-{name}.json"),
            &Access::http(auth),
        );
    }
    let minted = Access::http(Auth::bearer(&secret)).until(time("2026-11-30T09:00:00Z").unwrap());
    golden("from-plugin-access-minted.json", &minted);
    let ssh = Way::Ssh(Ssh {
        user: "git".into(),
        host: "git.example".into(),
        port: Some(2222),
        ..Ssh::default()
    });
    golden(
        "from-plugin-access-ssh.json",
        &Access {
            way: ssh,
            expires: None,
        },
    );
    let local = Way::Local(Local {
        path: "/srv/git/x".into(),
        ..Local::default()
    });
    golden(
        "from-plugin-access-local.json",
        &Access {
            way: local,
            expires: None,
        },
    );
    golden("from-plugin-access-ssh-path.json", &ssh_with_a_path());
    golden(
        "from-plugin-lookup-present.json",
        &Presence::present(repository()),
    );
    golden("from-plugin-lookup-hidden.json", &Presence::Hidden);
    let deleted = Presence::Deleted {
        proof: "it is in the recycle bin".into(),
    };
    golden("from-plugin-lookup-deleted.json", &deleted);
    golden(
        "from-plugin-done.json",
        &Done {
            notes: vec![finding()],
        },
    );
    let export = ExportPage {
        next: Some("9".into()),
        notes: vec![finding()],
    };
    golden("from-plugin-export.json", &export);
    let error = HosterError {
        kind: ErrorKind::RateLimited,
        message: "the request limit is used up (429)".into(),
        hint: "wait an hour".into(),
        concerns: Concern::Source,
        permanent: false,
        retry_after: Some(60),
        retry_at: time("2026-11-30T09:00:00Z"),
        status: Some(429),
        said: "slow down".into(),
    };
    golden("from-plugin-error.json", &error);
    let error = HosterError::new(ErrorKind::NotFound, "no such group").about(Concern::Repository);
    golden("from-plugin-error-permanent.json", &error);
}

#[test]
fn the_golden_documents_are_pinned_new_ones_are_added_old_ones_never_edited() {
    let mut found = String::new();
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    names.sort();
    for name in names {
        let text = fs::read_to_string(folder().join(&name)).unwrap();
        // A checkout may have turned the line ends.
        let digest = Sha256::digest(text.replace("\r\n", "\n"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        found += &format!("{digest}  {name}\n");
    }
    let pinned = fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    assert_eq!(
        found,
        pinned.replace("\r\n", "\n"),
        "a golden document was edited, removed, or not yet pinned; add a line for a new one, and never change an old line"
    );
}
