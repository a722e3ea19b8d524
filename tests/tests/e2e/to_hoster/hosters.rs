use super::*;

#[test]
fn everything_comes_back_private_with_its_refs_and_default_branch() {
    let rescue = Rescue::new();
    let run = rescue.all().expect(0);
    let report = document(&run);
    assert_eq!(report["outcome"], "ok", "{report:#}");
    assert_eq!(rescue.names(), ["api", "empty", "web"]);
    let web = rescue.world.forge.repository("web");
    assert_eq!(refs(&rescue.there("web")), refs(&web.git_dir()));
    assert_eq!(head(&rescue.there("web")), "ref: refs/heads/trunk");
    assert!(!rescue.there("web").join("refs/pull-requests").exists());
    assert_eq!(of(&report, "acme/web")["refs"]["atHome"], 1);
    rescue.gitea.read(|state| {
        for one in &state.repositories {
            assert!(one.private, "{}", one.name);
            assert!(!one.automation, "{}", one.name);
        }
    });
    assert_eq!(of(&report, "acme/web")["wiki"], "restored");
    let wiki = rescue.gitea.wiki_dir(rescue.id("web"));
    assert_eq!(refs(&wiki), refs(&web.wiki_dir()));
    // Actions are off before the first ref is sent.
    let requests = rescue.gitea.requests();
    let at = |what: &dyn Fn(&str, &str) -> bool| {
        let found = requests
            .iter()
            .position(|one| what(&one.method, &one.target));
        found.unwrap()
    };
    let off = at(&|method, target| method == "PATCH" && target.contains("/api"));
    let pushed = at(&|method, target| {
        method == "POST" && target.contains("/rescue/api") && target.contains("receive-pack")
    });
    assert!(off < pushed);
}
