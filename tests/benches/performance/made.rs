//! Made-up repositories in the likeness of real ones: folders in folders, changes of a few lines, long messages,
//! and a branch or a tag for every sixth commit. The same size makes the same objects.
//!
//! They are kept between runs in the target folder's `tmp`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use forgekeep_tests::git;

/// Commits for each megabyte that the pack is to have.
const COMMITS: u32 = 340;
/// Files in the first commit, for each of them.
const FILES: u32 = 20;
/// Raised with every change of what is made.
const VERSION: u32 = 1;

/// A repository whose pack has about so many megabytes; made, unless an earlier run has left it.
pub fn repository(megabytes: f64) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("made-{VERSION}-{megabytes:.2}.git"));
    if !path.is_dir() {
        let unfinished = tempfile::Builder::new()
            .prefix("making-")
            .tempdir_in(folder)
            .expect("a new folder");
        println!("making a repository of about {megabytes:.1} MB, once");
        make(unfinished.path(), megabytes);
        // Somebody else's may be there by now, and is as good.
        if fs::rename(unfinished.path(), &path).is_err() {
            assert!(path.is_dir(), "a folder can be renamed");
        }
    }
    path
}

fn make(folder: &Path, megabytes: f64) {
    git::empty(folder);
    let arguments = ["-c", "core.compression=1", "fast-import", "--quiet"];
    let mut child = git::command(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("git is there");
    let mut input = child.stdin.take().expect("it is piped");
    let scaled = |per_megabyte: u32| (f64::from(per_megabyte) * megabytes).ceil() as usize;
    let mut history = History::new(scaled(FILES));
    for number in 1..=scaled(COMMITS) {
        let text = history.commit(number);
        input.write_all(text.as_bytes()).expect("git reads it");
    }
    drop(input);
    assert!(child.wait().expect("git ends").success());
    git::run(folder, &["repack", "-adFq"]);
    git::run(folder, &["pack-refs", "--all"]);
}

/// What there is so far.
struct History {
    random: Random,
    words: Vec<String>,
    files: Vec<File>,
}

struct File {
    path: String,
    lines: Vec<String>,
}

impl History {
    fn new(files: usize) -> Self {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let words = (0..2048).map(|_| {
            let letters =
                (0..3 + random.below(7)).map(|_| char::from(b'a' + random.below(26) as u8));
            letters.collect()
        });
        let words = words.collect();
        let mut history = Self {
            random,
            words,
            files: Vec::new(),
        };
        for _ in 0..files {
            history.new_file();
        }
        history
    }

    fn new_file(&mut self) -> usize {
        let random = &mut self.random;
        let [a, b, c] = [12, 9, 6].map(|below| random.below(below));
        let path = match random.below(4) {
            0 => format!("part-{a}/file-{}.txt", self.files.len()),
            1 => format!("part-{a}/src/group-{b}/file-{}.txt", self.files.len()),
            _ => format!(
                "part-{a}/src/group-{b}/inner-{c}/file-{}.txt",
                self.files.len()
            ),
        };
        let lines = 20 + random.below(500);
        let lines = (0..lines).map(|_| self.line()).collect();
        self.files.push(File { path, lines });
        self.files.len() - 1
    }

    fn line(&mut self) -> String {
        let mut line = " ".repeat(4 * self.random.below(4));
        for _ in 0..2 + self.random.below(8) {
            // Some words are far more usual than others.
            let below = 1 + self.random.below(self.words.len());
            line += &self.words[self.random.below(below)];
            line.push(' ');
        }
        line
    }

    /// A commit in the language of git-fast-import(1), with what else comes with it.
    fn commit(&mut self, number: usize) -> String {
        let mut changed: Vec<usize> = match number {
            1 => (0..self.files.len()).collect(),
            _ => (0..1 + self.random.below(3)).map(|_| self.edit()).collect(),
        };
        if number.is_multiple_of(20) {
            changed.push(self.new_file());
        }
        let message: Vec<_> = (0..1 + self.random.below(6)).map(|_| self.line()).collect();
        let message = message.join("\n");
        let person = format!(
            "Ada <ada@example.com> {} +0000",
            1_600_000_000 + number * 600
        );
        let mut text = format!(
            "commit refs/heads/main\nmark :{number}\ncommitter {person}\ndata {}\n{message}\n",
            message.len()
        );
        for file in changed {
            let File { path, lines } = &self.files[file];
            let content = lines.join("\n");
            write!(
                text,
                "M 100644 inline {path}\ndata {}\n{content}\n",
                content.len()
            )
            .expect("it goes into memory");
        }
        if number.is_multiple_of(12) {
            write!(
                text,
                "tag v{number}\nfrom :{number}\ntagger {person}\ndata 1\nv\n"
            )
            .expect("it goes into memory");
        } else if number.is_multiple_of(6) {
            write!(text, "reset refs/heads/topic/{number}\nfrom :{number}\n\n")
                .expect("it goes into memory");
        }
        text
    }

    /// Replaces some lines in up to three places of a file.
    fn edit(&mut self) -> usize {
        let file = self.random.below(self.files.len());
        for _ in 0..1 + self.random.below(3) {
            let length = self.files[file].lines.len();
            let from = self.random.below(length);
            let to = length.min(from + self.random.below(12));
            let new: Vec<_> = (0..1 + self.random.below(24))
                .map(|_| self.line())
                .collect();
            self.files[file].lines.splice(from..to, new);
        }
        file
    }
}

/// The same numbers each time: xorshift, by George Marsaglia.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}
