//! GitLab as a target: what is asked before anything is made, and what makes and sets up projects.

use forgekeep_plugin_sdk::ErrorKind::{Forbidden, NotFound};
use forgekeep_plugin_sdk::{
    CheckReport, CheckRequest, ConfigureRequest, CreateRequest, Finding, Host, HosterError,
    HttpResponse, NotMade, PartKind, PushLimits, RemoveRequest, Repository, Result, Source, Target,
    TargetName, advised, flaws, in_one_line, is_there, json, kept, no_such_id, not_made, path_name,
    remark, status_error, target_name, texts, warning,
};
use serde_json::{Value, json};

use crate::Gitlab;
use crate::listing::ask;
use crate::project::Project;
use crate::sight::{Kind, Owner, Server, server_of, sight};

const RIGHTS: &str = "make a token with the scope api at /-/user_settings/personal_access_tokens of the server (a fine-grained one: to create and change projects and groups, and to push code), of an account that may create projects in the group; archiving and deleting take the role Owner";
const ONE: &str = "write the path of a group, or the token's own user";
const NO_CREDENTIALS: &str = "no credentials: nothing can be made without them";
const NOTHING_LEFT: &str =
    "GitLab takes letters without accents and digits, with one of `-`, `_` and `.` between them";
const RESERVED: &str = "GitLab keeps this name to itself";
/// GitLab's *Reserved project and group names*.
const OF_PROJECTS: &str = "badges blame blob builds commits create create_dir edit environments files find_file new preview raw refs tree update wikis";
const REFUSES: [&str; 3] = [
    "a whole push with a tag that is called like the default branch",
    "what a push rule of the group forbids",
    "at gitlab.com, files over 100 MiB in projects of the Free tier",
];
const UNTOLD: &str = "GitLab does not tell what the token may do";
const NO_ROLE: &str = "GitLab does not tell the account's role in the group";
const NOT_OWNER: &str = "the account is no Owner of the group: projects cannot be archived";
const NO_PRIVATE: &str = "have the administrator allow private projects, or make it by hand";
const NO_MORE: &str = "the account may have no more projects: ask an administrator for more";
const OFF: &str = "CI/CD is switched off, so that no push starts a pipeline";
const ON_AGAIN: &str = "switch it on again in the project's settings, under General, Visibility, once its variables are set";
const MAY_START: &str = "CI/CD could not be switched off: pushes may start pipelines";
const PENDING: &str = "GitLab keeps what is removed for some days, marked for deletion";
const AT_ONCE: &str =
    "delete it at once in its settings, under General, Advanced, if that is needed";

type Said = Result<Vec<Finding>>;

impl Target for Gitlab {
    fn examine(&self, to: &Source, what: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        let server = server_of(to, host)?;
        let place = place(&server);
        let is_user = place.as_ref().is_ok_and(|place| place.kind == Kind::User);
        let names = what.names.iter().map(|name| named(name, is_user));
        let mut report = CheckReport {
            names: names.collect(),
            refuses: texts(&REFUSES),
            takes: takes(&server)?,
            ..CheckReport::default()
        };
        let mut flaw = |key, why: &str, hint: &str| {
            report.findings.extend(flaws(&[(true, key, why, hint)]));
        };
        match place {
            _ if server.secret.is_none() => flaw("password", NO_CREDENTIALS, RIGHTS),
            Ok(place) => rights(&server, place, &mut report)?,
            Err(error) if error.kind != NotFound => return advised(Err(error), RIGHTS),
            Err(error) => flaw("name", &error.message, &error.hint),
        }
        Ok(report)
    }

    fn create(&self, to: &Source, what: &CreateRequest, host: &Host<'_>) -> Result<Repository> {
        let server = server_of(to, host)?;
        let place = place(&server)?;
        let (groups, name) = what.name.rsplit_once('/').unwrap_or(("", &what.name));
        let visibility = if what.private { "private" } else { "public" };
        let mut document = json!({
            "name": name, "path": name, "visibility": visibility, "lfs_enabled": what.lfs,
            "description": in_one_line(&what.description, 2000), "builds_access_level": "disabled",
        });
        // Without one it is the user's own.
        if place.kind == Kind::Group {
            document["namespace_id"] = group(&server, place, groups)?.into();
        }
        let path = ["projects", &format!("{}/{}", place.full_path, what.name)];
        let made: Project = json(&make(&server, &path, &document)?)?;
        let mut made = made.into_repository(&server);
        made.parts
            .retain(|part| what.wiki || part.kind != PartKind::Wiki);
        Ok(made)
    }

    fn configure(&self, to: &Source, what: &ConfigureRequest, host: &Host<'_>) -> Said {
        let server = server_of(to, host)?;
        let path = ["projects", what.id.as_str()];
        let set = |document: Value| server.api.sent("PUT", &path, Some(&document));
        let mut findings = Vec::new();
        if let Some(automation) = what.automation {
            let level = if automation { "enabled" } else { "disabled" };
            match set(json!({ "builds_access_level": level })) {
                Ok(_) if automation => {}
                // Old servers pass over what they do not know.
                Ok(answer) if json::<Value>(&answer)?["builds_access_level"] == level => {
                    findings.push(remark(OFF, ON_AGAIN));
                }
                Err(error) if error.kind != Forbidden => return Err(error),
                _ => findings.push(warning("", MAY_START, RIGHTS)),
            }
        }
        if let Some(branch) = &what.default_branch {
            set(json!({ "default_branch": branch }))?;
        }
        if let Some(archived) = what.archived {
            let how = if archived { "archive" } else { "unarchive" };
            let path = [path.as_slice(), &[how]].concat();
            advised(server.api.sent("POST", &path, None), RIGHTS)?;
        }
        Ok(findings)
    }

    fn remove(&self, to: &Source, what: &RemoveRequest, host: &Host<'_>) -> Said {
        let server = server_of(to, host)?;
        let path = ["projects", what.id.as_str()];
        let find = || server.api.found::<Project>(&path, &[]);
        // What is no number would be read as a path.
        let found = find()?.filter(|one| one.id.to_string() == what.id);
        found.ok_or_else(|| no_such_id(&what.id))?;
        advised(server.api.sent("DELETE", &path, None), RIGHTS)?;
        let is_kept = host.if_told(find())?.flatten().is_some();
        Ok(Vec::from_iter(is_kept.then(|| remark(PENDING, AT_ONCE))))
    }
}

/// Where projects are made: what the target's name stands for.
fn place<'a>(server: &Server<'a>) -> Result<&'a Owner> {
    kept(&server.kept.place, || {
        let (name, me) = (server.source.name.trim(), &sight(server)?.0);
        let found = Owner::find(server, name)?;
        let is_me = me.as_ref().is_some_and(|me| me.id == found.id);
        let is_place = found.kind == Kind::Group || found.kind == Kind::User && is_me;
        let why = format!("name `{name}` is nothing to make projects in");
        let none = HosterError::new(NotFound, why).with_hint(ONE);
        Some(found).filter(|_| is_place).ok_or(none)
    })
}

/// What is known of the rights there.
fn rights(server: &Server<'_>, place: &Owner, report: &mut CheckReport) -> Result<()> {
    let (me, token) = sight(server)?;
    let whose = me.iter().map(|me| format!(" of {}", me.full_path));
    report.identity = "access token".to_owned() + &whose.collect::<String>();
    report.account_id = me.as_ref().map(|me| me.id.to_string());
    match token {
        Some(token) if !token.has(&["granular"]) => {
            report.scopes.clone_from(&token.scopes);
            let lacks = !token.has(&["api"]);
            report
                .missing_scopes
                .extend(lacks.then(|| "api".to_owned()));
        }
        _ => report.findings.push(remark(UNTOLD, RIGHTS)),
    }
    let user = me.as_ref().map_or(String::new(), |me| me.id.to_string());
    let path = ["groups", &place.id.to_string(), "members", "all", &user];
    let member: Option<Value> = match place.kind {
        Kind::Group if !user.is_empty() => server.told(&path)?,
        _ => None,
    };
    // Groups are made by Maintainers at least.
    let makes_groups = report.names.iter().any(|one| one.name.contains('/'));
    let (least, word) = [(30, "Developer"), (40, "Maintainer")][usize::from(makes_groups)];
    match member.and_then(|member| member["access_level"].as_u64()) {
        _ if place.kind == Kind::User => report.rights.push("Owner".to_owned()),
        Some(50..) => report.rights.push("Owner".to_owned()),
        Some(role) if role < least => report.missing_scopes.push(word.to_owned()),
        Some(_) => report.findings.push(remark(NOT_OWNER, RIGHTS)),
        None => report.findings.push(remark(NO_ROLE, RIGHTS)),
    }
    Ok(())
}

/// What an administrator's token is told, and what gitlab.com documents.
fn takes(server: &Server<'_>) -> Result<PushLimits> {
    let told: Option<Value> = server.told(&["application", "settings"])?;
    let told = told.unwrap_or_default();
    let number = |key: &str| told[key].as_u64().filter(|number| *number > 0);
    let public = (server.web == "https://gitlab.com").then_some(5 << 10);
    let mebibytes = number("receive_max_input_size").or(public);
    Ok(PushLimits {
        push_bytes: mebibytes.and_then(|number| number.checked_mul(1 << 20)),
        repository_bytes: number("repository_size_limit"),
        no_refs_like_ids: true,
        checks_objects: true,
        ..PushLimits::default()
    })
}

/// The id of a group below the target's. Those that are missing are made, private.
fn group(server: &Server<'_>, place: &Owner, groups: &str) -> Result<u64> {
    let (mut id, mut path) = (place.id, place.full_path.clone());
    for name in groups.split('/').filter(|name| !name.is_empty()) {
        path = format!("{path}/{name}");
        let document =
            json!({ "name": name, "path": name, "parent_id": id, "visibility": "private" });
        let group = match ask(server, &path)? {
            Some(group) => group,
            None => match make(server, &["groups", &path], &document) {
                Ok(answer) => json(&answer)?,
                // Another call may have made it meanwhile.
                Err(error) => ask(server, &path)?.ok_or(error)?,
            },
        };
        id = group.id;
    }
    Ok(id)
}

/// The answer of what makes something that will have a path, or why there is none.
fn make(server: &Server<'_>, path: &[&str; 2], document: &Value) -> Result<HttpResponse> {
    let answer = server.api.send("POST", &path[..1], &[], Some(document))?;
    if answer.status == 201 {
        return Ok(answer);
    }
    let said: Value = json(&answer).unwrap_or_default();
    let is_about = |key: &str| said["message"].get(key).is_some();
    let error = status_error(&answer);
    Err(not_made(error, RIGHTS, |status| match () {
        () if status == 404 || is_about("namespace") => NotMade::Rights,
        () if is_about("visibility_level") => NotMade::Rule(NO_PRIVATE),
        () if is_about("limit_reached") => NotMade::Rule(NO_MORE),
        () if is_there(server.api.get(path, &[])) => NotMade::Taken,
        () => NotMade::Itself,
    }))
}

/// A name as GitLab has it: a path of groups, but below a user.
fn named(name: &str, is_user: bool) -> TargetName {
    let path = |part: &str| path_name(part, 255, &[".git", ".atom"]);
    let groups = name.split('/').filter(|part| !part.is_empty());
    let parts: Vec<_> = match is_user {
        true => vec![path(name)],
        false => groups.map(path).collect(),
    };
    let last = parts.last().map_or("", String::as_str);
    let is_it = |one: &str| one.eq_ignore_ascii_case(last);
    let refused = match parts.iter().any(String::is_empty) || last.is_empty() {
        true => Some(NOTHING_LEFT),
        false => OF_PROJECTS.split(' ').any(is_it).then_some(RESERVED),
    };
    target_name(parts.join("/"), refused)
}
