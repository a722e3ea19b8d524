use std::collections::{HashMap, HashSet};
use std::path::Path;

use forgekeep_failure::ErrorKind;
use forgekeep_untrusted::Printable;
use serde::Deserialize;

use super::{file, folder, is_report, newest_first};

/// Reports that are looked at: a source may have been left out of the last few runs.
const REPORTS: usize = 10;

#[derive(Deserialize)]
struct Kept {
    sources: Vec<KeptSource>,
}

#[derive(Deserialize)]
struct KeptSource {
    title: Printable,
    repositories: Vec<KeptRepository>,
}

#[derive(Deserialize)]
struct KeptRepository {
    id: Printable,
    error: Option<KeptError>,
}

#[derive(Deserialize)]
struct KeptError {
    kind: ErrorKind,
}

/// What the last run of each source had no time for, since its hoster's limits on requests were reached: the
/// identities, by the title of the source. What cannot be read postpones nothing.
pub fn postponed(local_folder: &Path) -> HashMap<Printable, HashSet<Printable>> {
    let mut all = HashMap::new();
    let folder = folder(local_folder);
    let names = newest_first(local_folder).unwrap_or_default();
    let reports = names.iter().filter(|name| is_report(name)).take(REPORTS);
    for name in reports {
        let text = file::read(&folder.join(name)).ok().flatten();
        let Some(kept) = text.and_then(|text| serde_json::from_str::<Kept>(&text).ok()) else {
            continue;
        };
        for source in kept
            .sources
            .into_iter()
            .filter(|source| !source.repositories.is_empty())
        {
            let is_postponed = |of: &KeptRepository| {
                let kind = of.error.as_ref().map(|error| error.kind);
                kind == Some(ErrorKind::RateLimited)
            };
            let postponed = source.repositories.into_iter().filter(is_postponed);
            all.entry(source.title)
                .or_insert_with(|| postponed.map(|repository| repository.id).collect());
        }
    }
    all
}
