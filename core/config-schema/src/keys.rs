//! The keys of the host, with their descriptions: the first sentences of `docs/configuration.md`.

mod told;

pub(super) use told::{CHANNEL, EMAIL, HOOKS};

/// A key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) description: &'static str,
}

/// What a key may hold.
pub(super) enum Kind {
    /// A text that has to be there.
    Required,
    Text,
    Texts,
    /// Texts, where nothing is not the same as no key.
    TextsIfAny,
    /// A program and its arguments.
    Command,
    /// A list of commands.
    Commands,
    /// One of these or several, whatever the default.
    OneOrMore(&'static [&'static str]),
    /// One of these, whatever the default.
    OneOf(&'static [&'static str]),
    /// One of these, which has to be there.
    RequiredOneOf(&'static [&'static str]),
    /// A text or a list of them.
    TextOrTexts,
    /// On or off, with the default.
    Flag(bool),
    /// One of these, the first by default.
    Words(&'static [&'static str]),
    /// From, to, and the default.
    Number(u64, u64, Option<u64>),
    /// Texts under keys of one's own.
    Group,
    /// What is not looked at.
    Anything,
}

/// The description of a key of a source.
pub(super) fn description(name: &str) -> &'static str {
    let key = SOURCE.iter().find(|key| key.name == name);
    key.map_or("", |key| key.description)
}

/// What SCM Backup has, and is ignored.
const fn ignored(name: &'static str) -> Key {
    Key {
        name,
        kind: Kind::Anything,
        description: "Of SCM Backup; ignored.",
    }
}

pub(super) const SOURCES_ARE: &str = "What to back up, at least one.";
pub(super) const TARGETS_ARE: &str =
    "Where `restore --to-hoster` and `drill --to-hoster` bring repositories back to.";
pub(super) const OPTIONS_ARE: &str = "How to do it.";
pub(super) const PLUGINS_ARE: &str = "Which plugins may be loaded, and how they are confined.";

pub(super) const TOP_LEVEL: &[Key] = &[
    Key {
        name: "localFolder",
        kind: Kind::Required,
        description: "The folder for the backups.",
    },
    ignored("waitSecondsOnError"),
    ignored("scms"),
];

pub(super) const OF_TARGETS: &[Key] = &[
    Key {
        name: "rename",
        kind: Kind::Group,
        description: "Other names for some repositories at the target.",
    },
    Key {
        name: "project",
        kind: Kind::Text,
        description: "The project that repositories are made in.",
    },
];

pub(super) const SOURCE: &[Key] = &[
    Key {
        name: "title",
        kind: Kind::Required,
        description: "Names the source in the output, and its folder below `localFolder`.",
    },
    Key {
        name: "hoster",
        kind: Kind::Required,
        description: "The id of a hoster plugin; upper and lower case are the same.",
    },
    Key {
        name: "type",
        kind: Kind::Text,
        description: "What `name` is, such as `user` or `org`.",
    },
    Key {
        name: "name",
        kind: Kind::Required,
        description: "The user, organisation, workspace or group whose repositories are backed up.",
    },
    Key {
        name: "authName",
        kind: Kind::Text,
        description: "The user name for git, and for the API unless there is `apiAuthName`.",
    },
    Key {
        name: "apiAuthName",
        kind: Kind::Text,
        description: "The user name for the API, where it is another one.",
    },
    Key {
        name: "password",
        kind: Kind::Text,
        description: "The password or token.",
    },
    Key {
        name: "passwordFile",
        kind: Kind::Text,
        description: "A file with the password or token.",
    },
    Key {
        name: "passwordCommand",
        kind: Kind::Command,
        description: "A command that prints the password or token.",
    },
    Key {
        name: "apiUrl",
        kind: Kind::Text,
        description: "Another base address for the API.",
    },
    Key {
        name: "allowInsecureHttp",
        kind: Kind::Flag(false),
        description: "Allows `http://` to other computers.",
    },
    Key {
        name: "trustedOrigins",
        kind: Kind::Texts,
        description: "Further hosts that may get this source's credentials, such as `https://files.example.com`, besides the API's own and, unless `apiUrl` is another one's, those that the plugin names for its hoster.",
    },
    Key {
        name: "includeRepos",
        kind: Kind::Texts,
        description: "Back up only these repositories.",
    },
    Key {
        name: "ignoreRepos",
        kind: Kind::Texts,
        description: "Leave these repositories out.",
    },
    Key {
        name: "includeArchived",
        kind: Kind::Flag(true),
        description: "Whether archived repositories are backed up.",
    },
    Key {
        name: "includeForks",
        kind: Kind::Flag(true),
        description: "Whether forks are backed up.",
    },
    Key {
        name: "visibility",
        kind: Kind::Texts,
        description: "Back up only repositories that are `public`, `private` or `internal`, in the hoster's own word.",
    },
    Key {
        name: "topics",
        kind: Kind::Texts,
        description: "Back up only repositories with at least one of these topics.",
    },
    Key {
        name: "languages",
        kind: Kind::Texts,
        description: "Back up only repositories with at least one of these programming languages.",
    },
    Key {
        name: "pushedWithin",
        kind: Kind::Text,
        description: "Back up only repositories that were last pushed to within this time, such as `2y`.",
    },
    Key {
        name: "includeRefs",
        kind: Kind::Texts,
        description: "Back up these refs although the plugin advises to leave them out, since the hoster makes and moves them itself.",
    },
    Key {
        name: "excludeRefs",
        kind: Kind::Texts,
        description: "Leave these refs out.",
    },
    Key {
        name: "protocol",
        kind: Kind::Words(&["https", "ssh"]),
        description: "How git is fetched.",
    },
    Key {
        name: "sshKey",
        kind: Kind::Text,
        description: "A file with the private key to log in with by ssh, the only one that is offered.",
    },
    Key {
        name: "sshCommand",
        kind: Kind::Command,
        description: "Program and arguments in place of `ssh`.",
    },
    Key {
        name: "expires",
        kind: Kind::Text,
        description: "The day on which the credentials expire.",
    },
    Key {
        name: "maxAge",
        kind: Kind::Text,
        description: "How old the last good run of this source may be for `status`, such as `36h` or `2d`.",
    },
    Key {
        name: "isolation",
        kind: Kind::Words(&["process", "inProcess"]),
        description: "Where the plugin runs.",
    },
    Key {
        name: "pluginEnvironment",
        kind: Kind::Texts,
        description: "Environment variables that the plugin's process gets.",
    },
];

pub(super) const NOTIFY_ARE: &str = "Who is told what came of a run.";
pub(super) const HOOKS_ARE: &str = "Commands that are run before and after a backup.";
pub(super) const EMAIL_IS: &str = "A mail after each run, as SCM Backup has it.";

const BACKUP: &[Key] = &[
    Key {
        name: "jobs",
        kind: Kind::Number(1, 64, Some(8)),
        description: "How many repositories are transferred at a time: cloned, or fetched where something has changed.",
    },
    Key {
        name: "logRepoFinished",
        kind: Kind::Flag(false),
        description: "Whether each repository that is finished gets a line.",
    },
    Key {
        name: "maxRepositories",
        kind: Kind::Number(1, 10000000, Some(100000)),
        description: "The most repositories that a source may list; one that lists more fails.",
    },
    Key {
        name: "umask",
        kind: Kind::Text,
        description: "What is taken from the permissions of new files and folders in the backup: `'077'` leaves them to the user alone, `'027'` to the group too, `'022'` to everybody.",
    },
    Key {
        name: "removeDeletedRepos",
        kind: Kind::Flag(false),
        description: "Whether the backup of a repository that is gone at the hoster is removed: after `deletedGraceDays`, five whole listings on five days, and only if the hoster proves that it was deleted; and to the trash first.",
    },
    Key {
        name: "deletedGraceDays",
        kind: Kind::Number(1, 3650, Some(30)),
        description: "How long it is kept first, from the run that first missed it.",
    },
    Key {
        name: "fullCheckDays",
        kind: Kind::Number(0, 3650, Some(7)),
        description: "Within how many days git is asked for a repository of which the hoster's listing proves that it has not changed; 0 asks in each run.",
    },
    ignored("addTimestampedSubfolder"),
    ignored("timestampFormat"),
    ignored("s3BucketName"),
];

const NETWORK: &[Key] = &[
    Key {
        name: "connectSeconds",
        kind: Kind::Number(1, 3600, Some(10)),
        description: "How long to wait for an address, and then for a connection.",
    },
    Key {
        name: "stallSeconds",
        kind: Kind::Number(1, 3600, Some(60)),
        description: "How long a connection may stay silent before it is given up.",
    },
    Key {
        name: "retries",
        kind: Kind::Number(0, 20, Some(3)),
        description: "How often a request that failed for now (no connection, silence, 5xx) is made again, and a fetch that broke off is begun again.",
    },
    Key {
        name: "requestsPerHour",
        kind: Kind::Number(1, 10000000, None),
        description: "How many requests may go to one host in an hour, API and git together.",
    },
    Key {
        name: "connectionsPerHost",
        kind: Kind::Number(1, 64, None),
        description: "How many requests may be under way to one host at the same time, API and git together.",
    },
    Key {
        name: "refQuestions",
        kind: Kind::Number(1, 256, Some(32)),
        description: "How many repositories may be asked for their refs at the same time, besides those that are transferred.",
    },
    Key {
        name: "sshConnectionsPerHost",
        kind: Kind::Number(1, 64, Some(4)),
        description: "How many connections by ssh there may be to one host at the same time.",
    },
    Key {
        name: "longestWaitSeconds",
        kind: Kind::Number(1, 3600, Some(120)),
        description: "The longest wait before a retry.",
    },
    Key {
        name: "limitWaitMinutes",
        kind: Kind::Number(0, 1440, Some(60)),
        description: "How long a source may wait in a run, in all, for request limits (429) to pass.",
    },
    Key {
        name: "maxBodyBytes",
        kind: Kind::Number(65536, 1073741824, Some(33554432)),
        description: "The largest answer of an API that is accepted.",
    },
];

const HISTORY: &[Key] = &[
    Key {
        name: "keepDaily",
        kind: Kind::Number(0, 366000, Some(0)),
        description: "The last snapshot of each of so many days that have any, the latest days first.",
    },
    Key {
        name: "keepWeekly",
        kind: Kind::Number(0, 366000, Some(0)),
        description: "The last snapshot of each of so many weeks, the same way.",
    },
    Key {
        name: "keepMonthly",
        kind: Kind::Number(0, 366000, Some(0)),
        description: "The last snapshot of each of so many months, the same way.",
    },
    Key {
        name: "keepYearly",
        kind: Kind::Number(0, 366000, Some(0)),
        description: "The last snapshot of each of so many years, the same way.",
    },
    Key {
        name: "keepWithin",
        kind: Kind::Text,
        description: "All snapshots that are no older than this, counted back from the newest: numbers with the units `y`, `m` (months), `d` and `h`, such as `1y6m` or `30d`.",
    },
];

const ALERT: &[Key] = &[
    Key {
        name: "action",
        kind: Kind::Words(&["warn", "fail", "off"]),
        description: "What a run then does.",
    },
    Key {
        name: "branchesPercent",
        kind: Kind::Number(1, 100, Some(100)),
        description: "The part of a repository's branches that have to be rewritten or deleted in one run.",
    },
    Key {
        name: "repositoriesPercent",
        kind: Kind::Number(1, 100, Some(25)),
        description: "The part of a source's repositories (and two at least) in which branches are rewritten or deleted, or which are gone themselves, in one run.",
    },
];

const LIMITS: &[Key] = &[
    Key {
        name: "objectBytes",
        kind: Kind::Number(1048576, 1125899906842624, Some(4294967296)),
        description: "The largest object that is held at once: a file that is stored as a delta, what a delta is made from, trees, commits and tags.",
    },
    Key {
        name: "packBytes",
        kind: Kind::Number(1048576, 1125899906842624, None),
        description: "The largest pack that is taken in.",
    },
    Key {
        name: "objectsPerPack",
        kind: Kind::Number(1000, 4294967295, Some(50000000)),
        description: "The most objects of a pack that is taken in.",
    },
];

const STATUS: &[Key] = &[
    Key {
        name: "page",
        kind: Kind::Flag(true),
        description: "Whether each run writes `status.html`, a page about the backup, into the backup folder.",
    },
    Key {
        name: "maxAge",
        kind: Kind::Text,
        description: "How old the last good run of a source may be, such as `36h` or `2d`.",
    },
    Key {
        name: "metrics",
        kind: Kind::Text,
        description: "A file that each backup writes its metrics to, for Prometheus.",
    },
];

pub(super) const PLUGINS: &[Key] = &[
    Key {
        name: "allow",
        kind: Kind::TextsIfAny,
        description: "The plugins that may be loaded.",
    },
    Key {
        name: "confinement",
        kind: Kind::Words(&["auto", "require", "off"]),
        description: "How the process of a plugin is confined.",
    },
];

/// The groups of `options`, each with what it is about.
pub(super) const OPTIONS: &[(&str, &str, &[Key])] = &[
    ("backup", "The run and the folder.", BACKUP),
    ("network", "Requests, connections and waits.", NETWORK),
    (
        "history",
        "Which snapshots `forgekeep forget` keeps, in restic's terms.",
        HISTORY,
    ),
    (
        "alert",
        "What a run does when upstream has rewritten or deleted so much that somebody should look.",
        ALERT,
    ),
    ("limits", "What may be held in memory.", LIMITS),
    (
        "status",
        "What is expected of runs, and what they leave for people and for monitoring.",
        STATUS,
    ),
];
