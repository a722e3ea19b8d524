//! What is kept for a source's plugin: its state, and the files that it had downloaded.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Services, SourceState, StateValue};
use forgekeep_http::{Response, broken_body};
use forgekeep_plugin_documents::{DownloadedFile, StateGet, StatePut};
use forgekeep_untrusted::{Redactor, Secret};
use parking_lot::Mutex;
use sha2::Digest as _;
use tempfile::TempDir;

use crate::library::Sha256;

/// Bytes of a key of the state.
const MOST_KEY: usize = 256;

/// Bytes of a downloaded file.
const MOST_FILE: u64 = 16 << 30;

/// What is kept for one source.
pub(super) struct Keep {
    state: Arc<dyn SourceState>,
    /// Read at first use; its secrets are known to the run from then on.
    values: Mutex<Option<BTreeMap<String, StateValue>>>,
    /// Removed with everything in it when the session ends: nothing takes a file over yet.
    folder: Mutex<Option<TempDir>>,
    downloads: AtomicU64,
}

impl Keep {
    pub(super) fn new(state: Arc<dyn SourceState>) -> Self {
        Self {
            state,
            values: Mutex::default(),
            folder: Mutex::default(),
            downloads: AtomicU64::new(0),
        }
    }

    /// What a plugin has kept under a key.
    pub(super) fn get(
        &self,
        asked: &StateGet,
        services: &Services,
    ) -> Result<Option<Secret>, Failure> {
        let mut values = self.values.lock();
        let values = self.read(&mut values, services)?;
        Ok(values.get(&asked.key).map(|kept| kept.value.clone()))
    }

    fn read<'v>(
        &self,
        values: &'v mut Option<BTreeMap<String, StateValue>>,
        services: &Services,
    ) -> Result<&'v mut BTreeMap<String, StateValue>, Failure> {
        if values.is_none() {
            let read = self.state.values()?;
            for kept in read.values().filter(|kept| kept.secret) {
                services.guard.know(&kept.value, &services.scope);
            }
            *values = Some(read);
        }
        Ok(values.get_or_insert_default())
    }

    /// Keeps a value. Credentials of the run are refused: what is on the disk may be read by whoever
    /// gets hold of it, and a token that was made is to end with the run.
    pub(super) fn put(&self, put: StatePut, services: &Services) -> Result<(), Failure> {
        if put.key.is_empty() || put.key.len() > MOST_KEY {
            return Err(refused(&format!(
                "a key of {} bytes (1 to {MOST_KEY})",
                put.key.len()
            )));
        }
        let value = put.value.map(|value| StateValue {
            value: Secret::new(value.expose()),
            secret: put.secret,
        });
        let mut values = self.values.lock();
        let values = self.read(&mut values, services)?;
        if let Some(kept) = &value {
            let is_known = values.get(&put.key).is_some_and(|before| *before == *kept);
            if !is_known && holds_credentials(&kept.value, &services.redactor) {
                return Err(refused("a credential"));
            }
        }
        self.state.put(&put.key, value.clone())?;
        match value {
            Some(kept) => {
                if kept.secret {
                    services.guard.know(&kept.value, &services.scope);
                }
                values.insert(put.key, kept);
            }
            None => {
                values.remove(&put.key);
            }
        }
        Ok(())
    }

    /// Writes the body of an answer to a file.
    pub(super) fn download(&self, answer: Response) -> Result<DownloadedFile, Failure> {
        let folder = self.folder()?;
        let name = format!("{}", self.downloads.fetch_add(1, Ordering::Relaxed) + 1);
        let path = folder.join(&name);
        let received = receive(answer, &path);
        let (size, sha256) = received.inspect_err(|_| {
            // If this fails, it goes with its folder.
            let _ = fs::remove_file(&path);
        })?;
        Ok(DownloadedFile {
            file: name,
            size,
            sha256: sha256.to_string(),
        })
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        let mut folder = self.folder.lock();
        if let Some(folder) = &*folder {
            return Ok(folder.path().to_owned());
        }
        let parent = self.state.downloads()?;
        let made = tempfile::Builder::new()
            .prefix("plugin-")
            .tempdir_in(&parent)
            .map_err(|error| Failure::disk("make a folder for downloads in", &parent, &error))?;
        let path = made.path().to_owned();
        *folder = Some(made);
        Ok(path)
    }
}

/// Writes a body to a new file; its length and hash.
fn receive(answer: Response, path: &Path) -> Result<(u64, Sha256), Failure> {
    let disk = |error: &io::Error| Failure::disk("write", path, error);
    let Response { url, mut body, .. } = answer;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = options.open(path).map_err(|error| disk(&error))?;
    let mut digest = sha2::Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken_body(&url, &error)),
        };
        size += read.len() as u64;
        if size > MOST_FILE {
            return Err(Failure::new(
                ErrorKind::Policy,
                format!("{url}: a download is larger than {MOST_FILE} bytes"),
            )
            .with_hint("report it to the plugin's authors; what was received was discarded"));
        }
        digest.update(read);
        file.write_all(read).map_err(|error| disk(&error))?;
    }
    Ok((size, Sha256(digest.finalize().into())))
}

fn refused(what: &str) -> Failure {
    Failure::new(ErrorKind::Policy, format!("a plugin wants to keep {what}"))
        .with_hint("report it to the plugin's authors; nothing was kept")
}

fn holds_credentials(value: &Secret, redactor: &Redactor) -> bool {
    redactor.finds(value.expose())
}

#[cfg(test)]
mod tests {
    use forgekeep_failure::Cancel;
    use forgekeep_hoster::MemoryState;
    use forgekeep_http::{Client, CredentialGuard, CredentialScope, RetryPolicy, Settings};
    use forgekeep_plugin_documents::Secret as Written;
    use url::Url;

    use super::*;

    fn services() -> Services {
        let redactor = Redactor::default();
        let second = std::time::Duration::from_secs(1);
        let api = Url::parse("https://forge.example").unwrap();
        Services {
            http: Arc::new(Client::new(&Settings {
                connect: second,
                stall: second,
                connections: 1,
            })),
            scope: Arc::new(CredentialScope::new(api, false, &[], false)),
            max_body_bytes: 1,
            redactor: Arc::new(redactor.clone()),
            guard: CredentialGuard::new(redactor),
            cancel: Cancel::new(),
            retry_policy: RetryPolicy::default(),
        }
    }

    fn put(key: &str, value: &str, secret: bool) -> StatePut {
        StatePut {
            key: key.to_owned(),
            value: Some(Written::from(value)),
            secret,
        }
    }

    #[test]
    fn what_was_kept_is_given_and_its_secrets_are_known() {
        let (keep, services) = (Keep::new(Arc::new(MemoryState::default())), services());
        keep.put(put("etag", "W/12345678", false), &services)
            .unwrap();
        keep.put(put("device", "device-id-12345", true), &services)
            .unwrap();
        let get = |key: &str| {
            let asked = StateGet {
                key: key.to_owned(),
            };
            keep.get(&asked, &services).unwrap()
        };
        assert_eq!(get("etag"), Some(Secret::new("W/12345678")));
        assert_eq!(get("other"), None);
        assert!(services.redactor.finds("the device-id-12345"));
        assert!(!services.redactor.finds("W/12345678"));
        // Said again, it is nothing new.
        keep.put(put("device", "device-id-12345", true), &services)
            .unwrap();
    }

    #[test]
    fn credentials_of_the_run_are_not_kept() {
        let (keep, services) = (Keep::new(Arc::new(MemoryState::default())), services());
        services
            .guard
            .know(&Secret::new("minted-token-1"), &services.scope);
        for value in ["minted-token-1", "Bearer minted-token-1"] {
            let refused = keep.put(put("token", value, true), &services).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Policy);
        }
        for key in ["", &"k".repeat(MOST_KEY + 1)] {
            assert!(keep.put(put(key, "x", false), &services).is_err());
        }
    }
}
