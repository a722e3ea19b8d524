//! What a mirror lacks that others have made, and what earlier versions have left out.

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_git::foreign::Lacking;
use forgekeep_git::refs::{self, RefName, RefValue, Refs, StoredRefs};
use forgekeep_untrusted::Show as _;

use super::Work;

impl Work<'_> {
    /// Fetches what a mirror has never had, for a shallow or a partial clone that was taken over.
    /// Returns what cannot be had: it is not backed up.
    pub fn fill(&self, lacking: Lacking, stored: &StoredRefs) -> Result<Option<Failure>, Failure> {
        if let Some(failure) = self.cut_off(self.folder) {
            // It is upstream that lacks something.
            return Ok(Some(failure));
        }
        self.asked.may_change()?;
        let cancel = self.cancel;
        let tips = || self.tips();
        if lacking.has_gap(self.folder, tips(), cancel)? {
            self.fetch_everything(&self.open()?)?;
            if lacking.has_gap(self.folder, tips(), cancel)? {
                let message = "the server did not send all that its own refs need";
                return Err(Failure::new(ErrorKind::BadAnswer, message)
                    .with_hint(
                        "run again later, and report it to the hoster if it persists; the \
                    refs were left as they were",
                    )
                    .transient());
            }
        }
        let mut found = Vec::new();
        let left_out = lacking.conclude(self.folder, stored, cancel, &mut found)?;
        self.asked.warnings.borrow_mut().append(&mut found);
        // A ref that names nothing is not to be switched, nor to be taken for damage: what it names
        // may well come back.
        match left_out {
            Some(failure) if self.check_tips(stored).is_err() => Err(failure),
            left_out => Ok(left_out),
        }
    }

    /// Corrects what `packed-refs` says of annotated tags, where upstream says otherwise: version 0.1
    /// has left it out of tags that it had found as loose refs.
    pub fn mend_peeled(&self, stored: &StoredRefs) -> Result<(), Failure> {
        let is_wrong = |(name, value): (&RefName, &RefValue)| {
            let known = stored.refs.get(name).map(|known| known.peeled);
            value.peeled.is_some() && known != Some(value.peeled)
        };
        if !self.upstream.iter().any(is_wrong) {
            return Ok(());
        }
        self.asked.may_change()?;
        let mut new = stored.refs.clone();
        let unknown = Refs::new();
        refs::peel(&self.open()?, &mut new, &unknown).map_err(|e| self.failed(&e))?;
        if new == stored.refs {
            return Ok(()); // It is the server that is wrong.
        }
        refs::replace_all(self.folder, stored, &new)?;
        if stored.loose.is_empty() {
            let packed = self.folder.join("packed-refs");
            let what = "lacked what annotated tags point to: corrected";
            let warning = Finding::warning(format!("{} {what}", packed.shown()));
            self.asked.warnings.borrow_mut().push(warning);
        }
        Ok(())
    }
}
