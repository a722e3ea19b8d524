//! All objects of a table, each made once, on all cores.
//!
//! A thread takes an object that is there as a whole, and goes down the tree of what is made from it. What is
//! held at a time is bounded: see [`Children`] and [`Buffer`].

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;

use forgekeep_failure::Cancel;
use git2::{ObjectType, Oid};
use parking_lot::Mutex;

use crate::buffer::Buffer;
use crate::delta::{DeltaHeader, apply};
use crate::inflate::Entries;
use crate::object_id::{IdHasher, object_id};
use crate::pack_file::PackFile;
use crate::table::{Children, Position, Table};
use crate::threads::Running;
use crate::{Survey, Unsound};

/// Bytes from which on a blob that nothing is made from is not held.
const STREAMED: u64 = 1024 * 1024;

/// Objects that a thread takes at a time: neighbours in the pack.
const BATCH: usize = 32;

/// An object that was read.
pub struct Object<'a> {
    /// Its place in the table, which is in the order of the pack.
    pub(crate) position: Position,
    /// The id that its content has.
    pub oid: Oid,
    /// Its type.
    pub kind: ObjectType,
    /// Its content; none of a large blob, which is read piece by piece.
    pub content: Option<&'a [u8]>,
}

/// What is done with each object. It says whether to go on.
pub(crate) type See<'a> = &'a (dyn Fn(&Object<'_>) -> Result<(), Unsound> + Sync);

/// Reads all objects of a pack that was surveyed, each once, and gives each to `see` once its content has been
/// found to have the id that the index has for it; `see` says whether to go on. Without an error each was seen.
///
/// Objects that have to be held and are larger than `limit` bytes are not read. `folder` is where files for
/// contents are made.
///
/// # Errors
///
/// Anything is amiss: then nothing is known of any object.
pub fn read_all(
    survey: &Survey<'_>,
    limit: u64,
    folder: &Path,
    cancel: &Cancel,
    see: impl Fn(&Object<'_>) -> bool + Sync,
) -> Result<(), Unsound> {
    let table = survey.table.as_ref();
    let table = table.ok_or(Unsound::Invalid("its index does not fit it"))?;
    let file = PackFile::open(survey.pack)?;
    let seen = AtomicUsize::new(0);
    let see = |object: &Object<'_>| {
        if survey.oid(object.position) != object.oid {
            return Err(Unsound::Invalid("an object does not match its id"));
        }
        seen.fetch_add(1, Ordering::Relaxed);
        match see(object) {
            true => Ok(()),
            false => Err(Unsound::Invalid("it was not read to its end")),
        }
    };
    let resolver = Resolver::new(table, &file, limit, folder, cancel, &see);
    let all = 0..table.len() as Position;
    let roots: Vec<Root> = all
        .filter(|position| table.whole(*position).is_some())
        .map(Root::Entry)
        .collect();
    resolver.run(&roots)?;
    match seen.into_inner() == table.len() {
        true => Ok(()),
        false => Err(Unsound::Invalid("a delta's base is not in the pack")),
    }
}

/// Where a tree of deltas begins.
pub(crate) enum Root {
    /// An entry that is there as a whole, and was not seen.
    Entry(Position),
    /// One that was seen already: only what is made from it is of interest.
    Seen(Position, Oid),
    /// An object from elsewhere.
    Other(Oid, ObjectType, Vec<u8>),
}

pub(crate) struct Resolver<'a> {
    table: &'a Table,
    children: Children,
    file: &'a PackFile,
    limit: u64,
    folder: &'a Path,
    cancel: &'a Cancel,
    see: See<'a>,
    /// Whose turn it was: an object may be in a pack twice, and so be the base of the same delta twice.
    taken: Vec<AtomicBool>,
}

/// An object from which something is still to be made.
struct Frame<'a> {
    content: Content<'a>,
    named: std::ops::Range<usize>,
    placed: std::ops::Range<usize>,
}

enum Content<'a> {
    Own(Buffer),
    Other(&'a [u8]),
}

impl std::ops::Deref for Content<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(content) => content,
            Self::Other(content) => content,
        }
    }
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        table: &'a Table,
        file: &'a PackFile,
        limit: u64,
        folder: &'a Path,
        cancel: &'a Cancel,
        see: See<'a>,
    ) -> Self {
        Self {
            children: table.children(),
            taken: (0..table.len()).map(|_| AtomicBool::new(false)).collect(),
            table,
            file,
            limit,
            folder,
            cancel,
            see,
        }
    }

    /// Whether anything is made from an entry that is this object.
    pub(crate) fn is_base(&self, position: Position, oid: Oid) -> bool {
        !self.children.of(position).is_empty() || !self.table.named_by(oid).is_empty()
    }

    /// Whether an entry was made.
    pub(crate) fn is_made(&self, position: Position) -> bool {
        self.taken[position as usize].load(Ordering::Relaxed)
    }

    /// Makes all that is made from these.
    pub(crate) fn run(&self, roots: &[Root]) -> Result<(), Unsound> {
        if roots.is_empty() {
            return Ok(());
        }
        let running = Running::new();
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        let is_over = AtomicBool::new(false);
        let work = || {
            let mut entries = Entries::new(self.file, self.cancel);
            while !is_over.load(Ordering::Relaxed) {
                let begin = next.fetch_add(BATCH, Ordering::Relaxed);
                let Some(batch) = roots.get(begin..) else {
                    break;
                };
                let done = batch
                    .iter()
                    .take(BATCH)
                    .try_for_each(|root| self.tree(&mut entries, root));
                if let Err(unsound) = done {
                    is_over.store(true, Ordering::Relaxed);
                    failed.lock().get_or_insert(unsound);
                }
            }
        };
        let others = running.threads().min(roots.len().div_ceil(BATCH)).max(1) - 1;
        thread::scope(|scope| {
            for _ in 0..others {
                // Where there may be no more threads, this one does it all.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        failed.into_inner().map_or(Ok(()), Err)
    }

    fn tree(&self, entries: &mut Entries<'_>, root: &Root) -> Result<(), Unsound> {
        match root {
            Root::Entry(position) => {
                let kind = self.table.whole(*position);
                let kind = kind.ok_or(Unsound::Invalid("an entry has no valid type"))?;
                if self.take(*position)?
                    && let Some((oid, content)) = self.whole(entries, *position, kind)?
                {
                    self.descend(
                        entries,
                        self.frame(Some(*position), oid, Content::Own(content)),
                        kind,
                    )?;
                }
                Ok(())
            }
            Root::Seen(position, oid) => {
                let kind = self.table.whole(*position);
                let kind = kind.ok_or(Unsound::Invalid("an entry has no valid type"))?;
                let (begin, end) = self.table.range(*position);
                let header = entries.header(begin, end)?;
                let content = self.content(entries, header.size)?;
                self.descend(
                    entries,
                    self.frame(Some(*position), *oid, Content::Own(content)),
                    kind,
                )
            }
            Root::Other(oid, kind, content) => self.descend(
                entries,
                self.frame(None, *oid, Content::Other(content)),
                *kind,
            ),
        }
    }

    fn take(&self, position: Position) -> Result<bool, Unsound> {
        self.cancel.check()?;
        Ok(!self.taken[position as usize].swap(true, Ordering::Relaxed))
    }

    fn content(&self, entries: &mut Entries<'_>, size: u64) -> Result<Buffer, Unsound> {
        match size <= self.limit {
            true => entries.content(size, self.folder),
            false => Err(Unsound::TooLarge(size)),
        }
    }

    /// Reads an object that is there as a whole. Returns it if something is made from it.
    fn whole(
        &self,
        entries: &mut Entries<'_>,
        position: Position,
        kind: ObjectType,
    ) -> Result<Option<(Oid, Buffer)>, Unsound> {
        let (begin, end) = self.table.range(position);
        let size = entries.header(begin, end)?.size;
        if kind == ObjectType::Blob && size >= STREAMED && self.children.of(position).is_empty() {
            let mut id = IdHasher::new(kind, size);
            entries.stream(size, |piece| id.update(piece))?;
            let oid = id.finish().ok_or(Unsound::Collision)?;
            self.saw(position, oid, kind, None)?;
            if self.table.named_by(oid).is_empty() {
                return Ok(None);
            }
            entries.header(begin, end)?;
            return Ok(Some((oid, self.content(entries, size)?)));
        }
        let content = self.content(entries, size)?;
        let oid = object_id(kind, &content).ok_or(Unsound::Collision)?;
        self.saw(position, oid, kind, Some(&content))?;
        Ok(Some((oid, content)).filter(|(oid, _)| self.is_base(position, *oid)))
    }

    fn saw(
        &self,
        position: Position,
        oid: Oid,
        kind: ObjectType,
        content: Option<&[u8]>,
    ) -> Result<(), Unsound> {
        (self.see)(&Object {
            position,
            oid,
            kind,
            content,
        })
    }

    fn frame<'c>(&self, position: Option<Position>, oid: Oid, content: Content<'c>) -> Frame<'c> {
        Frame {
            content,
            named: self.table.named_by(oid),
            placed: position.map_or(0..0, |position| self.children.of(position)),
        }
    }

    /// Makes all that is made from an object.
    fn descend(
        &self,
        entries: &mut Entries<'_>,
        first: Frame<'_>,
        kind: ObjectType,
    ) -> Result<(), Unsound> {
        let mut stack = vec![first];
        while let Some(top) = stack.last_mut() {
            let named = top.named.next().map(|place| self.table.named()[place].1);
            let child = named.or_else(|| top.placed.next().map(|place| self.children.at(place)));
            let Some(child) = child else {
                stack.pop();
                continue;
            };
            if !self.take(child)? {
                continue;
            }
            let content = self.made(entries, child, &top.content)?;
            // Before that is at work from which most is made, which comes last.
            if top.named.is_empty() && top.placed.is_empty() {
                stack.pop();
            }
            let oid = object_id(kind, &content).ok_or(Unsound::Collision)?;
            self.saw(child, oid, kind, Some(&content))?;
            if self.is_base(child, oid) {
                stack.push(self.frame(Some(child), oid, Content::Own(content)));
            }
        }
        Ok(())
    }

    /// Makes an object from its base.
    fn made(
        &self,
        entries: &mut Entries<'_>,
        position: Position,
        base: &[u8],
    ) -> Result<Buffer, Unsound> {
        let (begin, end) = self.table.range(position);
        let header = entries.header(begin, end)?;
        let delta = self.content(entries, header.size)?;
        let sizes = DeltaHeader::read(&delta).ok_or(Unsound::Invalid("a delta has no sizes"))?;
        if sizes.base != base.len() as u64 {
            return Err(Unsound::Invalid("a delta does not fit its base"));
        }
        let length = usize::try_from(sizes.result).ok();
        let length = length.filter(|_| sizes.result <= self.limit);
        let length = length.ok_or(Unsound::TooLarge(sizes.result))?;
        let failed = |error| Unsound::disk("write to", self.folder, error);
        let mut result = Buffer::new(length, self.folder).map_err(failed)?;
        apply(base, &delta[sizes.length..], &mut result)
            .ok_or(Unsound::Invalid("a delta cannot be applied to its base"))?;
        Ok(result)
    }
}

/// Ids of objects that several threads find out, by position.
pub(crate) struct Ids(Vec<[AtomicU32; 5]>);

impl Ids {
    pub(crate) fn new(count: usize) -> Self {
        let none = || std::array::from_fn(|_| AtomicU32::new(0));
        Self((0..count).map(|_| none()).collect())
    }

    pub(crate) fn set(&self, position: Position, oid: Oid) {
        let (words, _) = oid.as_bytes().as_chunks::<4>();
        for (place, word) in self.0[position as usize].iter().zip(words) {
            place.store(u32::from_be_bytes(*word), Ordering::Relaxed);
        }
    }

    /// As it sorts.
    pub(crate) fn get(&self, position: Position) -> [u32; 5] {
        let words = &self.0[position as usize];
        std::array::from_fn(|at| words[at].load(Ordering::Relaxed))
    }
}
