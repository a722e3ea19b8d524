//! Makes the demo's repositories: always the same objects, because authors and times are fixed.

use std::fs;
use std::io;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository as Git, RepositoryInitOptions, Signature, Time};

use crate::Error;
use crate::model::{Repository, Scm, Workspace};

/// When the first commit of the demo happened, in seconds since 1970.
const BEGINNING: i64 = 1_767_600_000;
const HOUR: i64 = 3600;

/// A bare repository that is being written to.
pub(crate) struct Draft {
    git: Git,
    /// Every commit and tag is an hour after the one before it.
    now: i64,
}

impl Draft {
    /// Makes an empty one.
    pub(crate) fn create(folder: &Path, default_branch: &str) -> Result<Self, Error> {
        let mut options = RepositoryInitOptions::new();
        options
            .bare(true)
            .external_template(false)
            .initial_head(default_branch);
        Ok(Self {
            git: Git::init_opts(folder, &options)?,
            now: BEGINNING,
        })
    }

    /// Opens one to go on at a later time.
    pub(crate) fn open(folder: &Path, now: i64) -> Result<Self, Error> {
        Ok(Self {
            git: Git::open_bare(folder)?,
            now,
        })
    }

    /// The time of the latest commit or tag.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    fn next_signature(&mut self, name: &str) -> Result<Signature<'static>, Error> {
        self.now += HOUR;
        let email = format!("{}@acme.example", name.to_lowercase().replace(' ', "."));
        Ok(Signature::new(name, &email, &Time::new(self.now, 60))?)
    }

    /// Commits files on top of a branch, which need not exist; an empty content deletes the file.
    pub(crate) fn commit(
        &mut self,
        branch: &str,
        author: &str,
        message: &str,
        files: &[(&str, &str)],
    ) -> Result<Oid, Error> {
        let signature = self.next_signature(author)?;
        let name = format!("refs/heads/{branch}");
        let parent = match self.git.find_reference(&name) {
            Ok(reference) => Some(reference.peel_to_commit()?),
            Err(_) => None,
        };
        let base = match &parent {
            Some(parent) => parent.tree()?,
            None => self.git.find_tree(self.git.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            match content.is_empty() {
                true => update.remove(*path),
                false => {
                    let blob = self.git.blob(content.as_bytes())?;
                    update.upsert(*path, blob, FileMode::Blob)
                }
            };
        }
        let tree = self
            .git
            .find_tree(update.create_updated(&self.git, &base)?)?;
        let parents: Vec<_> = parent.iter().collect();
        Ok(self.git.commit(
            Some(&name),
            &signature,
            &signature,
            message,
            &tree,
            &parents,
        )?)
    }

    /// Merges one branch into another; the content is the former's.
    pub(crate) fn merge(&mut self, from: &str, into: &str, author: &str) -> Result<(), Error> {
        let signature = self.next_signature(author)?;
        let tip = |branch: &str| self.git.find_reference(&format!("refs/heads/{branch}"));
        let (theirs, ours) = (tip(from)?.peel_to_commit()?, tip(into)?.peel_to_commit()?);
        let message = format!("Merge {from} into {into}\n");
        let name = format!("refs/heads/{into}");
        let parents = [&ours, &theirs];
        self.git.commit(
            Some(&name),
            &signature,
            &signature,
            &message,
            &theirs.tree()?,
            &parents,
        )?;
        Ok(())
    }

    /// Makes a branch, or moves it, to where a revision is.
    pub(crate) fn branch(&mut self, name: &str, at: &str) -> Result<(), Error> {
        let commit = self.git.revparse_single(at)?.peel_to_commit()?;
        self.git
            .reference(&format!("refs/heads/{name}"), commit.id(), true, "demo")?;
        Ok(())
    }

    /// Deletes a branch.
    pub(crate) fn delete_branch(&mut self, name: &str) -> Result<(), Error> {
        Ok(self
            .git
            .find_reference(&format!("refs/heads/{name}"))?
            .delete()?)
    }

    /// Makes a lightweight tag.
    pub(crate) fn tag(&mut self, name: &str, at: &str) -> Result<(), Error> {
        let object = self.git.revparse_single(at)?;
        self.git.tag_lightweight(name, &object, false)?;
        Ok(())
    }

    /// Makes an annotated tag.
    pub(crate) fn annotated_tag(&mut self, name: &str, at: &str, text: &str) -> Result<(), Error> {
        let signature = self.next_signature("Ada Lovelace")?;
        let object = self.git.revparse_single(at)?;
        self.git.tag(name, &object, &signature, text, false)?;
        Ok(())
    }
}

/// Makes the workspace `acme` with all its repositories below a folder.
pub(crate) fn make(folder: &Path) -> Result<Workspace, Error> {
    let mut workspace = Workspace::new("acme");
    workspace.name = "Acme, Inc.".to_owned();
    type Write = fn(&mut Draft) -> Result<(), Error>;
    let repositories: [(&str, &str, &str, Write); 6] = [
        ("web", "main", "The web site.", web),
        (
            "api",
            "main",
            "What the web site and the apps talk to.",
            api,
        ),
        (
            "handbook",
            "trunk",
            "How we work, in every language we speak. Größe zählt nicht.",
            handbook,
        ),
        ("infra", "main", "Servers and networks.", infra),
        ("mobile-app", "develop", "The app.", mobile_app),
        ("playground", "main", "Nothing here yet.", |_| Ok(())),
    ];
    for (at, (slug, default_branch, description, write)) in (0..).zip(repositories) {
        let git_dir = folder.join(format!("{slug}.git"));
        let mut draft = Draft::create(&git_dir, default_branch)?;
        write(&mut draft)?;
        let mut repository = Repository::new(&format!("acme/{slug}"), slug, git_dir);
        repository.description = description.to_owned();
        repository.is_private = matches!(slug, "api" | "infra");
        repository.created_on = BEGINNING + at * 24 * HOUR;
        repository.updated_on = draft.now();
        repository.size =
            folder_size(&repository.git_dir).map_err(Error::io("read a file size"))?;
        repository.ssh_link_first = at % 2 == 1;
        repository.main_branch = draft.git.head().ok().map(|_| default_branch.to_owned());
        workspace.repositories.push(repository);
    }
    if let Some(web) = workspace.repository_mut("web") {
        let wiki_dir = folder.join("web-wiki.git");
        wiki(&mut Draft::create(&wiki_dir, "master")?)?;
        web.has_wiki = true;
        web.wiki_dir = Some(wiki_dir);
    }
    let mut legacy = Repository::new("acme/legacy-crm", "legacy-crm", folder.join("none"));
    legacy.description = "Mercurial; nobody can clone it any more.".to_owned();
    legacy.scm = Scm::Hg;
    legacy.created_on = BEGINNING - 9 * 365 * 24 * HOUR;
    legacy.updated_on = legacy.created_on;
    legacy.main_branch = Some("default".to_owned());
    workspace.repositories.push(legacy);
    Ok(workspace)
}

fn web(draft: &mut Draft) -> Result<(), Error> {
    let page = "<!doctype html>\n<title>Acme</title>\n<h1>Everything, delivered.</h1>\n";
    draft.commit(
        "main",
        "Ada Lovelace",
        "Start the site\n",
        &[
            ("README.md", "# Web\n\nThe site of Acme, Inc.\n"),
            ("public/index.html", page),
        ],
    )?;
    draft.commit(
        "main",
        "Grace Hopper",
        "Add a style\n",
        &[(
            "public/style.css",
            "body { margin: 2rem auto; max-width: 40rem; }\n",
        )],
    )?;
    draft.tag("launch", "main")?;
    draft.branch("feature/login", "main")?;
    draft.commit(
        "feature/login",
        "Grace Hopper",
        "Draft the login form\n",
        &[("public/login.html", "<form><input name=\"user\"></form>\n")],
    )?;
    draft.commit(
        "main",
        "Ada Lovelace",
        "Say what we sell\n",
        &[(
            "public/products.html",
            "<ul><li>Anvils</li><li>Rockets</li></ul>\n",
        )],
    )?;
    Ok(())
}

fn wiki(draft: &mut Draft) -> Result<(), Error> {
    draft.commit(
        "master",
        "Grace Hopper",
        "Initial commit\n",
        &[(
            "Home.md",
            "# Welcome\n\nHow to deploy the site, and whom to call.\n",
        )],
    )?;
    Ok(())
}

fn api(draft: &mut Draft) -> Result<(), Error> {
    draft.commit(
        "main",
        "Katherine Johnson",
        "Start the API\n",
        &[
            ("README.md", "# API\n"),
            (
                "src/main.rs",
                "fn main() {\n    println!(\"listening\");\n}\n",
            ),
        ],
    )?;
    draft.annotated_tag("v1.0.0", "main", "First release\n")?;
    draft.branch("release/1.x", "main")?;
    draft.branch("feature/orders", "main")?;
    draft.commit(
        "feature/orders",
        "Ada Lovelace",
        "Take orders\n",
        &[
            (
                "src/orders.rs",
                "pub struct Order {\n    pub anvils: u32,\n}\n",
            ),
            (
                "src/main.rs",
                "mod orders;\n\nfn main() {\n    println!(\"open for orders\");\n}\n",
            ),
        ],
    )?;
    draft.merge("feature/orders", "main", "Katherine Johnson")?;
    draft.annotated_tag("v1.1.0", "main", "Orders\n")?;
    draft.commit(
        "release/1.x",
        "Katherine Johnson",
        "Fix the greeting\n",
        &[("src/main.rs", "fn main() {\n    println!(\"ready\");\n}\n")],
    )?;
    draft.annotated_tag("v1.0.1", "release/1.x", "A fix\n")
}

fn handbook(draft: &mut Draft) -> Result<(), Error> {
    draft.commit(
        "trunk",
        "Zoë Çelik",
        "Los geht’s – あいさつ\n",
        &[
            ("README.md", "# Handbook · Handbuch · ハンドブック\n"),
            ("de/Begrüßung.md", "Schön, dass du da bist!\n"),
            ("ja/ようこそ.md", "ようこそ！\n"),
        ],
    )?;
    draft.branch("entwurf/größe", "trunk")?;
    draft.commit(
        "entwurf/größe",
        "Zoë Çelik",
        "Ein Entwurf\n",
        &[("de/Maße und Größen.md", "Noch offen. 🚧\n")],
    )?;
    draft.commit(
        "trunk",
        "Ada Lovelace",
        "Rename the welcome\n",
        &[("ja/ようこそ.md", ""), ("ja/はじめに.md", "ようこそ！\n")],
    )?;
    Ok(())
}

fn infra(draft: &mut Draft) -> Result<(), Error> {
    for (number, host) in (1..).zip(["mercury", "venus", "mars", "jupiter", "saturn"]) {
        draft.commit(
            "main",
            "Margaret Hamilton",
            &format!("Add {host}\n"),
            &[(
                &format!("hosts/{host}.yml"),
                &format!("name: {host}\naddress: 10.0.0.{number}\n"),
            )],
        )?;
    }
    draft.branch("staging", "main~1")
}

fn mobile_app(draft: &mut Draft) -> Result<(), Error> {
    draft.commit(
        "develop",
        "Grace Hopper",
        "Start the app\n",
        &[
            ("README.md", "# Mobile app\n"),
            ("app/main.kt", "fun main() = println(\"hello\")\n"),
        ],
    )?;
    draft.branch("master", "develop")?;
    draft.branch("experiment/offline", "develop")?;
    draft.commit(
        "experiment/offline",
        "Margaret Hamilton",
        "Work without a network\n",
        &[(
            "app/cache.kt",
            "val cache = mutableMapOf<String, String>()\n",
        )],
    )?;
    draft.commit(
        "develop",
        "Grace Hopper",
        "Greet by name\n",
        &[(
            "app/main.kt",
            "fun main(args: Array<String>) = println(\"hello ${args.first()}\")\n",
        )],
    )?;
    Ok(())
}

/// The size of all files in a folder.
pub(crate) fn folder_size(folder: &Path) -> io::Result<u64> {
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        size += if kind.is_dir() {
            folder_size(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(size)
}
