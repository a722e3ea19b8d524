//! What there is to say about a listing, besides whether it is whole.

use forgekeep_config::filter::RepoFilter;
use forgekeep_failure::{Finding, Severity};
use forgekeep_untrusted::Show as _;

/// A pattern that matches nothing is a typing error, or a repository that is gone, and filters that
/// leave out everything are hardly meant: either way, something is not backed up that somebody
/// believes is.
pub(in crate::run) fn of_filter(filter: &RepoFilter) -> Vec<Finding> {
    let unused = filter.unused().into_iter().map(|unused| {
        let mut finding = Finding::warning(format!(
            "\"{}\" matches no repository",
            unused.pattern.shown()
        ));
        finding.key = unused.key.into();
        finding
    });
    let all = filter.all_left_out().map(|number| Finding {
        hint: format!(
            "correct {}, or take the source out of the configuration",
            filter.keys()
        )
        .into(),
        ..Finding::warning(match number {
            1 => "nothing of this source is backed up: its only repository is left out".to_owned(),
            _ => format!(
                "nothing of this source is backed up: all {number} repositories are left \
            out"
            ),
        })
    });
    unused.chain(all).collect()
}

/// A hoster without repositories may be just that, or one that shows none to these credentials. A
/// plugin that knows better has said so.
pub(in crate::run) fn nothing_listed(listed: usize, notes: &[Finding]) -> Option<Finding> {
    let is_said = notes.iter().any(|note| note.severity >= Severity::Warning);
    (listed == 0 && !is_said).then(|| Finding {
        severity: Severity::Info,
        hint: "check `name` and what the credentials may see, unless there are none".into(),
        ..Finding::warning("the hoster lists no repository")
    })
}
