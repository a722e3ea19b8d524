//! Who may read a backup, and the configuration with its secrets: said in each run.

use forgekeep_config::Config;
use forgekeep_known_folders::permissions::{of_configuration, of_private};

use crate::event::{Observer, note_of};
use crate::source::RunSource;

/// Says which sources have private repositories where others can read them, and whether they can
/// read the secrets themselves.
pub(crate) fn warn(config: &Config, sources: &mut [RunSource], observer: &dyn Observer) {
    let file = of_configuration(config).filter(|(_, real)| *real);
    for source in sources {
        let report = &mut source.report;
        let of_it = config.sources.iter().find(|s| s.title == report.title);
        if let Some((warning, _)) = &file
            && of_it.is_some_and(|source| source.literal_password)
        {
            note_of(report, warning.clone(), observer);
        }
        let Some(open_source) = &source.open else {
            continue;
        };
        let private = source.private.iter().map(|folder| &**folder);
        if let Some(warning) = of_private(config, &open_source.folder_name, private) {
            note_of(report, warning, observer);
        }
    }
}
