//! What a reading with other eyes has found.

use super::*;

#[test]
fn somebodys_wiki_is_left_alone() {
    let rescue = Rescue::new();
    let id = rescue.gitea.empty("rescue", "web");
    rescue
        .gitea
        .change(|state| state.repository_mut(id).private = true);
    rescue.gitea.wiki(id);
    let before = refs(&rescue.gitea.wiki_dir(id));
    let report = document(&rescue.all().expect(3));
    assert_eq!(refs(&rescue.gitea.wiki_dir(id)), before);
    let web = of(&report, "acme/web");
    assert_eq!(web["outcome"], "partial");
    assert!(web["wiki"].as_str().unwrap().starts_with("not restored"));
    assert_eq!(web["refs"]["there"], 4);
}

#[test]
fn many_refused_refs_hold_back_no_other() {
    let rescue = Rescue::new();
    let many = rescue.world.forge.repository("many").commit("one");
    let mut bad = Vec::new();
    for number in 0..150 {
        many.branch(&format!("b{number:03}"), "main");
        if number % 30 == 7 {
            bad.push(format!("refs/heads/b{number:03}"));
        }
    }
    rescue.world.backup().expect(0);
    let number = bad.len();
    rescue
        .gitea
        .change(|state| state.pushes.refused_with_all = bad);
    let report = document(&rescue.restore(&["many", "--json"]).expect(3));
    let many = of(&report, "acme/many");
    assert_eq!(many["refused"].as_array().unwrap().len(), number);
    assert_eq!(many["refs"]["there"], 151 - number);
}

#[test]
fn a_long_branch_goes_in_as_many_steps_as_it_takes() {
    let rescue = Rescue::new();
    let big = rescue.world.forge.repository("big");
    for number in 0..90 {
        let noise = crate::large::noise(1500 * (number + 1)).split_off(1500 * number);
        let noise: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
        big.commit(&format!("{number} {noise}"));
    }
    big.branch("zz", "main~89");
    rescue.world.backup().expect(0);
    rescue
        .gitea
        .change(|state| state.pushes.push_bytes = Some(12_000));
    let report = document(&rescue.restore(&["big", "--json"]).expect(0));
    assert_eq!(of(&report, "acme/big")["outcome"], "restored");
    assert_eq!(refs(&rescue.there("big")), refs(&big.git_dir()));
}

#[test]
fn what_people_have_set_since_stays() {
    let rescue = Rescue::new();
    rescue.all().expect(0);
    let id = rescue.id("web");
    rescue
        .gitea
        .change(|state| state.repository_mut(id).automation = true);
    let api = rescue.id("api");
    rescue
        .gitea
        .change(|state| state.repository_mut(api).private = false);
    git::run(
        &rescue.there("web"),
        &["symbolic-ref", "HEAD", "refs/heads/side"],
    );
    rescue.gitea.reset_log();
    let report = document(&rescue.all().expect(0));
    for name in ["acme/api", "acme/empty", "acme/web"] {
        assert_eq!(of(&report, name)["outcome"], "present", "{report:#}");
    }
    assert_eq!(rescue.writes(), 0);
    assert_eq!(head(&rescue.there("web")), "ref: refs/heads/side");
    // One that was opened gets nothing more, and the others do.
    git::run(
        &rescue.there("api"),
        &["update-ref", "-d", "refs/heads/main"],
    );
    git::run(&rescue.there("web"), &["update-ref", "-d", "refs/tags/v1"]);
    let report = document(&rescue.all().expect(3));
    assert_eq!(of(&report, "acme/api")["outcome"], "failed");
    assert_eq!(of(&report, "acme/web")["outcome"], "restored");
    assert_eq!(head(&rescue.there("web")), "ref: refs/heads/side");
}

#[test]
fn what_was_made_for_one_repository_is_not_for_another() {
    let rescue = Rescue::new();
    rescue.restore(&["acme/empty", "--json"]).expect(0);
    rescue.configure(&json!({ "rename": { "acme/api": "empty" } }));
    let report = document(&rescue.restore(&["acme/api", "--json"]).expect(3));
    assert_eq!(of(&report, "acme/api")["error"]["kind"], "foreign-folder");
    assert_eq!(refs(&rescue.there("empty")), "");
}

#[test]
fn room_is_asked_for_what_is_made_alone() {
    let rescue = Rescue::new();
    let quota = |used: u64| {
        json!({
            "groups": [{ "rules": [{ "limit": 100_000, "subjects": ["size:all"] }] }],
            "used": { "size": {
                "repos": { "private": used, "public": 0 }, "git": { "LFS": 0 },
            } },
        })
    };
    rescue
        .gitea
        .change(|state| state.quota = Some(quota(99_900)));
    let run = rescue.all().expect(3);
    assert!(run.stderr.contains("too small"), "{}", run.stderr);
    assert_eq!(rescue.writes(), 0);
    rescue.gitea.change(|state| state.quota = Some(quota(0)));
    rescue.all().expect(0);
    rescue
        .gitea
        .change(|state| state.quota = Some(quota(99_900)));
    rescue.all().expect(0);
}

#[test]
fn what_is_hidden_for_a_while_is_ours_again_afterwards() {
    let rescue = Rescue::new();
    rescue.all().expect(0);
    let id = rescue.id("api");
    rescue
        .gitea
        .change(|state| state.repository_mut(id).hidden = true);
    rescue.all().expect(3);
    rescue
        .gitea
        .change(|state| state.repository_mut(id).hidden = false);
    let report = document(&rescue.all().expect(0));
    assert_eq!(of(&report, "acme/api")["outcome"], "present");
    assert_eq!(rescue.names(), ["api", "empty", "web"]);
}

#[test]
fn a_damaged_branch_holds_back_no_other() {
    let rescue = Rescue::new();
    let damaged = rescue.world.forge.repository("damaged").commit("one");
    for number in 0..5 {
        damaged.branch(&format!("good{number}"), "main");
    }
    rescue.world.backup().expect(0);
    let packs = || crate::support::files(&rescue.world.mirror("damaged").join("objects"));
    let before = packs();
    damaged.commit("two");
    damaged.branch("bad", "main");
    damaged.git(&["update-ref", "refs/heads/main", "main~1"]);
    rescue.world.backup().expect(0);
    for file in packs() {
        if !before.contains(&file) {
            fs::remove_file(file).unwrap();
        }
    }
    let report = document(&rescue.restore(&["damaged", "--json"]).expect(3));
    let found = of(&report, "acme/damaged");
    assert_eq!(found["refs"]["there"], 6, "{found:#}");
    assert_eq!(found["refused"][0]["name"], "refs/heads/bad");
}

#[test]
fn a_detached_head_that_no_ref_holds_is_told() {
    let rescue = Rescue::new();
    let detached = rescue.world.forge.repository("detached").commit("one");
    let detached = detached.commit("two");
    let tip = detached.rev_parse("main");
    let upstream = detached.git_dir();
    git::run(&upstream, &["update-ref", "--no-deref", "HEAD", &tip]);
    git::run(&upstream, &["update-ref", "refs/heads/main", "main~1"]);
    rescue.world.backup();
    let report = document(&rescue.restore(&["detached", "--json"]).expect(3));
    let refused = &of(&report, "acme/detached")["refused"][0];
    assert_eq!(refused["name"], "HEAD");
    assert!(refused["why"].as_str().unwrap().contains(&tip));
}

#[test]
fn a_time_before_everything_restores_nothing_and_says_so() {
    let rescue = Rescue::new();
    let run = rescue.restore(&["--all", "--at", "2000-01-01"]).expect(2);
    assert!(
        run.stderr.contains("nothing was restored"),
        "{}",
        run.stderr
    );
    assert_eq!(rescue.writes(), 0);
}

#[test]
fn an_older_state_than_an_earlier_restore_has_sent_is_told_apart() {
    let rescue = Rescue::new();
    let web = rescue.world.forge.repository("web");
    let then = jiff::Timestamp::now();
    web.force_push("trunk");
    rescue.world.backup().expect(0);
    rescue.all().expect(0);
    let at = then.to_string();
    let report = document(&rescue.restore(&["web", "--json", "--at", &at]).expect(3));
    let why = of(&report, "acme/web")["refused"][0]["why"].clone();
    assert!(
        why.as_str().unwrap().contains("an earlier restore"),
        "{why}"
    );
}

#[test]
fn what_is_about_to_be_deleted_is_not_gone_on_with() {
    use forgekeep_test_hosters::gitlab::Gitlab;

    const SECRET: &str = "glpat-T3stT3stT3stT3stT3st";
    let rescue = Rescue::new();
    let gitlab = Gitlab::new();
    gitlab.change(|state| {
        let dev = state.add_user("dev");
        let group = state.add_group("rescue", None);
        let user = state.namespace_mut(dev).user.unwrap();
        state.namespace_mut(group).members.push((user, 50));
        state.add_token(dev, SECRET, &["api", "write_repository"]);
    });
    let target = json!({
        "title": "new home", "hoster": "gitlab", "name": "rescue", "apiUrl": gitlab.url(),
        "password": SECRET,
    });
    rescue.configure_targets(&json!([target]));
    rescue.all().expect(0);
    gitlab.change(|state| {
        let all: Vec<u64> = state.projects.iter().map(|one| one.id).collect();
        for id in all {
            state.mark(id, "2026-11-29");
        }
    });
    let report = document(&rescue.all().expect(0));
    for name in ["acme/api", "acme/empty", "acme/web"] {
        assert_eq!(of(&report, name)["outcome"], "restored", "{report:#}");
    }
    let left = gitlab.read(|state| {
        let all = state.projects.iter();
        all.filter(|one| one.marked.is_none()).count()
    });
    assert_eq!(left, 3);
}

/// The same with one repository lost.
fn robbed() -> World {
    let world = own();
    world.forge.repository("web").delete();
    world
}

const AGAIN: [&str; 5] = ["restore", "web", "--to-hoster", "again", "--json"];

#[test]
fn a_backup_between_two_restores_to_the_same_workspace_changes_nothing() {
    let world = robbed();
    world.forgekeep(&AGAIN).run().expect(0);
    world.backup().expect(0);
    let report = document(&world.forgekeep(&AGAIN).run().expect(0));
    assert_eq!(of(&report, "acme/web")["outcome"], "present", "{report:#}");
}

#[test]
fn a_backup_leaves_alone_what_a_killed_restore_has_made_and_not_sent() {
    let world = robbed();
    let lost = refs(&world.mirror("web"));
    let mut running = world.forgekeep(&AGAIN).spawn();
    wait_for_note(&world, "\"made\"");
    running.kill();
    running.wait();
    let is_sent = world.forge.repository("web").git_dir().join("refs/tags/v1");
    if !is_sent.exists() {
        let run = world.backup();
        assert!(run.stdout.contains("skipped"), "{}", run.stdout);
        assert_eq!(refs(&world.mirror("web")), lost);
    }
    let report = document(&world.forgekeep(&AGAIN).run().expect(0));
    assert!(report["outcome"] == "ok", "{report:#}");
    assert_eq!(refs(&world.forge.repository("web").git_dir()), lost);
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn what_was_in_the_trash_goes_on_in_its_old_folder_too() {
    let world = robbed();
    let file = world.folder("web").join("forgekeep.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    state["format"] = 1.into();
    state["gone"] = "2026-01-01T00:00:00Z".into();
    state["trashed"] =
        json!({"at": "2026-01-01T00:00:00Z", "source": "acme", "folder": "acme#web"});
    state.as_object_mut().unwrap().remove("checksum");
    fs::write(file, state.to_string()).unwrap();
    let trash = world.sandbox.backup().join(".forgekeep/trash");
    fs::create_dir_all(&trash).unwrap();
    fs::rename(world.folder("web"), trash.join("2026-01-01-acme-acme#web")).unwrap();
    // By name alone.
    let all = ["restore", "--all", "--to-hoster", "again", "--json"];
    let report = document(&world.forgekeep(&all).run().expect(3));
    assert_eq!(report["repositories"].as_array().unwrap().len(), 1);
    world.forgekeep(&AGAIN).run().expect(0);
    world.backup().expect(0);
    let web = world.forge.repository("web");
    world.assert_mirrored(web);
    assert_eq!(fs::read_dir(&trash).unwrap().count(), 0);
    let state = fs::read_to_string(world.folder("web").join("forgekeep.json")).unwrap();
    assert!(
        state.contains(&web.uuid()) && state.contains("formerIds"),
        "{state}"
    );
}
