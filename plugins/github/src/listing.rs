use forgekeep_plugin_sdk::{
    Account, Advice, ErrorKind, Finding, HosterError, HttpResponse, Linked, Listing, Listings,
    Page, RefAdvice, Repository, RepositoryEntry, Result, Sees, Severity, Visibility,
    clone_address, entries, entries_in, is_not_found, json, kept, scopes, sees_all_if,
};
use serde::Deserialize;
use serde_json::Value;

use crate::github::{GitHub, Kind, SIGN_ON, good, good_page};

const KEY: &str = "installationId";
const ADD_IT: &str = "add it to installationId, or make the App private";
const REMOVE_IT: &str = "remove it from installationId, or install the App again";
const NOBODY: &str = "GitHub does not say whose the token is, and so not what only its user sees";

impl Listings for GitHub<'_> {
    type Kind = Kind;

    fn all(&self) -> Result<&[Listing<Kind>]> {
        let all = kept(&self.kept.steps, || match self.app {
            Some(_) => self.of_app(),
            None => self.of_account(),
        });
        all.map(Vec::as_slice)
    }

    fn page(&self, step: &Listing<Kind>, cursor: Option<&str>) -> Result<Linked> {
        let (name, all) = (step.name.as_str(), "owner,collaborator,organization_member");
        let (path, which): (&[&str], _) = match step.kind {
            Kind::All => (&["user", "repos"], Some(("affiliation", all))),
            Kind::Own => (&["user", "repos"], Some(("affiliation", "owner"))),
            Kind::User => (&["users", name, "repos"], Some(("type", "owner"))),
            Kind::Org | Kind::Each => (&["orgs", name, "repos"], Some(("type", "all"))),
            Kind::Installation => (&["installation", "repositories"], None),
            Kind::OwnGists => (&["gists"], None),
            Kind::Gists => (&["users", name, "gists"], None),
            Kind::Starred => (&["gists", "starred"], None),
        };
        let mut query = vec![("per_page", "100")];
        if let Some(which) = which {
            // By creation: what is pushed to while the pages are read keeps its place.
            query.extend([which, ("sort", "created"), ("direction", "asc")]);
        }
        good_page(self.ask(&step.handle, |api| api.linked(path, &query, cursor))?)
    }

    fn fill(&self, step: &Listing<Kind>, answer: &HttpResponse, page: &mut Page) -> Result<()> {
        // Whole organisations may be left out of a listing: said on its first page.
        let sign_on = answer.header("x-github-sso").unwrap_or_default();
        let is_first = !answer.url.contains("&page=");
        if let (Some((_, ids)), true) = (sign_on.split_once("organizations="), is_first) {
            let message = format!("GitHub leaves out the organisations with the ids {ids}");
            let note = Finding::new(Severity::Error, "password", message);
            page.notes.push(note.with_hint(SIGN_ON));
        }
        let (found, total) = entries_in(answer, "repositories")?;
        // Of several installations each counts its own.
        page.total = total.filter(|_| !self.is_of_all());
        let is_own = |owner: &Account| owner.id.to_string() == step.owner;
        let mut put = |found| page.repositories.push(found);
        if step.kind >= Kind::OwnGists {
            for gist in entries::<Gist>(found, &mut page.notes) {
                let is_own = gist.owner.as_ref().is_some_and(is_own);
                // Starred, and listed as one's own.
                let is_listed = step.kind == Kind::Starred && self.source.flag("includeGists");
                if !(is_own && is_listed) {
                    put(gist.into_repository(&self.source.api_url, is_own));
                }
            }
            return Ok(());
        }
        for entry in entries::<RepositoryEntry>(found, &mut page.notes) {
            // What is not its own, or comes with its organisation.
            let mut organisations = self.memberships()?.iter().map(|one| one.organization.id);
            let is_elsewhere = match step.kind {
                Kind::Own => !is_own(&entry.owner),
                Kind::All => organisations.any(|id| id == entry.owner.id),
                _ => false,
            };
            if !is_elsewhere {
                put(self.repository(entry, answer, &step.handle));
            }
        }
        Ok(())
    }

    /// All with a classic token for all repositories alone, by the owner and by an owner of the organisation.
    fn sees(&self, step: &Listing<Kind>) -> Result<Option<Sees>> {
        let (sight, mut owned) = (self.sight()?, self.memberships()?.iter());
        let is_it = |account: &Account| account.id.to_string() == step.owner;
        let is_me = sight.me.as_ref().is_some_and(is_it);
        let is_owner = is_me || owned.any(|one| one.role == "admin" && is_it(&one.organization));
        let is_for_all = scopes(&sight.answer).iter().any(|scope| scope == "repo");
        Ok(match step.kind {
            Kind::OwnGists | Kind::Gists | Kind::Starred => None,
            Kind::Installation => match &*self.installation(&step.handle)?.repository_selection {
                "selected" => Some(Sees::Selected),
                _ => Some(Sees::Other),
            },
            _ => Some(sees_all_if(is_owner && is_for_all)),
        })
    }

    /// Where else the App is installed, which is told and never cloned, and where it is not.
    fn notes(&self) -> Result<Vec<Finding>> {
        let mut notes = Vec::new();
        let is_of_user = self.all()?.iter().any(|step| step.kind == Kind::User);
        if is_of_user && self.source.password().is_some() && self.sight()?.me.is_none() {
            notes.push(Finding::new(Severity::Warning, "password", NOBODY));
        }
        if self.app.is_none() || !self.is_of_all() {
            return Ok(notes);
        }
        let all = self.installations()?;
        for one in all {
            let (id, login) = (one.id.to_string(), &one.account.login);
            if self.all()?.iter().all(|step| step.handle != id) {
                let why = format!("the App is on {login} too (installation {id}): not backed up");
                notes.push(Finding::new(Severity::Warning, KEY, why).with_hint(ADD_IT));
            }
        }
        for id in self.source.list(KEY) {
            if all.iter().all(|one| one.id.to_string() != *id) {
                let why = format!("installation {id} is not the App's: not backed up");
                notes.push(Finding::new(Severity::Error, KEY, why).with_hint(REMOVE_IT));
            }
        }
        Ok(notes)
    }

    fn fails_alone(&self, step: &Listing<Kind>) -> bool {
        step.kind >= Kind::OwnGists || self.is_of_all() && step.kind != Kind::All
    }

    /// Where renamed and moved repositories redirect to.
    fn by_id(&self, of: &Listing<Kind>, id: &str) -> Result<Option<Repository>> {
        let path = ["repositories", id];
        let (answer, ()) = self.ask(&of.handle, |api| Ok((api.get(&path, &[])?, ())))?;
        // A proxy's 404 is none of GitHub's, and single sign-on hides what is there.
        if is_not_found(&answer) && answer.header("x-github-sso").is_none() {
            return Ok(None);
        }
        let answer = good(answer)?;
        Ok(Some(self.repository(json(&answer)?, &answer, &of.handle)))
    }

    fn is_there(&self, step: &Listing<Kind>) -> Result<bool> {
        Ok(self.account(&step.name)?.id.to_string() == step.owner)
    }
}

impl GitHub<'_> {
    fn of_account(&self) -> Result<Vec<Listing<Kind>>> {
        let me = self.sight()?.me.as_ref();
        let is_me = |account: &Account| me.is_some_and(|me| me.id == account.id);
        let (mut steps, mut kinds) = (Vec::new(), Vec::new());
        let account = if self.is_of_all() {
            let organisations = self.memberships()?.iter().map(|one| &one.organization);
            steps.extend(organisations.map(|one| Listing::of(Kind::Each, one, "")));
            kinds.extend([Kind::All, Kind::OwnGists]);
            let nobody = HosterError::new(ErrorKind::Forbidden, NOBODY);
            me.ok_or(nobody.with_hint("write a name"))?.clone()
        } else {
            let account = self.account(self.source.name.trim())?;
            kinds.extend(match account.kind.as_deref() {
                Some("Organization") => [Kind::Org].as_slice(),
                _ if is_me(&account) => &[Kind::Own, Kind::OwnGists],
                _ => &[Kind::User, Kind::Gists],
            });
            account
        };
        kinds.retain(|kind| *kind < Kind::OwnGists || self.source.flag("includeGists"));
        steps.extend(kinds.iter().map(|kind| Listing::of(*kind, &account, "")));
        if let (true, Some(me)) = (self.source.flag("includeStarred"), me) {
            steps.push(Listing::of(Kind::Starred, me, ""));
        }
        Ok(steps)
    }

    /// The installations that the source names: strangers may have installed the App too.
    fn of_app(&self) -> Result<Vec<Listing<Kind>>> {
        let (name, chosen) = (self.source.name.trim(), self.source.list(KEY));
        let mut own = None;
        if self.is_of_all() && chosen.is_empty() {
            let (answer, ()) = self.as_app(|api| Ok((api.get(&["app"], &[])?, ())))?;
            own = json::<Value>(&answer)?["owner"]["id"].as_u64();
        }
        let mut steps = Vec::new();
        for one in self.installations()? {
            let (id, account) = (one.id.to_string(), &one.account);
            let is_named = match own {
                Some(own) => own == account.id,
                None if self.is_of_all() => chosen.contains(&id),
                None => account.login.eq_ignore_ascii_case(name),
            };
            if is_named {
                steps.push(Listing::of(Kind::Installation, account, &id));
            }
        }
        if steps.is_empty() {
            let why = format!("the App is not installed on what name `{name}` stands for");
            return Err(HosterError::new(ErrorKind::NotFound, why)
                .with_hint("install it there, or check name and installationId"));
        }
        Ok(steps)
    }

    pub(crate) fn repository(
        &self,
        one: RepositoryEntry,
        answer: &HttpResponse,
        handle: &str,
    ) -> Repository {
        // A time of a push moves with heads of pull requests as well.
        let mut found = one.into_repository(self.source, Some(answer));
        found.handle = handle.to_owned();
        found.refs = vec![
            RefAdvice::new("refs/pull/*/merge", Advice::Volatile),
            RefAdvice::new("refs/pull/*", Advice::NotPushed),
            RefAdvice::new("refs/heads/gh-readonly-queue/*", Advice::NotPushed),
        ];
        found
    }
}

#[derive(Deserialize)]
struct Gist {
    id: String,
    git_pull_url: String,
    public: bool,
    description: Option<String>,
    owner: Option<Account>,
}

impl Gist {
    /// The gist as a repository of its own. A stranger is not followed for a star.
    fn into_repository(self, api_url: &str, is_own: bool) -> Repository {
        let url = clone_address(&self.git_pull_url, api_url);
        let login = self.owner.as_ref().map_or("anonymous", |one| &one.login);
        let full_name = format!("{login}/gists/{}", self.id);
        let mut gist = Repository::new(format!("gist-{}", self.id), full_name, url);
        gist.description = self.description.unwrap_or_default();
        // Secret is not private: who has the address sees it.
        if self.public {
            gist.visibility = Visibility::Public;
        }
        let owner = self.owner.filter(|_| is_own).map(Into::into);
        gist.owner = owner.unwrap_or_default();
        gist
    }
}
