//! A folder in words.

use crate::{Ability, FolderFacts, user_name};

impl FolderFacts {
    /// It as lines for people. `bytes` writes a number of bytes.
    pub fn lines(&self, bytes: impl Fn(u64) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.exists {
            lines.push("the first backup makes it; of the folder that it will be in:".to_owned());
        }
        if let (Some(owner), Some(mode)) = (self.owner, &self.mode) {
            let owner = user_name(owner).unwrap_or_else(|| owner.to_string());
            lines.push(format!("owner: {owner}, mode {mode}"));
        }
        let mut facts: Vec<String> = self.file_system.iter().cloned().collect();
        if let (Some(free), Some(all)) = (self.bytes_free, self.bytes) {
            facts.push(format!("{} of {} free", bytes(free), bytes(all)));
        }
        if let Some(free) = self.inodes_free {
            facts.push(format!("{free} inodes free"));
        }
        if !facts.is_empty() {
            lines.push(format!("file system: {}", facts.join(", ")));
        }
        let words = |works: bool| {
            let tried = self.trials.iter().filter(|trial| trial.works == works);
            let words: Vec<_> = tried
                .map(|trial| trial.ability)
                .map(Ability::word)
                .collect();
            words.join(", ")
        };
        match (self.trials.is_empty(), words(false)) {
            (true, _) => {}
            (false, not) if not.is_empty() => {
                lines.push(format!("tried: {}: all work", words(true)))
            }
            (false, not) => lines.push(format!("tried: {} work; {not} do not", words(true))),
        }
        lines
    }
}
