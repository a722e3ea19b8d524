//! The demo's second act: a day passes upstream, and not everything that happens is good.

use crate::Error;
use crate::content::{Draft, folder_size};
use crate::model::Workspace;

/// Between the first backup and the changes.
const DAY: i64 = 24 * 3600;

/// Changes several repositories, and says in one line each what happened.
pub(crate) fn change(workspace: &mut Workspace) -> Result<Vec<String>, Error> {
    type Change = fn(&mut Draft) -> Result<&'static str, Error>;
    let changes: [(&str, Change); 5] = [
        ("web", new_commit),
        ("api", new_tag),
        ("handbook", new_branch),
        ("infra", force_push),
        ("mobile-app", delete_branch),
    ];
    let mut lines = Vec::new();
    for (slug, change) in changes {
        let Some(repository) = workspace.repository_mut(slug) else {
            continue;
        };
        let mut draft = Draft::open(&repository.git_dir, repository.updated_on + DAY)?;
        let what = change(&mut draft)?;
        repository.updated_on = draft.now();
        repository.size =
            folder_size(&repository.git_dir).map_err(Error::io("read a file size"))?;
        lines.push(format!("{}/{slug}: {what}", workspace.slug));
    }
    Ok(lines)
}

fn new_commit(draft: &mut Draft) -> Result<&'static str, Error> {
    draft.commit(
        "main",
        "Ada Lovelace",
        "Sell umbrellas too\n",
        &[(
            "public/products.html",
            "<ul><li>Anvils</li><li>Rockets</li><li>Umbrellas</li></ul>\n",
        )],
    )?;
    Ok("a new commit on main")
}

fn new_tag(draft: &mut Draft) -> Result<&'static str, Error> {
    draft.annotated_tag("v1.2.0", "main", "Second anniversary\n")?;
    Ok("a new tag, v1.2.0")
}

fn new_branch(draft: &mut Draft) -> Result<&'static str, Error> {
    draft.branch("feature/holidays", "trunk")?;
    draft.commit(
        "feature/holidays",
        "Zoë Çelik",
        "Plan the holidays\n",
        &[("de/Urlaub.md", "Alle zusammen im August.\n")],
    )?;
    Ok("a new branch, feature/holidays")
}

fn force_push(draft: &mut Draft) -> Result<&'static str, Error> {
    draft.branch("main", "main~3")?;
    draft.commit(
        "main",
        "Mallory",
        "Send us 1 bitcoin\n",
        &[
            ("hosts/mercury.yml", ""),
            ("hosts/venus.yml", ""),
            ("RANSOM.txt", "Your hosts are safe with us, for now.\n"),
        ],
    )?;
    Ok("main was force-pushed, three commits are gone from it, and a ransom note is there")
}

fn delete_branch(draft: &mut Draft) -> Result<&'static str, Error> {
    draft.delete_branch("experiment/offline")?;
    Ok("the branch experiment/offline was deleted, with a commit that was nowhere else")
}
