//! File systems of the tests' own, to be filled up and made read-only.
#![allow(clippy::print_stderr)] // a test that is skipped says so

use std::cell::Cell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use forgekeep_tests::{Run, binaries};
use tempfile::TempDir;

use crate::support::World;

/// A tmpfs in the sandbox; gone when dropped, also in a panic.
///
/// Root mounts it. Anybody else does so in a user namespace of a process that does nothing but keep
/// it; there, `forgekeep` is run inside the namespace, and copies are made of what is in there.
pub struct Mount {
    at: PathBuf,
    keeper: Option<Child>,
    copies: TempDir,
    copied: Cell<usize>,
}

impl Mount {
    /// Mounts one at a folder, which is made. None, with a line that says so, if this machine does
    /// not let the test do it.
    pub fn tmpfs(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={size},mode=700");
        let direct = output(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
                .arg(at),
        );
        if direct.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self::new(at, None));
        }
        let script = "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && echo ready && read -r end";
        let keeper = Command::new("unshare")
            .args(["-rm", "sh", "-c", script, "sh", &options])
            .arg(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        if let Ok(mut keeper) = keeper {
            let mut line = String::new();
            let stdout = keeper.stdout.take().unwrap();
            BufReader::new(stdout).read_line(&mut line).ok();
            let mount = Self::new(at, Some(keeper));
            if line.trim() == "ready" {
                return Some(mount);
            }
        }
        eprintln!(
            "skipped: neither mount nor unshare -rm gives this test a file system: {direct:?}"
        );
        None
    }

    fn new(at: &Path, keeper: Option<Child>) -> Self {
        Self {
            at: at.to_owned(),
            keeper,
            copies: tempfile::tempdir().unwrap(),
            copied: Cell::new(0),
        }
    }

    /// A path below the mount, to be looked at now: the path itself, or a copy of what is there. git
    /// finds its way about in no other namespace than its own.
    pub fn view(&self, path: &Path) -> PathBuf {
        if self.keeper.is_none() {
            return path.to_owned();
        }
        let copy = self.copies.path().join(self.copied.get().to_string());
        self.copied.set(self.copied.get() + 1);
        let from = self.real(path);
        if from.exists() {
            let done = output(Command::new("cp").arg("-a").arg(from).arg(&copy)).unwrap();
            assert!(done.status.success(), "{done:?}");
        }
        copy
    }

    /// A path below the mount, as this process can open it.
    fn real(&self, path: &Path) -> PathBuf {
        match &self.keeper {
            None => path.to_owned(),
            Some(keeper) => {
                let inside = path.strip_prefix("/").unwrap();
                Path::new(&format!("/proc/{}/root", keeper.id())).join(inside)
            }
        }
    }

    /// A program with arguments, where the mount is.
    fn inside(&self, program: &Path) -> (PathBuf, Vec<String>) {
        match &self.keeper {
            None => (program.to_owned(), Vec::new()),
            Some(keeper) => {
                let pid = keeper.id().to_string();
                let enter = ["-U", "-m", "--preserve-credentials", "-t", &pid];
                let mut arguments: Vec<_> = enter.map(str::to_owned).into();
                arguments.push(program.to_str().unwrap().to_owned());
                ("/usr/bin/nsenter".into(), arguments)
            }
        }
    }

    /// Backs up, where the mount is.
    pub fn backup(&self, world: &World, more: &[&str]) -> Run {
        let report = world.sandbox.path("report.json");
        fs::remove_file(&report).ok();
        let arguments = ["backup", "--report", report.to_str().unwrap()];
        let mut run = self.run(world, &[&arguments, more].concat());
        let written = fs::read(&report).ok();
        run.report = written.map(|bytes| serde_json::from_slice(&bytes).unwrap());
        run
    }

    /// Runs a command with the world's configuration, where the mount is.
    pub fn run(&self, world: &World, arguments: &[&str]) -> Run {
        let settings = world.sandbox.path("settings.yml");
        let (program, before) = self.inside(&binaries().forgekeep());
        let command = world.sandbox.program(program, before).args(arguments);
        command
            .args(&["--config", settings.to_str().unwrap()])
            .run()
    }

    /// Changes how it is mounted.
    pub fn remount(&self, options: &str) {
        let (program, before) = self.inside(Path::new("mount"));
        let options = format!("remount,{options}");
        let mut command = Command::new(program);
        // With type and source given, mount(8) does not repeat the options there are: in a namespace
        // one of them is the owner, as seen from outside.
        command
            .args(before)
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"]);
        let done = output(command.arg(&self.at)).unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    /// Fills it up but for so many bytes, in whole pages.
    pub fn fill(&self, leave: u64) {
        let path = self.filler();
        fs::remove_file(&path).ok();
        let mut file = fs::File::create(&path).unwrap();
        let mut written = 0;
        for size in [1 << 20, 4096] {
            let chunk = vec![b'x'; size];
            while file.write_all(&chunk).is_ok() {
                written += size as u64;
                // What did not fit as a whole is there in part: begin the next at the right place.
                file.set_len(written).unwrap();
            }
            file.set_len(written).unwrap();
            std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(written)).unwrap();
        }
        file.set_len(written.saturating_sub(leave)).unwrap();
    }

    /// Makes room again.
    pub fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.real(&self.at.join("filler"))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        match &mut self.keeper {
            None => drop(output(Command::new("umount").arg("-l").arg(&self.at))),
            Some(keeper) => {
                keeper.kill().ok();
                keeper.wait().ok();
            }
        }
    }
}

fn output(command: &mut Command) -> std::io::Result<Output> {
    command.stdin(Stdio::null()).output()
}
