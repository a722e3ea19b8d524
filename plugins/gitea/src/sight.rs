use forgekeep_plugin_sdk::{Auth, OwnerSeen, Result, Sees, kept, owner_seen};
use serde_json::Value;

use crate::account::{Account, Sight};
use crate::owner::Listed;
use crate::server::{PAGE_LENGTH, Server, user_of_password};

/// The scope of a token that reaches what is public alone.
pub(crate) const PUBLIC_ONLY: &str = "public-only";

impl Server<'_> {
    /// Asked once, as far as the server tells. Gogs tells too little.
    pub(crate) fn sight(&self) -> Result<&Sight> {
        kept(&self.kept.sight, || {
            let mut sight = Sight::default();
            let (secret, me): (_, Option<Account>) = (&self.secret, self.told(&["user"])?);
            if let (Some(secret), Some(me), Some(version)) = (secret, &me, self.version()?) {
                // Tokens are listed for who comes with user name and password, for which a token may
                // stand; its last digits say which one it is.
                let api = self.api.with(Auth::basic(me.name(), secret));
                let tokens = api.all(&["users", me.name(), "tokens"], &[], PAGE_LENGTH);
                let tokens = self.host.if_told(tokens)?;
                let is_it = |token: &&Value| {
                    let last = token["token_last_eight"].as_str().unwrap_or_default();
                    last.len() == 8 && secret.expose().ends_with(last)
                };
                let ours: Vec<_> = tokens.iter().flatten().filter(is_it).collect();
                let by_login = tokens.is_some() && user_of_password(self.source, secret).is_some();
                match ours[..] {
                    [] if by_login => sight.reach = Sees::All,
                    [token] => {
                        let scopes = token["scopes"].clone();
                        sight.scopes = serde_json::from_value(scopes).unwrap_or_default();
                        sight.reach = reach(token.get("repositories"), &sight.scopes, version);
                    }
                    // Of two with the same last digits it may be either.
                    _ => {}
                }
            }
            sight.me = me;
            Ok(sight)
        })
    }

    /// What is known of how much of an owner is seen. All of it see the owner itself, who is among the
    /// owners of an organisation, and an administrator, with credentials that reach as far.
    pub(crate) fn seen(&self, owner: &Listed) -> Result<OwnerSeen> {
        let sight = self.sight()?;
        let mut sees = sight.reach;
        if let (Sees::All, Some(me)) = (&sees, &sight.me)
            && me.is_admin != Some(true)
            && me.id != owner.id
        {
            let path = ["users", me.name(), "orgs", &owner.name, "permissions"];
            let rights = self.host.if_told(self.api.read::<Value>(&path))?;
            if rights.unwrap_or_default()["is_owner"] != true {
                sees = Sees::Other;
            }
        }
        Ok(owner_seen(owner.id, &owner.name, sees))
    }
}

/// Tokens may be for chosen repositories since Forgejo 15, which says so. Gitea has none as far as it was
/// looked at, up to 1.26. Before there were scopes, nothing is known.
fn reach(repositories: Option<&Value>, scopes: &[String], version: &str) -> Sees {
    let minor = version
        .strip_prefix("1.")
        .and_then(|rest| rest.split('.').next());
    let minor = minor.and_then(|minor| minor.parse::<u32>().ok());
    match repositories {
        Some(Value::Array(chosen)) if !chosen.is_empty() => Sees::Selected,
        _ if scopes.is_empty() || scopes.iter().any(|scope| scope == PUBLIC_ONLY) => Sees::Other,
        Some(Value::Null) => Sees::All,
        None if minor <= Some(26) && minor.is_some() => Sees::All,
        _ => Sees::Other,
    }
}
