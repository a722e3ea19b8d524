//! Entries of the trash whose state file is damaged or missing: they are told, and written again.

use forgekeep_failure::Finding;
use forgekeep_untrusted::Show as _;

use super::{Tombstones, below, failure_note, trash};
use crate::event::note_of;
use crate::source::{OpenSource, RunSource};

impl Tombstones<'_> {
    /// Writes state files again that are damaged or missing in the trash, as the snapshots tell, and tells
    /// of them. Their period there starts again.
    pub(super) fn recover_trash(&self, sources: &mut [RunSource]) {
        // What keeps the trash from being read is told where it is emptied.
        let entries = trash::entries(self.local_folder).unwrap_or_default();
        let damaged = entries.into_iter().filter(|entry| entry.unread.is_some());
        for entry in damaged {
            let of_title = |source: &RunSource| {
                source.open.as_ref().is_some_and(|open| {
                    open.title == entry.trashed.source && open.hoster == entry.state.hoster
                })
            };
            let at = sources.iter().position(of_title);
            let Some(source) = sources.get_mut(at.unwrap_or_default()) else {
                return;
            };
            let note = self.recover(&entry, source.open.as_deref().filter(|_| at.is_some()));
            note_of(&mut source.report, note, self.observer);
        }
    }

    fn recover(&self, entry: &trash::TrashedRepository, source: Option<&OpenSource>) -> Finding {
        let Some(failure) = &entry.unread else {
            return Finding::warning(String::new());
        };
        let path = below(self.local_folder, &entry.folder);
        let path = path.shown();
        let why = &failure.message;
        if !failure.is_damage() {
            return failure_note(failure);
        }
        if entry.state.hoster.is_empty() {
            return Finding {
                hint: "remove the folder yourself when it is no longer needed; its content can be \
                restored"
                    .into(),
                ..Finding::warning(format!(
                    "{path} is in the trash, and its snapshots do not say which repository it is, \
                    so it is kept: {why}"
                ))
            };
        }
        let mut state = entry.state.clone();
        state.listing = source.map(OpenSource::listing);
        if let Some(trashed) = &mut state.trashed {
            trashed.at = self.now;
        }
        match state.write(&entry.folder) {
            Ok(()) => Finding::warning(format!(
                "{} is in the trash, in {path}; its state file is written again from its \
                snapshots, and its grace period starts again: {why}",
                state.full_name.printable()
            )),
            Err(failure) => failure_note(&failure),
        }
    }
}
