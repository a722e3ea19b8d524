//! Secrets that services are given as credentials (systemd.exec(5), `LoadCredential=`): systemd reads them as root, so
//! that the user who backs up need not be able to.
//!
//! A source's secret has to be there, or the service is not started, which its unit for failures tells. One of
//! those who are told keeps nothing from being made: an empty text stands for it.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_failure::Failure;

use super::unit_path::unquoted;
use super::{Plan, Secret};

/// Where systemd looks for credentials by itself: encrypted ones, and others.
const STORES: [(&str, &str); 2] = [
    ("etc/credstore.encrypted", "LoadCredentialEncrypted"),
    ("etc/credstore", "LoadCredential"),
];

/// What a service needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// What a backup does.
    All,
    /// To tell of itself.
    Notify,
}

/// The lines of a drop-in for these secrets. Those that somebody has given the service already are left out, and
/// so are those that are nowhere: the run says where it has looked.
pub(super) fn lines(plan: &Plan, need: Need, others: &str) -> Result<String, Failure> {
    let mut text = String::new();
    for secret in wanted(plan, need) {
        let name = secret.name.replace('%', "%%");
        if is_loaded(secret, others) || text.contains(&format!("={name}:/")) {
            continue;
        }
        let Some((key, source)) = source(plan, secret) else {
            continue;
        };
        if secret.is_of_notify {
            text.push_str(&format!("SetCredential={name}:\\n\n"));
        }
        text.push_str(&format!("{key}={name}:{}\n", unquoted(&source)?));
    }
    Ok(text)
}

/// Which secrets the service is not given, by what is in its unit and drop-ins.
pub(super) fn missing<'p>(plan: &'p Plan, need: Need, installed: &str) -> Vec<&'p Secret> {
    let wanted = wanted(plan, need);
    let missing = wanted.filter(|secret| !is_loaded(secret, installed));
    missing.collect()
}

/// What there is to say of secrets that are nowhere.
pub(super) fn nowhere(plan: &Plan) -> Vec<String> {
    let all = wanted(plan, Need::All);
    let nowhere = all.filter(|secret| source(plan, secret).is_none());
    nowhere
        .map(|secret| {
            format!(
                "the secret of `{}` is not there: write it to {}, or to /etc/credstore/{}, then run `forgekeep schedule install` again",
                secret.key,
                forgekeep_untrusted::Show::shown(secret.beside.as_path()),
                secret.name
            )
        })
        .collect()
}

/// Whether a line is one of credentials, which whoever may not look into the stores cannot compare.
pub(super) fn is_line(line: &str) -> bool {
    let key = line.split_once('=').map_or("", |(key, _)| key);
    ["LoadCredential", "LoadCredentialEncrypted", "SetCredential"].contains(&key)
}

/// A user's manager has nothing to read that the user has not.
fn wanted(plan: &Plan, need: Need) -> impl Iterator<Item = &Secret> {
    let all = plan.secrets.iter().filter(|_| !plan.user_only);
    all.filter(move |secret| need == Need::All || secret.is_of_notify)
}

fn is_loaded(secret: &Secret, units: &str) -> bool {
    let name = secret.name.replace('%', "%%");
    units.lines().any(|line| {
        let value = line
            .strip_prefix("LoadCredential=")
            .or_else(|| line.strip_prefix("LoadCredentialEncrypted="));
        let found = value.map(|value| value.split_once(':').map_or(value, |(name, _)| name));
        found == Some(name.as_str())
    })
}

/// Where a secret is: what was put into systemd's own folders was put there for this.
fn source(plan: &Plan, secret: &Secret) -> Option<(&'static str, PathBuf)> {
    let stored = STORES.iter().find_map(|(folder, key)| {
        let below = Path::new(folder).join(&secret.name);
        let is_there = plan.root.join(&below).is_file();
        is_there.then(|| (*key, Path::new("/").join(below)))
    });
    stored.or_else(|| {
        let is_there = fs::metadata(&secret.beside).is_ok_and(|found| found.is_file());
        is_there.then(|| ("LoadCredential", secret.beside.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_loaded_from_where_it_is_and_only_once() {
        let root = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            path
        };
        let beside = make("config/100% token");
        make("etc/credstore.encrypted/app.pem");
        make("etc/credstore/app.pem");
        make("etc/credstore/hook");
        let secret = |key: &str, name: &str, beside: &Path, is_of_notify| Secret {
            key: key.to_owned(),
            name: name.to_owned(),
            beside: beside.to_owned(),
            is_of_notify,
        };
        let nothing = root.path().join("nothing");
        let plan = Plan {
            secrets: vec![
                secret("sources[0].passwordFile", "100% token", &beside, false),
                secret("sources[1].passwordFile", "100% token", &beside, false),
                secret("sources[2].privateKeyFile", "app.pem", &nothing, false),
                secret("sources[3].passwordFile", "gone", &nothing, false),
                secret("notify[0].urlFile", "hook", &nothing, true),
            ],
            program: "/usr/bin/forgekeep".into(),
            config: "/etc/forgekeep/config.yml".into(),
            folder: "/srv/backup".into(),
            user_only: false,
            at: None,
            root: root.path().to_owned(),
        };
        let token = format!(
            "LoadCredential=100%% token:{}/config/100%% token\n",
            root.path().display()
        );
        let app = "LoadCredentialEncrypted=app.pem:/etc/credstore.encrypted/app.pem\n";
        let hook = "SetCredential=hook:\\n\nLoadCredential=hook:/etc/credstore/hook\n";
        let all = lines(&plan, Need::All, "").unwrap();
        assert_eq!(all, format!("{token}{app}{hook}"));
        assert_eq!(lines(&plan, Need::Notify, "").unwrap(), hook);
        // Somebody has written it already.
        let own = "[Service]\nLoadCredentialEncrypted=app.pem\n";
        let rest = lines(&plan, Need::All, own).unwrap();
        assert_eq!(rest, format!("{token}{hook}"));
        assert!(all.lines().all(is_line));
        let missing: Vec<_> = missing(&plan, Need::All, &all)
            .iter()
            .map(|s| &s.key)
            .collect();
        assert_eq!(missing, ["sources[3].passwordFile"]);
        assert_eq!(nowhere(&plan).len(), 1);
        let of_user = Plan {
            user_only: true,
            ..plan
        };
        assert_eq!(lines(&of_user, Need::All, "").unwrap(), "");
    }
}
