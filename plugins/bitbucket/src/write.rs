//! Writing to Bitbucket: repositories are made, set up and removed here, and nowhere else.

use forgekeep_plugin_sdk::{
    CheckReport, CheckRequest, Concern, ConfigureRequest, CreateRequest, ErrorKind, Finding, Host,
    HosterError, HttpResponse, NotMade, PartKind, RemoveRequest, Repository, Result, Source,
    Target, address, json, not_made, remark, warning,
};
use serde_json::{Value, json};

use crate::advice::{ADMIN_SCOPE, DELETE_SCOPE};
use crate::client::Client;
use crate::status::{astray, refusal_to_write};
use crate::text::one_line;
use crate::workspace::is_uuid;
use crate::{Bitbucket, repository, target};

impl Target for Bitbucket {
    fn examine(
        &self,
        target: &Source,
        what: &CheckRequest,
        host: &Host<'_>,
    ) -> Result<CheckReport> {
        target::examine(&Client::of(host)?, target, what)
    }

    fn create(&self, target: &Source, what: &CreateRequest, host: &Host<'_>) -> Result<Repository> {
        let client = Client::of(host)?;
        let account = &client.kept.account;
        let path = ["2.0", "repositories", account.workspace.id(), &what.name];
        let url = address(&account.base, &path, &[])?;
        let mut document = json!({
            "scm": "git", "is_private": what.private, "description": what.description,
        });
        if !target.project.trim().is_empty() {
            document["project"] = json!({ "key": target.project.trim() });
        }
        let response = client.send("POST", &url, Some(&document))?;
        let entry = match response.status {
            200 | 201 if astray(&response, account).is_none() => json(&response)?,
            _ => return Err(why_none(&client, &url, &response)?),
        };
        let made = repository::read(&entry, account, None).filter(|made| !made.id.is_empty());
        let mut made = made.ok_or_else(|| odd("made a repository, and does not say which"))?;
        // It may still speak of a wiki: there is none to push to.
        made.parts.retain(|part| part.kind == PartKind::Git);
        Ok(made)
    }

    fn configure(
        &self,
        _: &Source,
        what: &ConfigureRequest,
        host: &Host<'_>,
    ) -> Result<Vec<Finding>> {
        let client = Client::of(host)?;
        let url = by_id(&client, &what.id)?;
        let mut findings = Vec::new();
        if let Some(on) = what.automation {
            findings.push(pipelines(&client, &url, on)?);
        }
        if let Some(branch) = &what.default_branch {
            let document = json!({ "mainbranch": { "name": branch } });
            let set: Value = json(&done(&client, "PUT", &url, Some(&document), ADMIN_SCOPE)?)?;
            // A `PUT` to what is not there makes one.
            if set["uuid"] != *what.id || set["mainbranch"]["name"] != **branch {
                return Err(odd("was told a default branch, and has another one"));
            }
        }
        if what.archived == Some(true) {
            let message = "Bitbucket archives no repository by its API: what was archived is open to pushes there";
            let hint = "take away the right to write in Repository settings, Repository permissions, where nobody is to push";
            findings.push(remark(message, hint));
        }
        Ok(findings)
    }

    fn remove(&self, _: &Source, what: &RemoveRequest, host: &Host<'_>) -> Result<Vec<Finding>> {
        let client = Client::of(host)?;
        let removed = done(
            &client,
            "DELETE",
            &by_id(&client, &what.id)?,
            None,
            DELETE_SCOPE,
        );
        let message = match removed {
            Ok(_) => {
                "Bitbucket removes repositories at once; its support can bring their git content back for seven days"
            }
            // Such as after an answer that was lost.
            Err(error) if error.kind == ErrorKind::NotFound => "it is no longer there",
            Err(error) => return Err(error),
        };
        Ok(vec![remark(message, "")])
    }
}

/// Switches pipelines off or on. A new repository has none.
fn pipelines(client: &Client<'_, '_>, url: &str, on: bool) -> Result<Finding> {
    let url = format!("{url}/pipelines_config");
    let response = client.get(&url)?;
    let is_on = match response.status {
        200 => json::<Value>(&response)?["enabled"] == true,
        404 => false,
        403 => return Ok(unseen()),
        _ => {
            return Err(refusal_to_write(
                &response,
                &client.kept.account,
                ADMIN_SCOPE,
            ));
        }
    };
    if is_on != on {
        let set = client.send("PUT", &url, Some(&json!({ "enabled": on })))?;
        match set.status {
            200..=299 => {}
            403 => return Ok(unseen()),
            _ => return Err(refusal_to_write(&set, &client.kept.account, ADMIN_SCOPE)),
        }
    }
    Ok(match on {
        true => remark("pipelines are on: pushes start them", ""),
        false => remark(
            "pipelines are off: no push starts any",
            "switch them on in Repository settings, Pipelines, Settings, once all is back; schedules, variables and webhooks are not there",
        ),
    })
}

/// What to say where pipelines cannot be asked about.
fn unseen() -> Finding {
    let message = "whether pipelines are off cannot be seen or set with these credentials, so pushes may start some";
    let hint = format!(
        "give them the scope {ADMIN_SCOPE}; a new repository has its pipelines off, unless the workspace says otherwise"
    );
    warning("", message, &hint)
}

/// The address of a repository by its uuid, never by a name that another one may have.
fn by_id(client: &Client<'_, '_>, id: &str) -> Result<String> {
    match is_uuid(&id.to_ascii_lowercase()) {
        true => Ok(client.kept.account.repository_url(id)),
        false => Err(HosterError::new(
            ErrorKind::Other,
            format!("`{}` is not the uuid of a repository", one_line(id)),
        )),
    }
}

/// Sends something about one repository, which is there.
fn done(
    client: &Client<'_, '_>,
    method: &str,
    url: &str,
    document: Option<&Value>,
    scope: &str,
) -> Result<HttpResponse> {
    let account = &client.kept.account;
    let response = client.send(method, url, document)?;
    if let Some(error) = astray(&response, account) {
        return Err(error);
    }
    match response.status {
        200 | 204 => Ok(response),
        404 => Err(HosterError {
            message: "Bitbucket knows no such repository in the workspace (404)".to_owned(),
            hint: "run again: what was made a moment ago may not be known everywhere yet"
                .to_owned(),
            concerns: Concern::Repository,
            ..refusal_to_write(&response, account, scope)
        }
        .transient()),
        _ => Err(refusal_to_write(&response, account, scope)),
    }
}

/// Why a repository was not made. Bitbucket answers 400 for all that is wrong with a request, and to
/// whoever may make none: so it is looked whether there is one of that name.
fn why_none(client: &Client<'_, '_>, url: &str, response: &HttpResponse) -> Result<HosterError> {
    let account = &client.kept.account;
    if let Some(error) = astray(response, account) {
        return Ok(error);
    }
    let error = refusal_to_write(response, account, ADMIN_SCOPE);
    if !matches!(response.status, 400 | 409) {
        return Ok(match response.status {
            402 | 404 => error.about(Concern::Source),
            _ => error,
        });
    }
    // One that is hidden is there too.
    let is_there = matches!(client.get(url)?.status, 200 | 403);
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let wrong = |field: &str| !body["error"]["fields"][field].is_null();
    let no_private = "make room for private repositories in the plan of the workspace: Forgekeep makes none public first";
    let no_project = "check project of the target: it is the key of a project of the workspace, in which the credentials may make repositories";
    let rights = format!(
        "check that the credentials have the scope {ADMIN_SCOPE}, and may make repositories in the workspace and its project: Bitbucket answers so to those that may not"
    );
    Ok(not_made(error, &rights, |_| match () {
        () if is_there => NotMade::Taken,
        () if wrong("is_private") => NotMade::Rule(no_private),
        () if wrong("project") => NotMade::Rule(no_project),
        () if body["error"]["fields"].is_object() => NotMade::Itself,
        () => NotMade::Rights,
    }))
}

/// An answer that is not what was asked for.
fn odd(what: &str) -> HosterError {
    HosterError::new(ErrorKind::BadAnswer, format!("Bitbucket {what}")).about(Concern::Repository)
}
