//! Pushes to a fake's repositories, which real git takes: what is refused of them.

use std::fs;
use std::io::Write;
use std::path::Path;

use forgekeep_demo_hoster::{Request, Response};

use crate::{backend, git};

/// What a server refuses of pushes. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Pushes {
    /// Refs that are refused one by one, as by git's hook `update`: patterns of the shell.
    pub refused: Vec<String>,
    /// Refs for which the whole push is refused, as by git's hook `pre-receive`: patterns of the shell.
    pub refused_with_all: Vec<String>,
    /// Bytes of a file, above which the whole push is refused.
    pub file_bytes: Option<u64>,
    /// Bytes of a push, above which a proxy answers 413.
    pub push_bytes: Option<usize>,
}

/// Makes a bare repository that takes pushes by HTTP, with `main` for its default branch.
pub(crate) fn make(folder: &Path) {
    // By hand: a benchmark makes hundreds, and git itself takes some milliseconds for each.
    for name in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
        fs::create_dir_all(folder.join(name)).expect("a new folder");
    }
    let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
    fs::write(folder.join("config"), config).expect("a configuration");
    fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").expect("a HEAD");
    allow(folder);
}

/// Lets a bare repository take pushes by HTTP.
pub(crate) fn allow(folder: &Path) {
    let config = fs::File::options().append(true).open(folder.join("config"));
    let mut config = config.expect("a configuration");
    config
        .write_all(b"[http]\n\treceivepack = true\n")
        .expect("it is written");
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

impl Pushes {
    /// Has git take a push, as far as it is not refused.
    pub(crate) fn run(&self, folder: &Path, request: Request) -> Response {
        if self
            .push_bytes
            .is_some_and(|most| request.body.len() > most)
        {
            return Response::text(413, "Request Entity Too Large");
        }
        self.write_hooks(folder);
        backend::run(folder, "git-receive-pack", request)
    }

    fn write_hooks(&self, folder: &Path) {
        let one_by_one = cases(&self.refused);
        let update = format!("#!/bin/sh\ncase \"$1\" in\n{one_by_one}esac\nexit 0\n");
        let all = cases(&self.refused_with_all);
        let most = self
            .file_bytes
            .map_or("-".to_owned(), |most| most.to_string());
        let too_large = format!(
            "if [ {most} != - ]; then\n\
             git rev-list --objects \"$new\" --not --all | cut -d' ' -f1 |\n\
             git cat-file --batch-check='%(objecttype) %(objectsize)' |\n\
             awk '$1 == \"blob\" && $2 > {most} {{ exit 1 }}' || {{\n\
             echo \"a file is larger than {most} bytes\" >&2; exit 1; }}\nfi\n"
        );
        let pre_receive = format!(
            "#!/bin/sh\nwhile read old new ref; do\ncase \"$ref\" in\n{all}esac\n\
             case \"$new\" in *[!0]*) ;; *) continue ;; esac\n{too_large}done\nexit 0\n"
        );
        for (name, script) in [("update", update), ("pre-receive", pre_receive)] {
            write_hook(&folder.join("hooks"), name, &script);
        }
    }
}

/// What refuses refs, for a `case` of the shell.
fn cases(refs: &[String]) -> String {
    let one = |pattern: &String| {
        format!("{pattern}) echo \"refused by a rule: {pattern}\" >&2; exit 1 ;;\n")
    };
    refs.iter().map(one).collect()
}

/// Replaces a hook in one step, since another push may be running it; not where it is there already.
fn write_hook(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    if fs::read_to_string(&path).is_ok_and(|there| there == script) {
        return;
    }
    fs::create_dir_all(folder).expect("a folder for hooks");
    let new = tempfile::NamedTempFile::new_in(folder).expect("a temporary file");
    fs::write(new.path(), script).expect("a hook");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(new.path(), executable).expect("a mode");
    }
    // Closed before it is renamed: a file that is open for writing is not run.
    let new = new.into_temp_path();
    new.persist(&path).expect("the hook is in its place");
}
