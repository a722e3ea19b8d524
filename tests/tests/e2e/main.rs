//! The real binary with the real plugin files, against a forge served by real git.
//!
//! One target, as linking is what costs: a module for each subject, `support` for what they share.

#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod adoption;
mod alerts;
mod api_answers;
mod architecture;
mod azure_devops;
mod bitbucket_credentials;
mod bitbucket_write;
mod book;
mod bounds;
mod changes;
mod checks;
mod commands;
mod completeness;
#[cfg(unix)]
mod completions;
mod configuration;
mod credentials;
mod disk;
mod disk_full;
#[cfg(unix)]
mod docs;
mod drill;
mod emptiness;
mod faults;
mod fetching;
mod foreign;
mod forget;
mod git_failures;
mod gitea;
mod github;
mod gitlab;
mod golden;
mod heads;
mod hidden;
mod hosters;
mod housekeeping;
mod identity;
#[cfg(unix)]
mod init;
mod inputs;
mod interruption;
mod json;
mod kills;
mod large;
mod load;
mod machine;
mod made_docs;
mod messages;
mod mishaps;
mod monitoring;
#[cfg(unix)]
mod mount;
mod names;
mod network_wait;
mod oauth;
mod openapi;
mod output;
mod own_options;
#[cfg(target_os = "linux")]
mod packages;
#[cfg(unix)]
mod permissions;
#[cfg(unix)]
mod plain_git;
mod plugin_calls;
mod plugin_credentials;
mod plugin_deaths;
mod plugin_files;
mod plugin_options;
mod plugin_rules;
#[cfg(unix)]
mod plugin_values;
mod preflight;
mod progress;
mod ref_rules;
mod refusals;
mod repacking;
mod repair;
mod restore;
mod retitled;
mod retries;
mod runs;
mod samples;
mod scale;
mod schedule;
mod secrets;
#[cfg(unix)]
mod shown;
mod signals;
mod skipping;
mod snapshots;
mod sources;
mod status;
mod status_page;
mod streaming;
mod support;
#[cfg(unix)]
mod surroundings;
#[cfg(unix)]
mod terminal;
mod to_hoster;
mod told;
mod trash;
mod unmounted;
mod verify;
mod waiting;
mod wikis;
mod workspaces;
