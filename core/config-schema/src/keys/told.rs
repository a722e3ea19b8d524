//! The keys of those who are told of a run, and of what is run round it.

use forgekeep_config::keys::{EVENTS, KINDS, PRESETS, SECURITY};

use super::{Key, Kind};

pub const CHANNEL: &[Key] = &[
    Key {
        name: "kind",
        kind: Kind::RequiredOneOf(&KINDS),
        description: "How somebody is told.",
    },
    Key {
        name: "on",
        kind: Kind::OneOrMore(&EVENTS),
        description: "Of which runs.",
    },
    Key {
        name: "server",
        kind: Kind::Text,
        description: "The mail server.",
    },
    Key {
        name: "port",
        kind: Kind::Number(0, 65535, None),
        description: "The mail server's port.",
    },
    Key {
        name: "security",
        kind: Kind::OneOf(&SECURITY),
        description: "How the connection to the mail server is protected.",
    },
    Key {
        name: "caFile",
        kind: Kind::Text,
        description: "A file with certificates in PEM that are trusted for the mail server, besides the system's.",
    },
    Key {
        name: "from",
        kind: Kind::Text,
        description: "Whom the mail is from.",
    },
    Key {
        name: "to",
        kind: Kind::TextOrTexts,
        description: "Whom the mail is for.",
    },
    Key {
        name: "userName",
        kind: Kind::Text,
        description: "The user name at the mail server.",
    },
    Key {
        name: "password",
        kind: Kind::Text,
        description: "The password at the mail server.",
    },
    Key {
        name: "passwordFile",
        kind: Kind::Text,
        description: "A file with the password.",
    },
    Key {
        name: "passwordCommand",
        kind: Kind::Command,
        description: "A command that prints the password.",
    },
    Key {
        name: "url",
        kind: Kind::Text,
        description: "The address of the webhook, or of the ping.",
    },
    Key {
        name: "urlFile",
        kind: Kind::Text,
        description: "A file with the address.",
    },
    Key {
        name: "urlCommand",
        kind: Kind::Command,
        description: "A command that prints the address.",
    },
    Key {
        name: "allowInsecureHttp",
        kind: Kind::Flag(false),
        description: "Allows an `http://` address on another computer.",
    },
    Key {
        name: "preset",
        kind: Kind::OneOf(&PRESETS),
        description: "The service that the webhook belongs to.",
    },
    Key {
        name: "template",
        kind: Kind::Text,
        description: "What the webhook is sent: JSON, with the message in it.",
    },
    Key {
        name: "routingKey",
        kind: Kind::Text,
        description: "PagerDuty's integration key.",
    },
    Key {
        name: "routingKeyFile",
        kind: Kind::Text,
        description: "A file with that key.",
    },
    Key {
        name: "routingKeyCommand",
        kind: Kind::Command,
        description: "A command that prints that key.",
    },
];

pub const HOOKS: &[Key] = &[
    Key {
        name: "before",
        kind: Kind::Commands,
        description: "Before the backup.",
    },
    Key {
        name: "after",
        kind: Kind::Commands,
        description: "After it, whatever came of it.",
    },
    Key {
        name: "failure",
        kind: Kind::Commands,
        description: "After a backup that failed, before `after`.",
    },
];

pub const EMAIL: &[Key] = &[
    Key {
        name: "from",
        kind: Kind::Text,
        description: "Whom the mail is from.",
    },
    Key {
        name: "to",
        kind: Kind::Text,
        description: "Whom the mail is for.",
    },
    Key {
        name: "server",
        kind: Kind::Text,
        description: "The mail server.",
    },
    Key {
        name: "port",
        kind: Kind::Number(0, 65535, None),
        description: "The mail server's port.",
    },
    Key {
        name: "useSsl",
        kind: Kind::Flag(false),
        description: "Whether the connection is protected by TLS from its beginning.",
    },
    Key {
        name: "userName",
        kind: Kind::Text,
        description: "The user name at the mail server.",
    },
    Key {
        name: "password",
        kind: Kind::Text,
        description: "The password at the mail server.",
    },
    Key {
        name: "passwordFile",
        kind: Kind::Text,
        description: "A file with the password.",
    },
    Key {
        name: "passwordCommand",
        kind: Kind::Command,
        description: "A command that prints the password.",
    },
    Key {
        name: "caFile",
        kind: Kind::Text,
        description: "A file with certificates in PEM that are trusted for the mail server, besides the system's.",
    },
];
