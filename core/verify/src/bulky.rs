//! What is too large to be handed to libgit2, which holds an object and all that it is made from in
//! memory: a blob that is stored as a whole is inflated and hashed piece by piece; what else is above
//! the limit is not checked, and nothing follows about it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use forgekeep_failure::Failure;
use forgekeep_git::object_files::ObjectFiles;
use forgekeep_git::packs::{Bulk, PackIndex, Stream, bulky};
use forgekeep_git::{libgit2, memory};
use forgekeep_untrusted::Show as _;
use git2::{ObjectType, Oid};
use rayon::prelude::*;

use super::Watch;

/// Bytes from which on an object is looked at before it is read.
const LARGE: u64 = 16 * 1024 * 1024;

/// What has come of the large objects.
#[derive(Default)]
pub(super) struct Bulky {
    whole: HashSet<Oid>,
    damaged: HashSet<Oid>,
    unchecked: BTreeMap<Oid, String>,
}

impl Bulky {
    /// Checks the large objects of a pack. Returns those that libgit2 must not be asked for. In a
    /// pack that is known to be `torn` sizes say nothing.
    pub(super) fn of_pack(
        &mut self,
        pack: &Path,
        index: &PackIndex,
        torn: bool,
        watch: &Watch,
    ) -> Result<HashSet<Oid>, Failure> {
        let from = LARGE.min(watch.object_bytes.saturating_add(1));
        let mut aside = HashSet::new();
        let mut blobs = Vec::new();
        for (oid, bulk) in bulky(pack, index, from, &watch.cancel)? {
            match bulk {
                Bulk::Blob { offset, size } => blobs.push((oid, offset, size)),
                Bulk::Held(_) if torn => {}
                Bulk::Held(size) => {
                    if self.refuse(oid, size, watch) {
                        aside.insert(oid);
                    }
                }
            }
        }
        let checked: Result<Vec<(Oid, bool)>, Failure> = blobs
            .into_par_iter()
            .map(|(oid, offset, size)| {
                watch.count(1);
                let mut stream = match Stream::of_entry(pack, offset, size) {
                    Ok(stream) => stream,
                    Err(failure) if failure.is_damage() => return Ok((oid, false)),
                    Err(failure) => return Err(failure),
                };
                Ok((oid, stream.is_blob(oid, &watch.cancel)?))
            })
            .collect();
        for (oid, whole) in checked? {
            aside.insert(oid);
            match whole {
                true => self.whole.insert(oid),
                false => self.damaged.insert(oid),
            };
        }
        Ok(aside)
    }

    /// The same for a loose object that is sound, as has been seen already.
    pub(super) fn of_loose(
        &mut self,
        oid: Oid,
        kind: Option<ObjectType>,
        size: u64,
        watch: &Watch,
    ) -> bool {
        if size < LARGE && size <= watch.object_bytes {
            return false;
        }
        match kind {
            Some(ObjectType::Blob) => self.whole.insert(oid),
            _ => self.refuse(oid, size, watch),
        }
    }

    /// Those that turned out to be so when they were read: in a pack that is damaged, or by their bases.
    pub(super) fn too_large(&mut self, all: Vec<(Oid, Box<str>)>) {
        for (oid, why) in all {
            self.unchecked.entry(oid).or_insert_with(|| why.into());
        }
    }

    fn refuse(&mut self, oid: Oid, size: u64, watch: &Watch) -> bool {
        let why = memory::refusal(size, watch.object_bytes);
        let is_refused = why.is_some();
        if let Some(why) = why {
            watch.count(1);
            self.unchecked.insert(oid, why);
        }
        is_refused
    }

    /// Those of which no copy is whole.
    pub(super) fn damaged(&self) -> impl Iterator<Item = Oid> {
        self.damaged.difference(&self.whole).copied()
    }

    /// Those that could not be checked, and why. What is whole elsewhere is not among them.
    pub(super) fn unchecked(&self, mirror: &Path) -> BTreeMap<Oid, Failure> {
        let all = self.unchecked.iter();
        all.filter(|(oid, _)| !self.whole.contains(oid))
            .map(|(oid, why)| (*oid, not_checked(*oid, mirror, why)))
            .collect()
    }
}

fn not_checked(oid: Oid, mirror: &Path, why: &str) -> Failure {
    let message = format!(
        "the object {oid} in {} was not checked: {why}",
        mirror.shown()
    );
    libgit2::too_large(message, why).with_hint(format!(
        "{}; `git fsck` in that folder reads it in any case",
        memory::HINT
    ))
}

/// Loose objects that libgit2 must not be asked for.
pub(super) fn loose(
    files: &ObjectFiles,
    sizes: &HashMap<Oid, (Option<ObjectType>, u64)>,
    bulky: &mut Bulky,
    watch: &Watch,
) -> HashSet<Oid> {
    let all = files.loose.iter().map(|(oid, _)| *oid);
    all.filter(|oid| {
        let size = sizes.get(oid);
        size.is_some_and(|(kind, size)| bulky.of_loose(*oid, *kind, *size, watch))
    })
    .collect()
}
