use super::*;

fn drill(rescue: &Rescue) -> Run {
    let path = std::env::var("PATH").unwrap();
    let arguments = ["drill", "--to-hoster", "new home", "--json"];
    rescue.world.forgekeep(&arguments).env("PATH", path).run()
}

#[test]
fn the_smallest_is_made_compared_and_removed_again() {
    let rescue = Rescue::new();
    let others = rescue.gitea.repository("rescue", "theirs");
    let report = crate::json::document(&drill(&rescue).expect(0), "drill");
    let at = &report["atTarget"];
    assert_eq!(at["repository"]["name"], "acme/api", "{report:#}");
    assert_eq!(at["removed"], true);
    assert_eq!(rescue.names(), ["theirs"]);
    assert_eq!(rescue.id("theirs"), others);
    // Nothing of it is gone on with later.
    rescue.all().expect(0);
    assert_eq!(rescue.names(), ["api", "empty", "theirs", "web"]);
    drill(&rescue).expect(0);
    assert_eq!(rescue.names(), ["api", "empty", "theirs", "web"]);
}

#[test]
fn what_cannot_be_pushed_is_no_good_drill_and_is_removed_all_the_same() {
    let rescue = Rescue::new();
    rescue
        .gitea
        .change(|state| state.pushes.refused = vec!["refs/heads/main".into()]);
    let report = crate::json::document(&drill(&rescue).expect(3), "drill");
    let refused = &report["atTarget"]["repository"]["refused"][0];
    assert_eq!(refused["name"], "refs/heads/main");
    assert!(rescue.names().is_empty());
}

#[test]
fn what_a_killed_drill_has_left_is_removed_by_the_next() {
    let rescue = Rescue::new();
    rescue
        .gitea
        .change(|state| state.latency = std::time::Duration::from_millis(100));
    let arguments = ["drill", "--to-hoster", "new home"];
    let mut running = rescue.world.forgekeep(&arguments).spawn();
    crate::streaming::wait_until("a repository", || !rescue.names().is_empty());
    running.kill();
    running.wait();
    assert_eq!(rescue.names().len(), 1);
    rescue
        .gitea
        .change(|state| state.latency = std::time::Duration::ZERO);
    drill(&rescue).expect(0);
    assert!(rescue.names().is_empty());
}
