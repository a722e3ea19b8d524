use super::*;
use crate::streaming::wait_until;

#[test]
fn a_second_restore_finds_all_there_and_writes_nothing() {
    let rescue = Rescue::new();
    rescue.all().expect(0);
    let ids = |rescue: &Rescue| ["api", "empty", "web"].map(|name| rescue.id(name));
    let before = ids(&rescue);
    let report = document(&rescue.all().expect(0));
    assert_eq!(of(&report, "acme/web")["outcome"], "present");
    assert_eq!(of(&report, "acme/api")["outcome"], "present");
    assert_eq!(ids(&rescue), before);
    assert_eq!(rescue.names().len(), 3);
}

#[test]
fn killed_at_any_moment_and_run_again_all_is_there_once() {
    let rescue = Rescue::new();
    for name in ["one", "two", "three", "four"] {
        rescue.world.forge.repository(name).commit(name);
    }
    rescue.world.backup().expect(0);
    // At the moments at which so many requests have come.
    for moment in [4, 6, 9, 13, 18, 24, 31, 39, 48, 58] {
        rescue.gitea.reset_log();
        let arguments = ["restore", "--to-hoster", "new home", "--all"];
        let mut running = rescue.world.forgekeep(&arguments).spawn();
        let is_over = || rescue.gitea.requests().len() >= moment || running_is_over(&rescue);
        wait_until("requests", is_over);
        running.kill();
        running.wait();
    }
    let report = document(&rescue.all().expect(0));
    assert_eq!(report["outcome"], "ok", "{report:#}");
    let wanted = ["api", "empty", "four", "one", "three", "two", "web"];
    assert_eq!(rescue.names(), wanted);
    for name in ["api", "one", "web"] {
        let repository = rescue.world.forge.repository(name);
        assert_eq!(refs(&rescue.there(name)), refs(&repository.git_dir()));
    }
    assert_eq!(head(&rescue.there("web")), "ref: refs/heads/trunk");
    let wiki = rescue.gitea.wiki_dir(rescue.id("web"));
    let web = rescue.world.forge.repository("web");
    assert_eq!(refs(&wiki), refs(&web.wiki_dir()));
}

/// Whether a restore has written its report: then no more requests come.
fn running_is_over(rescue: &Rescue) -> bool {
    let Ok(targets) = fs::read_dir(rescue.notes()) else {
        return false;
    };
    targets
        .flatten()
        .any(|target| target.path().join("reports").exists())
}

#[test]
fn what_people_have_pushed_since_is_left_as_it_is() {
    let rescue = Rescue::new();
    rescue.all().expect(0);
    rescue.gitea.commit(rescue.id("api"), "somebody works on");
    let theirs = refs(&rescue.there("api"));
    let report = document(&rescue.all().expect(3));
    let api = of(&report, "acme/api");
    assert_eq!(api["outcome"], "partial");
    assert!(
        api["refused"][0]["why"]
            .as_str()
            .unwrap()
            .contains("somebody has pushed")
    );
    assert_eq!(refs(&rescue.there("api")), theirs);
}

#[test]
fn two_restores_to_one_target_exclude_each_other() {
    let rescue = Rescue::new();
    rescue
        .gitea
        .change(|state| state.latency = std::time::Duration::from_millis(100));
    let arguments = ["restore", "--to-hoster", "new home", "--all"];
    let running = rescue.world.forgekeep(&arguments).spawn();
    wait_until("a repository", || !rescue.names().is_empty());
    rescue.all().expect(13);
    // It only looks.
    rescue.restore(&["--all", "--dry-run"]);
    running.wait().expect(0);
}

#[test]
fn interrupted_it_ends_in_good_order() {
    let rescue = Rescue::new();
    rescue
        .gitea
        .change(|state| state.latency = std::time::Duration::from_millis(200));
    let arguments = ["restore", "--to-hoster", "new home", "--all", "--json"];
    let running = rescue.world.forgekeep(&arguments).spawn();
    wait_until("a repository", || !rescue.names().is_empty());
    running.interrupt();
    let run = running.wait().expect(130);
    assert_eq!(document(&run)["outcome"], "interrupted");
    rescue
        .gitea
        .change(|state| state.latency = std::time::Duration::ZERO);
    rescue.all().expect(0);
    assert_eq!(rescue.names(), ["api", "empty", "web"]);
}
