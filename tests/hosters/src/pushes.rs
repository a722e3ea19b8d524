//! Pushes to the repositories of all fakes, which real git takes: what is refused of them, and how the
//! repositories are.

use std::fs;
use std::io::Write;
use std::path::Path;

use forgekeep_demo_hoster::{Request, Response};

use crate::{backend, git};

/// Git's name of the service.
const RECEIVE: &str = "git-receive-pack";
/// The file that holds what git itself is told of the next push.
const SETTINGS: &str = "pushes";

/// What a server refuses of pushes. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Pushes {
    /// Refs that are refused one by one, as by git's hook `update`: patterns of the shell.
    pub refused: Vec<String>,
    /// Refs for which the whole push is refused, as by git's hook `pre-receive`: patterns of the shell.
    pub refused_with_all: Vec<String>,
    /// What stands before the words of both, such as the hoster's number of a rule.
    pub words: &'static str,
    /// Whether refs that hold files of GitHub's workflows are refused one by one.
    pub workflows: bool,
    /// Whether a push of objects that git's own check complains of is refused.
    pub bad_objects: bool,
    /// Bytes of a file, above which the whole push is refused.
    pub file_bytes: Option<u64>,
    /// Bytes of a pack, above which git refuses the whole push.
    pub pack_bytes: Option<u64>,
    /// Bytes of a push, above which a proxy answers 413.
    pub push_bytes: Option<usize>,
}

/// Makes a bare repository that takes pushes by HTTP, with `main` for its default branch.
pub(crate) fn make(folder: &Path) {
    // By hand: a benchmark makes hundreds, and git itself takes some milliseconds for each.
    for name in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(folder.join(name)).expect("a new folder");
    }
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\
         [http]\n\treceivepack = true\n[include]\n\tpath = {SETTINGS}\n"
    );
    fs::write(folder.join("config"), config).expect("a configuration");
    fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").expect("a HEAD");
}

/// Whether a request of git's is for pushing: the question for what is there, or the push. `rest` is its path
/// below the repository's.
pub(crate) fn is_push(request: &Request, rest: &str) -> bool {
    rest == RECEIVE || request.parameter("service").as_deref() == Some(RECEIVE)
}

/// The default branch of a bare repository.
pub(crate) fn default_branch(folder: &Path) -> String {
    let head = fs::read_to_string(folder.join("HEAD")).unwrap_or_default();
    let name = head.trim().strip_prefix("ref: refs/heads/");
    name.unwrap_or("main").to_owned()
}

/// Sets it, if there is such a branch, or there need not be one.
pub(crate) fn set_default_branch(folder: &Path, name: &str, need_not_be: bool) -> bool {
    let is_there = need_not_be || git::tip(folder, name).is_some();
    if is_there {
        let full = format!("refs/heads/{name}");
        git::run(folder, &["symbolic-ref", "HEAD", &full]);
    }
    is_there
}

/// Sets it to some branch, where the one that it names is not there and others are.
pub(crate) fn settle_default_branch(folder: &Path) {
    if is_empty(folder) || git::tip(folder, &default_branch(folder)).is_some() {
        return;
    }
    let format = "--format=%(refname:lstrip=2)";
    let all = git::run(folder, &["for-each-ref", format, "refs/heads"]);
    if let Some(first) = all.lines().next() {
        set_default_branch(folder, first, true);
    }
}

/// Whether a bare repository has no branch.
pub(crate) fn is_empty(folder: &Path) -> bool {
    let heads = fs::read_dir(folder.join("refs/heads"));
    heads.is_ok_and(|mut heads| heads.next().is_none()) && !folder.join("packed-refs").exists()
}

impl Pushes {
    /// Has git answer a request to a repository, and take a push as far as it is not refused.
    pub(crate) fn run(&self, folder: &Path, path: &str, request: Request) -> Response {
        if path != RECEIVE {
            return backend::run(folder, path, request);
        }
        let is_large = |most| request.body.len() > most;
        if self.push_bytes.is_some_and(is_large) {
            return Response::text(413, "Request Entity Too Large");
        }
        place(folder, SETTINGS, self.settings());
        let hooks = folder.join("hooks");
        place(&hooks, "update", self.update());
        place(&hooks, "pre-receive", self.pre_receive());
        backend::run(folder, path, request)
    }

    fn settings(&self) -> Option<String> {
        let most = self
            .pack_bytes
            .map(|most| format!("\tmaxInputSize = {most}\n"));
        let checks = self
            .bad_objects
            .then(|| "\tfsckObjects = true\n".to_owned());
        let lines: String = most.into_iter().chain(checks).collect();
        (!lines.is_empty()).then(|| format!("[receive]\n{lines}"))
    }

    /// The hook for each ref of a push.
    fn update(&self) -> Option<String> {
        let mut script = self.cases("$1", &self.refused);
        if self.workflows {
            script += "if git ls-tree -r --name-only \"$3\" 2>/dev/null | grep -q '^\\.github/workflows/'; then\n\
                 echo 'refusing to allow a Personal Access Token to create or update workflow without workflow scope' >&2\n\
                 exit 1\nfi\n";
        }
        (!script.is_empty()).then(|| format!("#!/bin/sh\n{script}exit 0\n"))
    }

    /// The hook for a push as a whole.
    fn pre_receive(&self) -> Option<String> {
        let mut script = self.cases("$ref", &self.refused_with_all);
        if let Some(most) = self.file_bytes {
            script += &format!(
                "case \"$new\" in *[!0]*) ;; *) continue ;; esac\n\
                 git rev-list --objects \"$new\" --not --all | cut -d' ' -f1 |\n\
                 git cat-file --batch-check='%(objecttype) %(objectsize)' |\n\
                 awk '$1 == \"blob\" && $2 > {most} {{ exit 1 }}' || {{\n\
                 echo \"a file is larger than {most} bytes\" >&2; exit 1; }}\n"
            );
        }
        let each =
            |script| format!("#!/bin/sh\nwhile read -r old new ref; do\n{script}done\nexit 0\n");
        (!script.is_empty()).then(|| each(script))
    }

    /// What refuses refs of these patterns.
    fn cases(&self, name: &str, refs: &[String]) -> String {
        let words = format!("{}refused by a rule", self.words);
        let one = |pattern: &String| {
            format!("case \"{name}\" in {pattern}) echo '{words}: {pattern}' >&2; exit 1 ;; esac\n")
        };
        refs.iter().map(one).collect()
    }
}

/// Replaces a file in one step, since another push may be reading it, or removes it; not where it is so already.
fn place(folder: &Path, name: &str, content: Option<String>) {
    let path = folder.join(name);
    let Some(content) = content else {
        fs::remove_file(&path).ok();
        return;
    };
    if fs::read_to_string(&path).is_ok_and(|there| there == content) {
        return;
    }
    fs::create_dir_all(folder).expect("a folder");
    let mut new = tempfile::NamedTempFile::new_in(folder).expect("a temporary file");
    new.write_all(content.as_bytes()).expect("it is written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(new.path(), executable).expect("a mode");
    }
    // Closed before it is renamed: a file that is open for writing is not run.
    let new = new.into_temp_path();
    new.persist(&path).expect("the file is in its place");
}
