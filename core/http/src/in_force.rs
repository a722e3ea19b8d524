//! Settings of the network that are in force, for whoever wants to see them.

use std::path::Path;

use forgekeep_failure::Finding;
use forgekeep_untrusted::{Printable, Untrusted};
use serde::Serialize;

use crate::Proxies;

/// Variables that name authorities in place of the system's.
const FILE: &str = "SSL_CERT_FILE";
const FOLDER: &str = "SSL_CERT_DIR";

/// The proxy and the certificate authorities of the environment.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInForce {
    /// The proxy without its password, and the variable that names it.
    pub proxy: Option<Printable>,
    /// What is asked without it.
    pub no_proxy: Option<Printable>,
    /// A file with the authorities that are trusted, in place of the system's.
    pub certificate_file: Option<Printable>,
    /// A folder with such files.
    pub certificate_folder: Option<Printable>,
}

impl NetworkInForce {
    /// What the environment says; `variable` looks one up.
    pub fn of(proxies: &Proxies, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.map(|value| Untrusted::new(value).printable())
        };
        let proxy = proxies.name().map(|name| Untrusted::new(name).printable());
        let no_proxy = set("no_proxy").or_else(|| set("NO_PROXY"));
        Self {
            no_proxy: no_proxy.filter(|_| proxy.is_some()),
            proxy,
            certificate_file: set(FILE),
            certificate_folder: set(FOLDER),
        }
    }

    /// Authorities that cannot be read.
    pub fn findings(&self) -> Vec<Finding> {
        let named = [
            (FILE, &self.certificate_file),
            (FOLDER, &self.certificate_folder),
        ];
        let named = named
            .into_iter()
            .filter_map(|(name, place)| Some((name, place.as_ref()?)));
        let missing = named.filter_map(|(name, place)| {
            let error = Path::new(&place.to_string()).metadata().err()?;
            let hint = format!("correct {name}, or unset it for the authorities of the system");
            Some(Finding {
                hint: hint.into(),
                ..Finding::warning(format!(
                    "no certificate will be trusted: {name} names {place}: {error}"
                ))
            })
        });
        missing.collect()
    }

    /// It as lines for people.
    pub fn lines(&self) -> [String; 2] {
        let proxy = match (&self.proxy, &self.no_proxy) {
            (None, _) => "proxy: none".to_owned(),
            (Some(proxy), None) => format!("proxy: {proxy}"),
            (Some(proxy), Some(not)) => format!("proxy: {proxy}, not for {not}"),
        };
        let certificates = match (&self.certificate_file, &self.certificate_folder) {
            (None, None) => "certificates: those of the system".to_owned(),
            (Some(file), None) => format!("certificates: {file} ({FILE})"),
            (None, Some(folder)) => format!("certificates: {folder} ({FOLDER})"),
            (Some(file), Some(folder)) => {
                format!("certificates: {file} ({FILE}), {folder} ({FOLDER})")
            }
        };
        [proxy, certificates]
    }
}
