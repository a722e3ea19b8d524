//! Mail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use forgekeep_config::{Mail, MailSecurity};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Shown;
use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::message::Message;

/// How long each step may take.
const STEP: Duration = Duration::from_secs(15);

/// Exchange Online, which ends logins by name and password.
const MICROSOFT: [&str; 3] = ["office365.com", "outlook.com", "office.com"];

/// The code for a login that was refused.
const LOGIN_REFUSED: u16 = 535;

/// Sends a message.
///
/// # Errors
///
/// The server has not taken it.
pub(super) fn send(mail: &Mail, message: &Message) -> Result<(), Failure> {
    let letter = letter(mail, message)?;
    let hello = hello();
    let tls = match mail.security {
        MailSecurity::None => None,
        MailSecurity::Tls | MailSecurity::StartTls | MailSecurity::StartTlsIfOffered => {
            Some(tls(mail)?)
        }
    };
    let wrapper = match mail.security {
        MailSecurity::Tls => tls.as_ref(),
        _ => None,
    };
    let failed = |error: SmtpError| smtp(mail, &error);
    let addresses = addresses(mail)?;
    let connected = SmtpConnection::connect(&addresses[..], Some(STEP), &hello, wrapper, None);
    let mut connection = connected.map_err(failed)?;
    let sent = deliver(mail, &mut connection, tls.as_ref(), &hello, &letter);
    // It has taken the mail, or not; how it says goodbye changes nothing.
    let _ = connection.quit();
    sent
}

fn deliver(
    mail: &Mail,
    connection: &mut SmtpConnection,
    tls: Option<&TlsParameters>,
    hello: &ClientId,
    letter: &lettre::Message,
) -> Result<(), Failure> {
    let failed = |error: SmtpError| smtp(mail, &error);
    if let (MailSecurity::StartTls | MailSecurity::StartTlsIfOffered, Some(tls)) =
        (mail.security, tls)
    {
        match (connection.can_starttls(), mail.security) {
            (true, _) => connection.starttls(tls, hello).map_err(failed)?,
            (false, MailSecurity::StartTls) => {
                return Err(Failure::new(
                    ErrorKind::Policy,
                    "it offers no STARTTLS, and the mail would be sent unencrypted",
                )
                .with_hint("set `security: tls` and port 465 if it has them; or, for a server that you trust on a network that you trust, `security: none`"));
            }
            (false, _) => {}
        }
    }
    if let Some((user, password)) = &mail.login {
        if !connection.is_encrypted() && !mail.is_loopback() {
            return Err(Failure::new(
                ErrorKind::Policy,
                "the password would be sent unencrypted, so the mail is not sent",
            )
            .with_hint("use TLS (`useSsl: true`, or `security: tls`), or a server that takes mail without a login"));
        }
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        connection
            .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
            .map_err(failed)?;
    }
    connection
        .send(letter.envelope(), &letter.formatted())
        .map(drop)
        .map_err(failed)
}

fn letter(mail: &Mail, message: &Message) -> Result<lettre::Message, Failure> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| {
            Failure::new(
                ErrorKind::Config,
                format!("`{}` is not a mail address: {error}", Shown::of(text)),
            )
            .with_hint(
                "write an address, such as backup@example.com or Backup <backup@example.com>",
            )
        })
    };
    let from = mailbox(&mail.from)?;
    let now = Timestamp::now();
    let id = format!(
        "<{}.{}@{}>",
        now.as_nanosecond(),
        std::process::id(),
        from.email.domain()
    );
    let mut builder = lettre::Message::builder()
        .from(from)
        .subject(message.title.clone())
        .date_now()
        .message_id(Some(id));
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    let part = SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        .body(message.text.clone() + "\n");
    let mut letter = builder.singlepart(part).map_err(|error| {
        Failure::new(
            ErrorKind::Other,
            format!("the mail cannot be written: {error}"),
        )
    })?;
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    let value = HeaderValue::new(name, "auto-generated".to_owned());
    letter.headers_mut().insert_raw(value);
    Ok(letter)
}

/// How this machine calls itself to the server: by a name that can be one, else by an address.
fn hello() -> ClientId {
    let name = gethostname::gethostname();
    let is_name = |name: &&str| {
        let labels = name.split('.');
        !name.is_empty()
            && name.len() <= 255
            && labels.clone().all(|label| {
                let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
                !label.is_empty()
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(inner)
            })
    };
    match name.to_str().filter(is_name) {
        Some(name) => ClientId::Domain(name.to_owned()),
        None => ClientId::Ipv4(Ipv4Addr::LOCALHOST),
    }
}

/// `localhost` is this machine, whatever a name server says: a password may go there unencrypted.
fn addresses(mail: &Mail) -> Result<Vec<SocketAddr>, Failure> {
    let bare = bare(&mail.server);
    if bare.eq_ignore_ascii_case("localhost") {
        let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(both.map(|ip| SocketAddr::new(ip, mail.port)).to_vec());
    }
    let found = (bare, mail.port).to_socket_addrs();
    found.map(Iterator::collect).map_err(|error| {
        Failure::new(
            ErrorKind::Network,
            format!("its name has no address: {error}"),
        )
        .with_hint("check the name of the mail server, and the network")
    })
}

fn bare(server: &str) -> &str {
    server.trim_start_matches('[').trim_end_matches(']')
}

fn tls(mail: &Mail) -> Result<TlsParameters, Failure> {
    let unusable = |error: SmtpError| {
        Failure::new(
            ErrorKind::Tls,
            format!("certificates cannot be checked: {}", chain(&error)),
        )
    };
    let mut builder = TlsParameters::builder(bare(&mail.server).to_owned());
    if let Some(ca) = &mail.ca {
        let certificate = Certificate::from_pem(ca).map_err(|error| {
            Failure::new(
                ErrorKind::Config,
                format!("`caFile` holds no certificate: {}", chain(&error)),
            )
            .with_hint("name a file with certificates in PEM")
        })?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(unusable)
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = Shown::words(&error).to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = Shown::words(&cause).to_string();
        // Some say what is behind them already.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

fn smtp(mail: &Mail, error: &SmtpError) -> Failure {
    let (kind, hint) = match error.status().map(u16::from) {
        Some(LOGIN_REFUSED) if is_microsoft(&mail.server) => (
            ErrorKind::Credentials,
            "Exchange Online ends logins by name and password in 2026: send by a relay or connector that takes mail from this machine without a login, or by another provider",
        ),
        Some(LOGIN_REFUSED) => (
            ErrorKind::Credentials,
            "check `userName` and `password`; many providers want an app password here, or have ended logins by password, as Exchange Online does",
        ),
        Some(550..=553) => (
            ErrorKind::Forbidden,
            "check `from` and `to`: the server refuses one of these addresses, or wants a login first",
        ),
        Some(_) => (
            ErrorKind::Unavailable,
            "look at the mail server's log; the next run tells again",
        ),
        None if error.is_tls() && mail.is_loopback() => (
            ErrorKind::Tls,
            "name the server's certificate in `caFile`; or set `security: none`, as the server is on this computer",
        ),
        None if error.is_tls() => (
            ErrorKind::Tls,
            "check the certificate of the mail server; `caFile` names the certificate of an authority of your own",
        ),
        None if error.is_timeout() => (
            ErrorKind::Network,
            "check server, port and `security`: a server that expects TLS from the beginning stays silent without it",
        ),
        None => (
            ErrorKind::Network,
            "check server, port and `security`, and that no firewall is between",
        ),
    };
    Failure::new(kind, chain(error)).with_hint(hint)
}

fn is_microsoft(server: &str) -> bool {
    let server = server.to_ascii_lowercase();
    MICROSOFT.iter().any(|domain| {
        let before = server.strip_suffix(domain);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn mail() -> Mail {
        Mail {
            server: "smtp.example.com".to_owned(),
            port: 587,
            security: MailSecurity::StartTls,
            ca: None,
            from: "Backup <backup@example.com>".to_owned(),
            to: vec!["a@example.com".to_owned(), "B <b@example.com>".to_owned()],
            login: None,
        }
    }

    #[test]
    fn a_letter_has_the_fields_that_a_letter_has() {
        let letter = letter(&mail(), &sample::worst()).unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for field in [
            "Message-ID: <",
            "Date: ",
            "From: ",
            "To: ",
            "Subject: ",
            "Content-Type: text/plain; charset=utf-8",
            "MIME-Version: 1.0",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(head.contains(field), "{field} in\n{head}");
        }
        assert!(text.is_ascii(), "any server takes it");
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
        assert!(!body.is_empty());
        assert_eq!(letter.envelope().to().len(), 2);
    }

    #[test]
    fn exchange_online_is_known_by_its_name() {
        assert!(is_microsoft("smtp.office365.com"));
        assert!(is_microsoft("SMTP-mail.outlook.com"));
        assert!(!is_microsoft("notoutlook.com"));
    }
}
