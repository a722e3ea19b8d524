//! A channel that is a mailbox.

use std::net::IpAddr;

use forgekeep_untrusted::{Secret, names};

use super::Secrets;
use crate::beside;
use crate::error::ConfigError;
use crate::reader::{Field, Section, boolean};
use crate::schema::PASSWORD;
use crate::secrets::{self, Form};

/// The words of `security`.
pub const SECURITY: [&str; 4] = ["tls", "starttls", "starttlsIfOffered", "none"];

/// The keys of our own.
pub(super) const KEYS: &[&str] = &[
    "server",
    "port",
    "security",
    "caFile",
    "from",
    "to",
    "userName",
    PASSWORD,
    "passwordFile",
    "passwordCommand",
];

/// The keys of SCM Backup, with ways to keep the password elsewhere.
pub const EMAIL: &[&str] = &[
    "from",
    "to",
    "server",
    "port",
    "useSsl",
    "userName",
    PASSWORD,
    "passwordFile",
    "passwordCommand",
    "caFile",
];

/// The largest file with certificates, in bytes.
const MAX_CA: usize = 1 << 20;

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// By TLS from its beginning.
    Tls,
    /// By STARTTLS, or the mail is not sent.
    StartTls,
    /// By STARTTLS, if the server offers it.
    StartTlsIfOffered,
    /// Not at all.
    None,
}

/// A mailbox, and the server that takes mail for it.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Name or address of the server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection to it is protected.
    pub security: MailSecurity,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca: Option<Vec<u8>>,
    /// Who the mail is from.
    pub from: String,
    /// Who it is for, at least one.
    pub to: Vec<String>,
    /// User name and password; none where the server wants none.
    pub login: Option<(String, Secret)>,
}

impl Mail {
    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.server)
    }
}

fn is_loopback(server: &str) -> bool {
    let bare = server.trim_start_matches('[').trim_end_matches(']');
    let ip = bare.parse::<IpAddr>();
    bare.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn own(section: &Section<'_>, secrets: &mut Secrets<'_>) -> Result<Mail, ConfigError> {
    let server = server(section)?;
    let port = port(section)?;
    let security = match section.get("security") {
        Some(field) => Some(security(&field)?),
        None => None,
    };
    let (port, security) = match (port, security) {
        (Some(port), Some(security)) => (port, security),
        (Some(465), None) => (465, MailSecurity::Tls),
        (Some(25), None) => (25, MailSecurity::StartTlsIfOffered),
        (Some(port), None) if is_loopback(&server) => (port, MailSecurity::StartTlsIfOffered),
        (Some(port), None) => (port, MailSecurity::StartTls),
        (None, None) if is_loopback(&server) => (25, MailSecurity::StartTlsIfOffered),
        (None, None) => (587, MailSecurity::StartTls),
        (None, Some(security)) => {
            let port = match security {
                MailSecurity::Tls => 465,
                MailSecurity::StartTls => 587,
                MailSecurity::StartTlsIfOffered | MailSecurity::None => 25,
            };
            (port, security)
        }
    };
    rest(section, secrets, server, port, security)
}

/// A mail as SCM Backup has it; none where it sends none either: without anybody to send it to.
pub(super) fn former(
    field: &Field<'_>,
    secrets: &mut Secrets<'_>,
) -> Result<Option<Mail>, ConfigError> {
    let section = field.again().section()?;
    section.warn_unknown(EMAIL);
    let is_empty = |key: &str| match section.get(key) {
        Some(field) => field.raw_text().is_some_and(|text| text.trim().is_empty()),
        None => true,
    };
    if ["server", "from", "to"].into_iter().all(is_empty) {
        return Ok(None);
    }
    let security = match boolean(&section, "useSsl")? {
        true => MailSecurity::Tls,
        false => MailSecurity::StartTlsIfOffered,
    };
    let port = match (port(&section)?, security) {
        (Some(port), _) => port,
        (None, MailSecurity::Tls) => 465,
        (None, _) => 25,
    };
    let server = server(&section)?;
    rest(&section, secrets, server, port, security).map(Some)
}

fn rest(
    section: &Section<'_>,
    secrets: &mut Secrets<'_>,
    server: String,
    port: u16,
    security: MailSecurity,
) -> Result<Mail, ConfigError> {
    let hint = "add `from` with the address that the mail is from";
    let field = section.require("from", "a mail has a sender", hint)?;
    let from = address(&field)?;
    let to = recipients(section)?;
    let user_name = match section.get("userName") {
        Some(field) => field.text()?.value,
        None => String::new(),
    };
    let password = password(section, secrets)?;
    let login = match (user_name.is_empty(), password) {
        (false, Some(password)) => Some((user_name, password)),
        // As SCM Backup: only with both.
        _ => None,
    };
    let ca = match (section.get("caFile"), &secrets) {
        (Some(field), Secrets::Now(_)) => {
            Some(beside::read(&field, &beside::path(&field)?, MAX_CA)?)
        }
        _ => None,
    };
    Ok(Mail {
        server,
        port,
        security,
        ca,
        from,
        to,
        login,
    })
}

fn password(
    section: &Section<'_>,
    secrets: &mut Secrets<'_>,
) -> Result<Option<Secret>, ConfigError> {
    let Some(way) = secrets::way(section, PASSWORD)? else {
        return Ok(None);
    };
    let found = match secrets {
        Secrets::Later => {
            secrets::check(&way)?;
            None
        }
        Secrets::Now(printed) => secrets::read(&way, PASSWORD, Form::Line, printed)?,
    };
    Ok(found.map(|found| found.secret))
}

fn server(section: &Section<'_>) -> Result<String, ConfigError> {
    let hint = "add `server` with the name of the mail server";
    let field = section.require("server", "it is who takes the mail", hint)?;
    let server = field.text()?.value.trim().to_owned();
    if server.is_empty() || !names::is_printable(&server) || server.contains(['/', ' ', '@']) {
        return Err(field.invalid(
            "it is not the name of a server",
            "write the name alone, such as smtp.example.com; the port is a key of its own",
        ));
    }
    Ok(server)
}

/// Nothing for none, and for the 0 of SCM Backup's sample.
fn port(section: &Section<'_>) -> Result<Option<u16>, ConfigError> {
    let Some(field) = section.get("port") else {
        return Ok(None);
    };
    if field.raw_text() == Some("") {
        return Ok(None);
    }
    let port = u16::try_from(field.integer(0..=65_535)?).unwrap_or(0);
    Ok((port != 0).then_some(port))
}

fn security(field: &Field<'_>) -> Result<MailSecurity, ConfigError> {
    let text = field.text()?;
    match text.value.trim().to_ascii_lowercase().as_str() {
        "tls" => Ok(MailSecurity::Tls),
        "starttls" => Ok(MailSecurity::StartTls),
        "starttlsifoffered" => Ok(MailSecurity::StartTlsIfOffered),
        "none" => Ok(MailSecurity::None),
        _ => Err(field.invalid(
            format!(
                "`{}` is none of `tls`, `starttls`, `starttlsIfOffered` and `none`",
                text.quotable()
            ),
            "write `tls` for TLS from the beginning, `starttls` for STARTTLS, or leave the key out",
        )),
    }
}

/// One text, in which `;` stands between addresses, or a list.
fn recipients(section: &Section<'_>) -> Result<Vec<String>, ConfigError> {
    let hint = "add `to` with the address that the mail is for";
    let field = section.require("to", "a mail is for somebody", hint)?;
    let mut all = Vec::new();
    if field.is_list() {
        for item in field.items()? {
            all.push(address(&item)?);
        }
    } else {
        let text = field.text()?.value;
        let parts = text.split(';').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            all.push(checked(&field, part)?);
        }
    }
    match all.is_empty() {
        true => Err(field.invalid("it is empty", hint)),
        false => Ok(all),
    }
}

fn address(field: &Field<'_>) -> Result<String, ConfigError> {
    checked(field, field.text()?.value.trim())
}

/// Whether it is an address is judged by who sends it; here only what can be none.
fn checked(field: &Field<'_>, text: &str) -> Result<String, ConfigError> {
    let is_set = !text.contains(crate::NOT_SET);
    if is_set && (!text.contains('@') || !names::is_printable(text)) {
        return Err(field.invalid(
            "it is not a mail address",
            "write an address, such as backup@example.com or Backup <backup@example.com>",
        ));
    }
    Ok(text.to_owned())
}
