//! What is sent: the refs of a state, out of a temporary repository that borrows the mirror's objects.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use forgekeep_durable::atomic_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::refs::RefName;
use forgekeep_protocol::Capabilities;
use forgekeep_store::snapshot::Tips;
use git2::{Oid, PackBuilder, Repository, RepositoryInitOptions};

use super::super::{failed, reach};
use super::{LOST, RefUpdate, damaged, http};

/// A state of a mirror, to be sent in one piece or several.
pub struct Outgoing {
    repository: Repository,
    tips: Tips,
    folder: PathBuf,
    cancel: Cancel,
    /// What the other side has.
    there: HashSet<Oid>,
    threads: u32,
    files: usize,
}

/// What goes to a server: commands and a pack, in a file that is removed with this.
#[derive(Debug)]
pub struct Spooled {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// The objects in it.
    pub objects: Vec<Oid>,
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Outgoing {
    /// A repository with the objects of a mirror, in an empty folder; `tips` is what is to be sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn open(
        mirror: &Path,
        tips: &Tips,
        folder: &Path,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let git_dir = folder.join("source.git");
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false);
        drop(Repository::init_opts(&git_dir, &options).map_err(|e| failed(&e))?);
        let objects = mirror.join("objects");
        let objects =
            fs::canonicalize(&objects).map_err(|error| Failure::disk("read", &objects, &error))?;
        let info = git_dir.join("objects/info");
        let mut line = objects.into_os_string().into_encoded_bytes();
        line.push(b'\n');
        atomic_file::make_folders(&info)?;
        fs::write(info.join("alternates"), line)
            .map_err(|error| Failure::disk("write", &info, &error))?;
        // It needs no refs: what is sent is named with each push, and one that is damaged stops no other.
        let repository = Repository::open(&git_dir).map_err(|e| failed(&e))?;
        Ok(Self {
            repository,
            tips: tips.clone(),
            folder: folder.to_owned(),
            cancel: cancel.clone(),
            there: HashSet::new(),
            threads: 0,
            files: 0,
        })
    }

    /// The same, on one thread: for whoever sends many at a time.
    #[must_use]
    pub fn on_one_thread(self) -> Self {
        Self { threads: 1, ..self }
    }

    /// The repository that is sent from.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Whether the mirror has an object.
    pub fn has(&self, oid: Oid) -> bool {
        self.repository.odb().is_ok_and(|odb| odb.exists(oid))
    }

    /// Whether any of its refs reaches an object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if the mirror lacks something.
    pub fn reaches(&self, oid: Oid) -> Result<bool, Failure> {
        let mut seen = HashSet::new();
        self.walk(&self.tips, &mut seen, &mut |_, _| Ok(()))?;
        Ok(seen.contains(&oid))
    }

    /// Leaves out what the other side has by its refs, as far as it is known here.
    ///
    /// # Errors
    ///
    /// The machine cannot read what there is.
    pub fn leave_out(&mut self, theirs: &Tips) -> Result<(), Failure> {
        let odb = self.repository.odb().map_err(|e| failed(&e))?;
        for (name, oid) in theirs {
            if !odb.exists(*oid) {
                continue;
            }
            let one = Tips::from([(name.clone(), *oid)]);
            let mut there = std::mem::take(&mut self.there);
            let walked = reach::walk(
                &self.repository,
                &one,
                &mut there,
                &self.cancel,
                &mut |_| Ok(()),
                &mut |_, _| Ok(()),
            );
            self.there = there;
            match walked {
                // What the mirror lacks of theirs is no damage: they have it.
                Err(failure) if failure.kind != ErrorKind::Damaged => return Err(failure),
                _ => {}
            }
        }
        Ok(())
    }

    /// The other side has these objects now.
    pub fn has_arrived(&mut self, objects: &[Oid]) {
        self.there.extend(objects);
    }

    /// Nothing is known of what the other side has.
    pub fn forget(&mut self) {
        self.there.clear();
    }

    /// The objects that the other side needs for some refs: what they reach, without what it has. They
    /// are added to `objects`. libgit2's own walk stops at the first commit that it cannot parse.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if the mirror lacks something.
    pub fn pack(&self, tips: &Tips, objects: &mut Vec<Oid>) -> Result<PackBuilder<'_>, Failure> {
        let broken = |error: git2::Error| damaged(failed(&error));
        let mut builder = self.repository.packbuilder().map_err(broken)?;
        builder.set_threads(self.threads);
        let asked = self.cancel.clone();
        builder
            .set_progress_callback(move |_, _, _| !asked.is_cancelled())
            .map_err(broken)?;
        let mut seen = Seen {
            there: &self.there,
            new: HashSet::new(),
        };
        reach::walk_new(
            &self.repository,
            tips,
            &mut |oid| seen.is_new(oid),
            &self.cancel,
            &mut Err,
            &mut |oid, _| {
                objects.push(oid);
                builder.insert_object(oid, None)
            },
        )
        .map_err(lost)?;
        Ok(builder)
    }

    /// Writes commands, and the pack that they need, to a new file: in memory it would be as large as
    /// the repository.
    ///
    /// # Errors
    ///
    /// As [`Outgoing::pack`]; [`ErrorKind::Disk`].
    pub fn spool(
        &mut self,
        commands: &[RefUpdate<'_>],
        capabilities: &Capabilities,
    ) -> Result<Spooled, Failure> {
        let news = commands.iter();
        let news: Vec<(RefName, Oid)> = news
            .map(|command| (command.name.clone(), command.new))
            .collect();
        let tips: Tips = news.into_iter().collect();
        self.files += 1;
        let mut spooled = Spooled {
            path: self.folder.join(format!("push-{}", self.files)),
            bytes: 0,
            objects: Vec::new(),
        };
        let mut objects = Vec::new();
        let mut builder = self.pack(&tips, &mut objects)?;
        let begin = http::begin(commands, capabilities);
        spooled.bytes = write(&spooled.path, &begin, &mut builder, &self.cancel)?;
        drop(builder);
        spooled.objects = objects;
        Ok(spooled)
    }

    fn walk(
        &self,
        tips: &Tips,
        seen: &mut HashSet<Oid>,
        visit: &mut dyn FnMut(Oid, bool) -> Result<(), git2::Error>,
    ) -> Result<(), Failure> {
        reach::walk(&self.repository, tips, seen, &self.cancel, &mut Err, visit).map_err(lost)
    }
}

/// What was met, beside what the other side has.
struct Seen<'a> {
    there: &'a HashSet<Oid>,
    new: HashSet<Oid>,
}

impl Seen<'_> {
    fn is_new(&mut self, oid: Oid) -> bool {
        !self.there.contains(&oid) && self.new.insert(oid)
    }
}

fn lost(failure: Failure) -> Failure {
    match failure.kind {
        ErrorKind::Damaged => failure.with_hint(LOST),
        _ => failure,
    }
}

/// Writes a pack to a new file, after `begin`. Returns how long it is.
fn write(
    path: &Path,
    begin: &[u8],
    builder: &mut PackBuilder<'_>,
    cancel: &Cancel,
) -> Result<u64, Failure> {
    let written = |error: std::io::Error| Failure::disk("write", path, &error);
    let mut file = BufWriter::new(File::create_new(path).map_err(written)?);
    file.write_all(begin).map_err(written)?;
    let mut bytes = begin.len() as u64;
    let mut trouble = None;
    let built = builder.foreach(|piece| match file.write_all(piece) {
        Ok(()) => {
            bytes += piece.len() as u64;
            !cancel.is_cancelled()
        }
        Err(error) => {
            trouble = Some(error);
            false
        }
    });
    cancel.check()?;
    if let Some(error) = trouble {
        return Err(written(error));
    }
    built.map_err(|error| damaged(failed(&error)))?;
    file.flush().map_err(written)?;
    Ok(bytes)
}
