//! What is at the target, read back by another way than it was sent, and compared.

use forgekeep_failure::Failure;
use forgekeep_git::refs::{self, RefName};
use forgekeep_protocol::{Remote, Way, advertise};
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::Printable;

use crate::push::Destination;

/// What was found.
pub(crate) struct Seen {
    /// Where `HEAD` points.
    pub head: Option<RefName>,
    /// Refs that are not as they were, and how they are.
    pub differs: Vec<(Printable, Printable)>,
}

/// Compares the refs that a fetch would get with those that were sent.
///
/// # Errors
///
/// The target cannot be asked.
pub(crate) fn compare(at: &Destination<'_>, tips: &Tips) -> Result<Seen, Failure> {
    let way = Way::Http(at.authorization()?);
    let remote = Remote {
        url: &at.part.url,
        way: &way,
        services: at.services,
    };
    let mut retry = 0;
    let advertised = loop {
        match advertise(&remote) {
            Ok((advertised, _)) => break advertised,
            Err(failure) => at.services.retry(&mut retry, failure)?,
        }
    };
    let mut differs = Vec::new();
    for (name, oid) in tips {
        let why = match advertised.refs.get(name) {
            Some(found) if found.oid == *oid => continue,
            Some(found) => format!("it is at {} there, and was at {oid}", found.oid),
            None => "it is not there".to_owned(),
        };
        differs.push((refs::shown(name).into(), why.into()));
    }
    Ok(Seen {
        head: advertised.head,
        differs,
    })
}
