//! Keys of which each is good by itself, and that cannot stand together.

use super::error::{ConfigError, ConfigErrorKind};
use super::filter::{Decision, RepoFilter};
use super::own::{OptionSpec, secret_keys};
use super::reader::Section;
use super::schema::PASSWORD;
use super::{Protocol, Source};

/// The `name` for all that an account owns or is a member of.
const EVERYTHING: &str = "*";

/// Refuses a user name without anything to prove it with: a hoster would list what is public, and nobody
/// would notice that the rest is not backed up.
///
/// # Errors
///
/// The source has a user name, and no secret.
pub(super) fn demand_secret(
    source: &Source,
    section: &Section<'_>,
    options: &[OptionSpec],
) -> Result<(), ConfigError> {
    // Nothing is proved by a password there.
    if source.ssh.protocol == Protocol::Ssh {
        return Ok(());
    }
    // A key in a file proves it too.
    if source.keyed_secrets().next().is_some() || !source.own_files.is_empty() {
        return Ok(());
    }
    let named = [
        ("authName", &source.auth_name),
        ("apiAuthName", &source.api_auth_name),
    ];
    let named = named.into_iter().find(|(_, name)| name.is_some());
    let Some(field) = named.and_then(|(key, _)| section.get(key)) else {
        return Ok(());
    };
    let secrets: Vec<String> = std::iter::once(PASSWORD)
        .chain(secret_keys(options))
        .map(|key| format!("`{key}`"))
        .collect();
    Err(field.error(
        ConfigErrorKind::MissingKey,
        "has no secret beside it",
        "without one, only what is public would be backed up",
        format!(
            "add {}, or remove the user name to back up only what is public",
            secrets.join(" or ")
        ),
    ))
}

/// Refuses two sources of which one lists all that an account has, and the other a part of that by name; and
/// two of which one lists what is below the other's `name`, as subgroups are.
///
/// # Errors
///
/// There are two such sources.
pub(super) fn refuse_overlaps(
    sources: &[Source],
    sections: &[&Section<'_>],
) -> Result<(), ConfigError> {
    let all = sources.iter().enumerate();
    for (all_index, all) in all {
        for (index, named) in sources.iter().enumerate() {
            let is_part = match is_everything(all) {
                true => !is_everything(named) && is_same_account(all, named),
                false => is_below(all, named),
            };
            let overlaps = is_part
                && named.hoster == all.hoster
                && named.api_url == all.api_url
                && is_included(all, named);
            let (first, second) = (index.min(all_index), index.max(all_index));
            let field = sections.get(second).and_then(|section| section.get("name"));
            if let (true, Some(field)) = (overlaps, field) {
                let (name, outer) = (named.name.trim(), all.name.trim());
                let (why, hint) = match is_everything(all) {
                    true => (
                        format!(
                            "`name: '*'` and `name: {name}` (sources[{first}] and sources[{second}]) are for the same account"
                        ),
                        format!(
                            "remove the source for `{name}`, or add `ignoreRepos: ['{name}/*']` to the one for `*`"
                        ),
                    ),
                    false => (
                        format!(
                            "what `name: {name}` lists is below `name: {outer}` (sources[{first}] and sources[{second}])"
                        ),
                        format!(
                            "remove the source for `{name}`, or add `ignoreRepos: ['{name}/**']` to the one for `{outer}`"
                        ),
                    ),
                };
                return Err(field.error(
                    ConfigErrorKind::InvalidValue,
                    "lists the same repositories twice",
                    why,
                    hint,
                ));
            }
        }
    }
    Ok(())
}

fn is_everything(source: &Source) -> bool {
    source.name.trim() == EVERYTHING
}

/// Whether a source's name is a path below that of another one.
fn is_below(outer: &Source, named: &Source) -> bool {
    let (outer, name) = (
        outer.name.trim().to_lowercase(),
        named.name.trim().to_lowercase(),
    );
    let below = name.strip_prefix(&outer).filter(|_| !outer.is_empty());
    below.is_some_and(|rest| rest.starts_with('/'))
}

/// Whether two sources log in as the same account, as far as the configuration tells.
fn is_same_account(one: &Source, other: &Source) -> bool {
    let mut secrets = one.keyed_secrets();
    let shares_secret = secrets.any(|(key, secret)| {
        let mut others = other.keyed_secrets();
        others.any(|(of, its)| of == key && its.expose().trim() == secret.expose().trim())
    });
    let login = |source: &Source| {
        let name = source.api_auth_name.as_ref().or(source.auth_name.as_ref());
        name.map(|name| name.trim().to_lowercase())
    };
    shares_secret || (login(one).is_some() && login(one) == login(other))
}

/// Whether the filters of the one for everything leave room for what the other one names.
fn is_included(all: &Source, named: &Source) -> bool {
    // Any repository stands for all: whether single ones are meant cannot be told from patterns.
    let any = format!("{}/any-repository", named.name.trim());
    RepoFilter::new(&all.include_repos, &all.ignore_repos)
        .is_ok_and(|filter| filter.decide_name(&any) == Decision::Included)
}
