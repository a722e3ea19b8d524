use super::*;

#[test]
fn a_ref_that_is_refused_holds_back_no_other() {
    let rescue = Rescue::new();
    for (one_by_one, all) in [
        (vec!["refs/heads/side"], vec![]),
        (vec![], vec!["refs/heads/side"]),
    ] {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        rescue.gitea.change(|state| {
            state.pushes.refused = owned(one_by_one);
            state.pushes.refused_with_all = owned(all);
            let made: Vec<u64> = state.repositories.iter().map(|one| one.id).collect();
            for id in made {
                state.delete(id);
            }
        });
        if rescue.notes().exists() {
            fs::remove_dir_all(rescue.notes()).unwrap();
        }
        let report = document(&rescue.all().expect(3));
        let web = of(&report, "acme/web");
        assert_eq!(web["outcome"], "partial");
        assert_eq!(web["refs"]["there"], 3);
        let refused = web["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0]["name"], "refs/heads/side");
        // In the server's own words.
        let why = refused[0]["why"].as_str().unwrap();
        assert!(why.contains("refused by a rule"), "{why}");
        let there = refs(&rescue.there("web"));
        assert!(there.contains("refs/heads/trunk") && there.contains("refs/tags/v1"));
        assert!(there.contains("refs/notes/commits") && !there.contains("refs/heads/side"));
        assert_eq!(of(&report, "acme/api")["outcome"], "restored");
    }
}

#[test]
fn a_branch_that_is_too_large_for_a_push_goes_in_steps() {
    let rescue = Rescue::new();
    let big = rescue.world.forge.repository("big");
    for number in 0..12 {
        // Nothing that packs well.
        let noise = crate::large::noise(1500 * (number + 1)).split_off(1500 * number);
        let noise: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
        big.commit(&format!("{number} {noise}"));
    }
    rescue.world.backup().expect(0);
    rescue
        .gitea
        .change(|state| state.pushes.push_bytes = Some(8000));
    let report = document(&rescue.all().expect(0));
    assert_eq!(of(&report, "acme/big")["outcome"], "restored");
    assert_eq!(refs(&rescue.there("big")), refs(&big.git_dir()));
    let requests = rescue.gitea.requests();
    let pushes = requests.iter().filter(|one| {
        one.method == "POST" && one.target.contains("/big") && one.target.ends_with("receive-pack")
    });
    assert!(pushes.count() > 3);
}

#[test]
fn what_is_no_ones_is_left_alone_unless_it_is_empty_and_private() {
    let rescue = Rescue::new();
    let others = rescue.gitea.repository("rescue", "web");
    let empty = rescue.gitea.empty("rescue", "api");
    rescue
        .gitea
        .change(|state| state.repository_mut(empty).private = true);
    let public = rescue.gitea.empty("rescue", "empty");
    let before = refs(&rescue.gitea.git_dir(others));
    for arguments in [&["--all", "--json", "--dry-run"][..], &["--all", "--json"]] {
        let report = document(&rescue.restore(arguments).expect(3));
        for name in ["acme/web", "acme/empty"] {
            let failed = of(&report, name);
            assert_eq!(failed["outcome"], "failed", "{failed:#}");
            assert_eq!(failed["error"]["kind"], "foreign-folder");
        }
    }
    assert_eq!(refs(&rescue.gitea.git_dir(others)), before);
    assert!(!rescue.gitea.read(|state| {
        let found = state.repositories.iter().find(|one| one.id == public);
        found.unwrap().private
    }));
    // The empty one is used.
    assert_eq!(rescue.id("api"), empty);
    let api = rescue.world.forge.repository("api");
    assert_eq!(refs(&rescue.there("api")), refs(&api.git_dir()));
    assert_eq!(rescue.names().len(), 3);
}

#[test]
fn nothing_is_pushed_to_what_was_made_public() {
    let rescue = Rescue::new();
    rescue.one_at_a_time();
    rescue.gitea.change(|state| state.makes_public = true);
    let report = document(&rescue.all().expect(3));
    assert_eq!(report["outcome"], "failed");
    let requests = rescue.gitea.requests();
    assert!(
        !requests
            .iter()
            .any(|one| one.target.ends_with("git-receive-pack"))
    );
    // The first one ends it.
    assert_eq!(rescue.names().len(), 1);
}

#[test]
fn a_limit_on_creating_is_waited_for() {
    let rescue = Rescue::new();
    rescue.gitea.change(|state| state.creates_at_once = Some(1));
    let report = document(&rescue.all().expect(0));
    assert_eq!(report["outcome"], "ok");
    assert_eq!(rescue.names(), ["api", "empty", "web"]);
}

#[test]
fn the_secret_of_the_target_is_nowhere() {
    let rescue = Rescue::new();
    let arguments = [
        "-vvv",
        "restore",
        "--to-hoster",
        "new home",
        "--all",
        "--json",
    ];
    let run = rescue.world.forgekeep(&arguments).run().expect(0);
    assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN));
    for (path, content) in crate::support::content(&rescue.world.sandbox.backup()) {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(TOKEN), "{}", path.display());
    }
}

#[test]
fn credentials_that_may_not_end_it_before_anything_is_made() {
    let rescue = Rescue::new();
    rescue
        .gitea
        .change(|state| state.tokens[0].scopes = vec!["read:repository".into()]);
    rescue.all().expect(12);
    rescue.configure(&json!({ "password": "0000000000000000000000000000000000000000" }));
    let run = rescue.all().expect(12);
    assert!(run.stderr.contains("make a token"), "{}", run.stderr);
    assert!(rescue.names().is_empty());
    assert_eq!(rescue.writes(), 0);
}
