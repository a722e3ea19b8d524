//! The plugin against the fake of its hoster: what a restore does, without a host between them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../shared/restored.rs"]
mod restored;

use forgekeep_hoster_azure_devops::AzureDevOps as Plugin;
use forgekeep_plugin_sdk::Source;
use forgekeep_plugin_testkit::Testee;
use forgekeep_test_hosters::azure_devops::AzureDevOps;

use restored::{TOKEN, removed, restored, target};

#[test]
fn a_repository_comes_back_and_goes() {
    let azure = AzureDevOps::new();
    azure.change(|state| {
        state.add_organisation("acme");
        state.add_project("shop");
        state.add_token(TOKEN, &["vso.code_manage", "vso.project", "vso.wiki"]);
    });
    let target = Source {
        project: "shop".into(),
        ..target("acme", azure.url())
    };
    let testee = Testee::of::<Plugin>();
    let listed = restored(testee, &target);
    assert_eq!(listed.full_name, "acme/shop/sub-web");
    removed(testee, &target, &listed);
}
