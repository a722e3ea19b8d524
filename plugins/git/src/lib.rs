//! Forgekeep's plugin for repositories by address: `https://`, ssh, and paths on this machine.
//!
//! It knows no API: what its source names is all there is. `docs/git.md` is the manual.

mod address;
mod validate;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, ErrorKind, Finding, Host, Hoster, HosterError, Local, Manifest,
    OptionKind, OptionSpec, Page, Part, PartKind, Repository, Result, Source, Ssh, Way, cursor,
    export_hoster, from_cursor, token,
};

use crate::address::{Address, Place};

/// The option with the addresses.
const URLS: &str = "urls";

/// The option with the program at the other end.
const UPLOAD_PACK: &str = "uploadPack";

/// How many repositories a page has.
const PAGE: usize = 1000;

/// Repositories by address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Git;

export_hoster!(Git);

impl Hoster for Git {
    fn manifest(&self) -> Manifest {
        let mut urls = OptionSpec::new(
            URLS,
            OptionKind::List,
            "Addresses of the repositories: https, ssh, or paths on this machine",
        )
        .required();
        urls.trusted_origin = true;
        let upload_pack = OptionSpec::new(
            UPLOAD_PACK,
            OptionKind::Text,
            "Path of git-upload-pack at the other end of ssh, or of a program in its place here",
        );
        Manifest {
            id: "git".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            authors: vec![env!("CARGO_PKG_AUTHORS").into()],
            description:
                "Any git server: repositories by address, over https and ssh, and on this machine"
                    .into(),
            options: vec![urls, upload_pack],
            concurrency: 4,
            nameless: true,
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        validate::validate(source)
    }

    fn list(&self, source: &Source, from: Option<&str>, _: &Host<'_>) -> Result<Page> {
        let from: usize = from.map_or(Ok(0), from_cursor)?;
        let addresses = addresses(source)?;
        let page = addresses.iter().skip(from).take(PAGE);
        let next = from.saturating_add(PAGE);
        Ok(Page {
            repositories: page.map(repository).collect(),
            next: (next < addresses.len())
                .then(|| cursor(&next))
                .transpose()?,
            total: Some(addresses.len() as u64),
            ..Page::default()
        })
    }

    fn access(&self, source: &Source, what: &AccessRequest, _: &Host<'_>) -> Result<Access> {
        let upload_pack = source.text(UPLOAD_PACK).unwrap_or_default().to_owned();
        // A credential is never asked for twice: there is one at most.
        let way = match Address::read(&what.url).map_err(unfit)?.place {
            Place::Https(_) => Way::Http(match token(source) {
                Some(secret) => Auth::basic(user(source), &secret),
                None => Auth::None,
            }),
            Place::Ssh(ssh) => Way::Ssh(Ssh { upload_pack, ..ssh }),
            Place::Local(path) => Way::Local(Local { path, upload_pack }),
        };
        Ok(Access { way, expires: None })
    }
}

/// The user for HTTPS. Servers that look at tokens alone want one that is not empty.
fn user(source: &Source) -> &str {
    match source.auth_name.trim() {
        "" => "git",
        user => user,
    }
}

fn repository(address: &Address) -> Repository {
    let mut git = Part::new(PartKind::Git, address.url());
    git.named = true;
    Repository {
        id: address.name.clone(),
        full_name: address.name.clone(),
        parts: vec![git],
        ..Repository::default()
    }
}

/// What the source names.
fn addresses(source: &Source) -> Result<Vec<Address>> {
    let entries = address::entries(source.list(URLS));
    entries
        .map(|(_, entry)| Address::read(entry).map_err(unfit))
        .collect()
}

fn unfit(unfit: address::Unfit) -> HosterError {
    HosterError::new(ErrorKind::Other, unfit.why).with_hint(unfit.hint)
}
