//! Which files with secrets a configuration names: a service is given them as credentials.

use std::path::PathBuf;

use super::Config;
use super::beside::credential_name;
use super::document::ConfigDocument;
use super::masked::is_secret_key;
use super::notify::SECRET_KEYS;
use super::reader::{Field, Reader, Section};
use super::secrets::file_key;

/// A file with a secret that is named by a relative path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Its place in the configuration, such as `sources[0].passwordFile`.
    pub key: String,
    /// What systemd's credential for it is called.
    pub name: String,
    /// Where it is if there is no credential.
    pub beside: PathBuf,
    /// Whether it is for those who are told: a run can be made without it.
    pub is_of_notify: bool,
}

impl Config {
    /// The files with secrets of its sources and of those who are told, as far as they are relative. Targets are
    /// left out: no run by itself needs them.
    pub fn secret_files(&self, environment: &dyn Fn(&str) -> Option<String>) -> Vec<SecretFile> {
        let Ok(document) = ConfigDocument::parse(self.text.expose(), &self.file) else {
            return Vec::new();
        };
        let reader = Reader::new(&document, &self.file, environment);
        let root = reader.root();
        let mut files = Vec::new();
        for section in sections(root.get("sources")) {
            // What plugins call their secrets is not known here: each is called like one.
            let is_secret = |key: &&str| key.strip_suffix("File").is_some_and(is_secret_key);
            let keys = section.keys().filter(is_secret);
            files.extend(keys.filter_map(|key| of(&section, key, false)));
        }
        let channels = sections(root.get("notify")).into_iter();
        for section in channels.chain(root.get("email").and_then(|field| field.section().ok())) {
            let keys = SECRET_KEYS.iter().map(|key| file_key(key));
            files.extend(keys.filter_map(|key| of(&section, &key, true)));
        }
        files
    }
}

fn sections(list: Option<Field<'_>>) -> Vec<Section<'_>> {
    let items = list.and_then(|list| list.items().ok());
    let items = items.unwrap_or_default().into_iter();
    items.filter_map(|item| item.section().ok()).collect()
}

fn of(section: &Section<'_>, key: &str, is_of_notify: bool) -> Option<SecretFile> {
    let field = section.get(key)?;
    let path = field.text().ok()?.value;
    Some(SecretFile {
        name: credential_name(&path)?,
        beside: field.beside(&path),
        key: field.key.clone(),
        is_of_notify,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_files_with_secrets_are_found_and_called_as_systemd_may_call_them() {
        let text = "localFolder: /srv\nsources:\n\
            - {title: a, hoster: bitbucket, name: x, passwordFile: token}\n\
            - {title: b, hoster: github, name: x, privateKeyFile: ./keys/app.pem, clientSecretFile: /etc/abs}\n\
            - {title: c, hoster: gitea, name: x, passwordFile: '%NAME%', topicsFile: topics}\n\
            notify:\n\
            - {kind: webhook, urlFile: hook}\n\
            - {kind: mail, server: s, from: a@b, to: a@b, passwordFile: ../up, caFile: ca.pem}\n";
        let environment = |name: &str| (name == "NAME").then(|| "x y".to_owned());
        let file = std::path::Path::new("/etc/forgekeep/forgekeep.yml");
        let config = crate::parse(text, file, &environment).unwrap();
        let found: Vec<_> = config
            .secret_files(&environment)
            .into_iter()
            .map(|file| (file.key, file.name, file.beside, file.is_of_notify))
            .collect();
        let beside = |name: &str| PathBuf::from("/etc/forgekeep").join(name);
        let wanted = [
            ("sources[0].passwordFile", "token", beside("token"), false),
            (
                "sources[1].privateKeyFile",
                "keys-app.pem",
                beside("./keys/app.pem"),
                false,
            ),
            ("sources[2].passwordFile", "x y", beside("x y"), false),
            ("notify[0].urlFile", "hook", beside("hook"), true),
        ];
        let wanted =
            wanted.map(|(key, name, beside, told)| (key.into(), name.into(), beside, told));
        assert_eq!(found, wanted);
        for path in ["", "/a", "../a", "a/../b", "a:b", "a\\b", "ä", "a\nb"] {
            assert_eq!(credential_name(path), None, "{path}");
        }
    }
}
