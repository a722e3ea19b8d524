//! What comes besides the pack: lines that answer, and messages for people. It is counted, and it is bounded.

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::parse_oid;
use forgekeep_pkt_line::Packet;
use forgekeep_untrusted::{Show as _, Untrusted};
use git2::Oid;

use crate::advertisement::remote_error;

/// Most bytes of all answers that are not the pack: acknowledgements, messages of progress. An
/// honest server sends some kilobytes; what is in the pack is bounded by the disk.
const MOST_BESIDES: u64 = 16 * 1024 * 1024;

/// How much of a server's messages is kept, to show it if the fetch fails.
pub(super) const KEPT_MESSAGES: usize = 4096;

/// A line that answers wants and haves.
pub(super) enum Answer {
    Nak,
    /// An acknowledgement, and whether the server has heard enough.
    Ack(Oid, bool),
    /// The last acknowledgement.
    Final,
    /// What is for people.
    Message,
}

/// What has come besides the pack.
pub(super) struct Heard {
    pub besides: u64,
    pub messages: Vec<u8>,
}

impl Heard {
    pub(super) fn new(besides: u64) -> Self {
        Self {
            besides,
            messages: Vec::new(),
        }
    }

    pub(super) fn count(&mut self, bytes: usize) -> Result<(), Failure> {
        self.besides += bytes as u64 + 4;
        match self.besides <= MOST_BESIDES {
            true => Ok(()),
            false => Err(too_much_besides()),
        }
    }

    /// A line before the pack.
    pub(super) fn answer(&mut self, data: &[u8]) -> Result<Answer, Failure> {
        self.count(data.len())?;
        if let [band @ (2 | 3), ..] = data {
            return self.band(*band, &data[1..]).map(|()| Answer::Message);
        }
        let line = Packet::line(data);
        if line == b"NAK" {
            return Ok(Answer::Nak);
        }
        if let Some(said) = line.strip_prefix(b"ERR ") {
            return Err(remote_error(said));
        }
        let words = line.strip_prefix(b"ACK ").and_then(|words| {
            let (oid, status) = words.split_at_checked(40)?;
            Some((parse_oid(std::str::from_utf8(oid).ok()?)?, status))
        });
        match words {
            Some((_, b"")) => Ok(Answer::Final),
            Some((oid, status)) => Ok(Answer::Ack(oid, status == b" ready")),
            None => Err(unexpected(line)),
        }
    }

    /// A message on the side band.
    pub(super) fn band(&mut self, band: u8, text: &[u8]) -> Result<(), Failure> {
        if band == 3 {
            return Err(remote_error(text));
        }
        self.messages.extend(text);
        let surplus = self.messages.len().saturating_sub(KEPT_MESSAGES);
        self.messages.drain(..surplus);
        Ok(())
    }
}

pub(super) fn unexpected(line: &[u8]) -> Failure {
    let text = Untrusted::lossy(&line[..line.len().min(200)]);
    Failure::new(
        ErrorKind::BadAnswer,
        format!(
            "the server's answer violates git's protocol: it holds \"{}\"",
            text.shown()
        ),
    )
    .with_hint("run again later; if it persists, report it to the hoster")
    .transient()
}

fn too_much_besides() -> Failure {
    Failure::new(
        ErrorKind::Policy,
        format!("the server sent more than {MOST_BESIDES} bytes besides the pack"),
    )
    .with_hint("report this to the hoster; the response was discarded")
}
