//! The plugin against the fake of its hoster: what a restore does, without a host between them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../shared/restored.rs"]
mod restored;

use forgekeep_hoster_gitea::Gitea as Plugin;
use forgekeep_plugin_sdk::PartKind;
use forgekeep_plugin_testkit::Testee;
use forgekeep_test_hosters::gitea::Gitea;
use forgekeep_tests::git;

use restored::{TOKEN, removed, restored, target};

#[test]
fn a_repository_with_its_wiki_comes_back_and_goes() {
    let gitea = Gitea::new();
    gitea.change(|state| {
        let dev = state.add_user("dev");
        state.add_organisation("acme", dev, true);
        let writes = ["write:repository", "write:organization", "write:user"];
        state.add_token(dev, TOKEN, &writes);
    });
    let testee = Testee::of::<Plugin>();
    for name in ["acme", "dev"] {
        let target = target(name, gitea.url());
        let listed = restored(testee, &target);
        assert_eq!(listed.full_name, format!("{name}/sub-web"));
        assert_eq!(
            (listed.description.as_str(), listed.archived),
            ("The shop", true)
        );
        assert!(listed.part(&PartKind::Wiki).is_some());
        let id = listed.id.parse().unwrap();
        assert!(!gitea.change(|state| state.repository_mut(id).automation));
        assert!(git::tip(&gitea.wiki_dir(id), "trunk").is_some());
        removed(testee, &target, &listed);
    }
}
