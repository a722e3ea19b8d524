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

#[test]
fn to_github_everything_comes_back_with_actions_off_before_the_first_ref() {
    use forgekeep_test_hosters::github::GitHub;

    const SECRET: &str = "ghp_0123456789abcdef0123456789abcdef0123";
    let rescue = Rescue::new();
    let github = GitHub::new();
    github.change(|state| {
        let dev = state.add_user("dev");
        state.add_organisation("rescue", dev, true);
        state.add_token(dev, SECRET, Some(&["repo", "workflow", "read:org"]));
        state.unseen = 2;
    });
    let target = json!({
        "title": "new home", "hoster": "github", "type": "org", "name": "rescue",
        "apiUrl": github.api_url(), "password": SECRET,
    });
    rescue.configure_targets(&json!([target]));
    let dry = rescue.restore(&["--all", "--dry-run", "--json"]).expect(3);
    let writes = |method: &str| !matches!(method, "GET" | "HEAD");
    assert!(!github.requests().iter().any(|one| writes(&one.method)));
    // GitHub takes no wiki by git before it has a page, which the plan says.
    let planned = document(&dry);
    let wiki = &of(&planned, "acme/web")["wiki"];
    assert!(wiki.as_str().unwrap().contains("browser"), "{planned:#}");
    let report = document(&rescue.all().expect(3));
    let web = of(&report, "acme/web");
    assert_eq!(web["outcome"], "partial", "{report:#}");
    assert!(web["wiki"].as_str().unwrap().contains("browser"));
    assert_eq!(of(&report, "acme/api")["outcome"], "restored");
    let repository = rescue.world.forge.repository("web");
    let id = github.read(|state| {
        for one in &state.repositories {
            assert_eq!(one.visibility, "private", "{}", one.name);
            assert!(!one.automation, "{}", one.name);
        }
        let found = state.repositories.iter().find(|one| one.name == "web");
        found.unwrap().id
    });
    assert_eq!(refs(&github.git_dir(id)), refs(&repository.git_dir()));
    assert_eq!(head(&github.git_dir(id)), "ref: refs/heads/trunk");
    let requests = github.requests();
    let at = |what: &dyn Fn(&str, &str) -> bool| {
        let found = requests
            .iter()
            .position(|one| what(&one.method, &one.target));
        found.unwrap()
    };
    let off = at(&|method, target| method == "PUT" && target.contains("/web/actions/permissions"));
    let pushed =
        at(&|method, target| method == "POST" && target.contains("/web.git/git-receive-pack"));
    assert!(off < pushed);
}

#[test]
fn to_gitlab_everything_comes_back_private_without_lfs_and_pipelines() {
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
        "password": SECRET, "rename": { "acme/api": "tools/deep/api" },
    });
    rescue.configure_targets(&json!([target]));
    let report = document(&rescue.all().expect(0));
    assert_eq!(of(&report, "acme/web")["outcome"], "restored", "{report:#}");
    assert_eq!(
        of(&report, "acme/api")["target"]["name"],
        "rescue/tools/deep/api"
    );
    let id = |path: &str| {
        gitlab.read(|state| {
            let found = state.projects.iter().find(|one| one.path == path);
            found.unwrap().id
        })
    };
    for name in ["web", "api"] {
        let repository = rescue.world.forge.repository(name);
        assert_eq!(refs(&gitlab.git_dir(id(name))), refs(&repository.git_dir()));
    }
    assert_eq!(head(&gitlab.git_dir(id("web"))), "ref: refs/heads/trunk");
    let wiki = rescue.world.forge.repository("web").wiki_dir();
    assert_eq!(refs(&gitlab.wiki_dir(id("web"))), refs(&wiki));
    gitlab.read(|state| {
        for one in &state.projects {
            assert_eq!(one.visibility, "private", "{}", one.path);
            assert!(!one.automation && !one.lfs, "{}", one.path);
        }
        let made = state.namespaces.iter().filter(|one| one.path == "deep");
        assert!(made.clone().count() == 1 && made.clone().all(|one| one.private));
    });
    // Once more: all of it is there.
    let report = document(&rescue.all().expect(0));
    for name in ["acme/web", "acme/api", "acme/empty"] {
        assert_eq!(of(&report, name)["outcome"], "present", "{report:#}");
    }
}

#[test]
fn to_azure_devops_everything_comes_back_below_a_project() {
    use forgekeep_test_hosters::azure_devops::AzureDevOps;

    let rescue = Rescue::new();
    let azure = AzureDevOps::new();
    const SECRET: &str = "k7jq2m5xv3w6z4a8c9b1d0f2g7h5j3l6n8p4r2s9t1u6v3w5x7y2";
    azure.change(|state| {
        state.add_organisation("rescue");
        state.add_project("site");
        state.add_token(SECRET, &["vso.code_manage", "vso.project", "vso.wiki"]);
    });
    let target = json!({
        "title": "new home", "hoster": "azure-devops", "name": "rescue", "project": "site",
        "apiUrl": azure.url(), "password": SECRET,
    });
    rescue.configure_targets(&json!([target]));
    // It takes no wiki by git.
    let report = document(&rescue.all().expect(3));
    assert_eq!(of(&report, "acme/api")["outcome"], "restored", "{report:#}");
    let web = of(&report, "acme/web");
    assert!(web["wiki"].is_string());
    assert_eq!(web["refs"]["there"], 4);
    let repository = rescue.world.forge.repository("web");
    let id = azure.read(|state| {
        let found = state.repositories.iter().find(|one| one.name == "web");
        found.unwrap().id.clone()
    });
    let there = azure.git_dir(&id);
    assert_eq!(refs(&there), refs(&repository.git_dir()));
    assert_eq!(head(&there), "ref: refs/heads/trunk");
}
