//! The keys that are read, for whoever describes them: the JSON Schema.

pub use crate::hooks::HOOKS;
pub use crate::notify::{CHANNEL, EMAIL, EVENTS, KINDS, PRESETS, SECURITY};
pub use crate::options::{ALERT, BACKUP, HISTORY, LIMITS, NETWORK, OPTIONS, STATUS};
pub use crate::own::MAX_NUMBER;
pub use crate::plugins::{CONFINEMENT, PLUGINS};
pub use crate::predecessor::{BACKUP as FORMER_BACKUP, TOP_LEVEL as FORMER_TOP_LEVEL};
pub use crate::schema::{PASSWORD, SOURCE, TOP_LEVEL};
pub use crate::secrets::{command_key, file_key};

use crate::options::ALL;
use crate::schema::OF_TARGETS;

/// Whether any part of the schema has such a key.
pub(super) fn is_known_key(key: &str) -> bool {
    [
        TOP_LEVEL,
        SOURCE,
        OF_TARGETS,
        PLUGINS,
        HOOKS,
        EMAIL,
        FORMER_TOP_LEVEL,
        FORMER_BACKUP,
    ]
    .iter()
    .chain(ALL)
    .chain(CHANNEL)
    .any(|keys| keys.contains(&key))
}
