//! Comparing by git itself, which shares no code with what brought a repository back.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{io, thread};

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::refs::{self, RefName, parse_oid};
use forgekeep_restore::Chosen;
use forgekeep_untrusted::Untrusted;

/// What git is told for each question: to trust the folder, and to start nothing.
const CONFIGURATION: [&str; 8] = [
    "-c",
    "safe.directory=*",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.hooksPath=",
];

/// How often it is looked whether git is done, or an interruption ends it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The program.
#[derive(Clone, Debug)]
pub(super) struct Git {
    nowhere: PathBuf,
}

impl Git {
    /// git, where it is installed.
    pub fn find() -> Option<Self> {
        let version = Command::new("git")
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .ok()?;
        version.status.success().then(|| Self {
            nowhere: PathBuf::from(if cfg!(windows) { "NUL" } else { "/dev/null" }),
        })
    }

    /// Where a folder differs from a state: refs, `HEAD`, what the refs reach, files.
    pub fn differences(
        &self,
        folder: &Path,
        chosen: &Chosen,
        cancel: &Cancel,
    ) -> Result<Vec<String>, Failure> {
        let mut found = self.refs(folder, chosen, cancel)?;
        cancel.check()?;
        // All objects that the refs reach, each by its own id: what is wrong with one is only said.
        let all = ["rev-list", "--verify-objects", "--all"];
        match self.ask(folder, cancel, &all) {
            Ok((_, complaint)) if complaint.trim_ascii().is_empty() => {}
            Ok((_, complaint)) => {
                let said = Untrusted::lossy(complaint.trim_ascii());
                found.push(format!("git says of its objects: {}", said.printable()));
            }
            Err(failure) if failure.kind == ErrorKind::Cancelled => return Err(failure),
            Err(failure) => found.push(failure.message.to_string()),
        }
        cancel.check()?;
        let head = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
        let is_born = match self.run(folder, cancel, &head) {
            Err(failure) if failure.kind == ErrorKind::Cancelled => return Err(failure),
            answer => answer.is_ok(),
        };
        if is_born {
            // A new index knows no times of files: so git reads each of them.
            let index = folder.join(".git/index");
            std::fs::remove_file(&index)
                .or_else(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })
                .map_err(|error| Failure::disk("remove", &index, &error))?;
            self.run(folder, cancel, &["read-tree", "HEAD"])?;
            let status = [
                "status",
                "--porcelain=v1",
                "-z",
                "--untracked-files=all",
                "--ignore-submodules=all",
                "--no-renames",
            ];
            let status = self.run(folder, cancel, &status)?;
            for entry in status
                .split(|byte| *byte == 0)
                .filter(|entry| entry.len() > 3)
            {
                let path = Untrusted::lossy(&entry[3..]);
                found.push(format!(
                    "the file \"{}\" is not as in the commit",
                    path.printable()
                ));
            }
        }
        Ok(found)
    }

    fn refs(
        &self,
        folder: &Path,
        chosen: &Chosen,
        cancel: &Cancel,
    ) -> Result<Vec<String>, Failure> {
        let listed = self.run(
            folder,
            cancel,
            &["for-each-ref", "--format=%(objectname) %(refname)"],
        )?;
        let mut there: BTreeMap<RefName, git2::Oid> = BTreeMap::new();
        for line in listed.split(|byte| *byte == b'\n') {
            let oid = line
                .get(..40)
                .and_then(|oid| std::str::from_utf8(oid).ok())
                .and_then(parse_oid);
            if let (Some(oid), Some(name)) = (oid, line.get(41..)) {
                there.insert(name.to_vec(), oid);
            }
        }
        let tips = &chosen.state.tips;
        let missing = tips
            .iter()
            .filter(|(name, oid)| there.get(*name) != Some(oid));
        let mut found: Vec<String> = missing
            .map(|(name, oid)| format!("the ref {} is not {oid}", refs::shown(name)))
            .collect();
        let more = there.keys().filter(|name| !tips.contains_key(*name));
        found.extend(more.map(|name| format!("the ref {} is in no snapshot", refs::shown(name))));
        let branch = chosen.state.default_branch();
        if let Some(branch) = branch {
            let head = self.run(folder, cancel, &["symbolic-ref", "HEAD"])?;
            if head.trim_ascii_end() != branch.as_slice() {
                found.push(format!("HEAD does not point to {}", refs::shown(branch)));
            }
        }
        Ok(found)
    }

    /// What git says.
    fn run(&self, folder: &Path, cancel: &Cancel, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        self.ask(folder, cancel, arguments).map(|(said, _)| said)
    }

    /// What git says, and what it complains of, without any configuration but the repository's own, which Forgekeep
    /// has written.
    fn ask(
        &self,
        folder: &Path,
        cancel: &Cancel,
        arguments: &[&str],
    ) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_git(name)) {
            command.env_remove(name);
        }
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", &self.nowhere)
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .arg("-C")
            .arg(folder)
            .args(CONFIGURATION)
            .args(arguments)
            .stdin(Stdio::null());
        let failed = |error: io::Error| Failure::disk("run git in", folder, &error);
        // Files, not pipes: nobody has to read them while it runs.
        let (mut said, mut complained) = (
            tempfile::tempfile().map_err(failed)?,
            tempfile::tempfile().map_err(failed)?,
        );
        command.stdout(said.try_clone().map_err(failed)?);
        command.stderr(complained.try_clone().map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            if let Err(cancelled) = cancel.check() {
                let _ = child.kill();
                let _ = child.wait();
                return Err(cancelled);
            }
            thread::sleep(LOOK_AGAIN);
        };
        let text = |file: &mut File| {
            let mut text = Vec::new();
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut text).map(|_| text)
        };
        let complaint = text(&mut complained).map_err(failed)?;
        if status.success() {
            let said = text(&mut said).map_err(failed)?;
            return Ok((said, complaint));
        }
        let said = Untrusted::lossy(complaint.trim_ascii());
        let word = arguments.first().copied().unwrap_or_default();
        let message = format!(
            "git {word} fails on what was brought back: {}",
            said.printable()
        );
        Err(Failure::new(ErrorKind::Damaged, message)
            .with_hint("run `forgekeep verify`: it names what is damaged"))
    }
}

/// git's own variables lead it elsewhere.
fn is_of_git(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"GIT_")
}
