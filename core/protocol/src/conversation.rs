//! A fetch, from the first want to the last byte of the pack: gitprotocol-pack(5), version 0.
//!
//! Written once, over a [`Duplex`]: whether the other side remembers what was said before (two pipes)
//! or is told again in each round (HTTP) is all the difference.

mod heard;

use std::io::{self, Read};

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_pkt_line::{self as pkt_line, FLUSH, Packet, Packets};
use forgekeep_untrusted::Untrusted;
use git2::Oid;

use super::advertisement::{Capabilities, remote_error};
use super::haves::Haves;
use super::sink::PackSink;
use heard::{Answer, Heard, KEPT_MESSAGES, unexpected};

/// The way to a server and back.
pub trait Duplex {
    /// Whether the server forgets everything between two rounds.
    fn is_stateless(&self) -> bool;

    /// Sends a request, and returns what answers it.
    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure>;

    /// Why an answer broke off.
    fn broken(&mut self, error: &io::Error) -> Failure;

    /// A failure that the other end has told of, with what is known about it here.
    fn told(&self, failure: Failure) -> Failure {
        failure
    }
}

/// How we call ourselves; some servers look for git in it.
pub(super) const AGENT: &str = concat!("git/2.0-forgekeep-", env!("CARGO_PKG_VERSION"));

/// After so many commits that the server does not have, nothing more is told: it sends more than it
/// would have to then. git's own number.
const MOST_IN_VAIN: usize = 256;

/// How many commits are told at first, and at most in one round. More at first if more refs were moved: what
/// they named is what the server most needs to know.
const FIRST_ROUND: usize = 16;
const LARGEST_FIRST_ROUND: usize = 1024;
const LARGEST_ROUND: usize = 8192;
/// Over pipes, both sides must not wait for room in a pipe at once.
const LARGEST_ROUND_OF_PIPES: usize = 256;

/// A fetch under way.
pub struct Conversation<'a> {
    /// Where the words go to and come from.
    pub duplex: &'a mut dyn Duplex,
    /// What the server offers.
    pub offered: &'a Capabilities,
    /// Whether the pack may lean on objects that are here.
    pub thin: bool,
    /// Ends it early.
    pub cancel: &'a Cancel,
    besides: u64,
    /// The last messages on the side band.
    messages: Vec<u8>,
}

/// What a round has brought.
#[derive(Default)]
struct Round {
    /// New commits that both sides have.
    common: Vec<Oid>,
    /// The server has heard enough.
    ready: bool,
    /// The pack came with it.
    has_pack: bool,
}

impl<'a> Conversation<'a> {
    /// With a server that offers this.
    pub fn new(duplex: &'a mut dyn Duplex, offered: &'a Capabilities, cancel: &'a Cancel) -> Self {
        Self {
            duplex,
            offered,
            thin: true,
            cancel,
            besides: 0,
            messages: Vec::new(),
        }
    }

    /// Asks for these objects and all they need, and writes the pack into `sink`.
    ///
    /// # Errors
    ///
    /// No whole pack has come: the sink is not finished then.
    pub fn fetch(
        &mut self,
        wants: &[Oid],
        haves: &mut Haves<'_>,
        sink: &mut dyn PackSink,
    ) -> Result<(), Failure> {
        let stateless = self.duplex.is_stateless();
        // What a server that remembers nothing is told in each round.
        let mut opening = self.wants(wants);
        let mut request = opening.clone();
        if self.offered.has("multi_ack_detailed") {
            let largest = match stateless {
                true => LARGEST_ROUND,
                false => LARGEST_ROUND_OF_PIPES,
            };
            let mut size = match stateless {
                true => haves.moved().clamp(FIRST_ROUND, LARGEST_FIRST_ROUND),
                false => FIRST_ROUND,
            };
            let mut in_vain = 0;
            loop {
                let told = haves.take(size);
                push_haves(&mut request, &told);
                // That was all there is to tell: what the server makes of it changes nothing more.
                if told.len() < size {
                    break;
                }
                request.extend(FLUSH);
                let round = self.round(std::mem::take(&mut request), haves, sink)?;
                if round.has_pack {
                    return sink.finish();
                }
                in_vain = match round.common.is_empty() {
                    true => in_vain + told.len(),
                    false => 0,
                };
                if stateless {
                    push_haves(&mut opening, &round.common);
                    request.clone_from(&opening);
                }
                if round.ready || in_vain >= MOST_IN_VAIN {
                    break;
                }
                size = (size * 2).min(largest);
            }
        } else {
            // One answer to all of it: what is common is not told.
            push_haves(&mut request, &haves.take(MOST_IN_VAIN));
        }
        pkt_line::push(&mut request, b"done\n");
        self.pack(request, wants.len(), sink)
    }

    fn wants(&self, wants: &[Oid]) -> Vec<u8> {
        let mut capabilities = String::new();
        let mut ask = |name: &str| {
            if self.offered.has(name) {
                capabilities.push(' ');
                capabilities.push_str(name);
            }
        };
        ask("multi_ack_detailed");
        ask("ofs-delta");
        ask("no-progress");
        if self.no_done() {
            ask("no-done");
        }
        if self.thin {
            ask("thin-pack");
        }
        match self.offered.has("side-band-64k") {
            true => ask("side-band-64k"),
            false => ask("side-band"),
        }
        if self.offered.value("agent").is_some() {
            capabilities.push_str(" agent=");
            capabilities.push_str(AGENT);
        }
        let mut out = Vec::with_capacity(wants.len() * 50 + 200);
        for (number, oid) in wants.iter().enumerate() {
            let capabilities = if number == 0 { &capabilities[..] } else { "" };
            pkt_line::push(&mut out, format!("want {oid}{capabilities}\n"));
        }
        out.extend(FLUSH);
        out
    }

    /// Whether the pack may follow as soon as the server has heard enough, in the same answer: a request less.
    /// gitprotocol-capabilities(5): only over HTTP.
    fn no_done(&self) -> bool {
        self.duplex.is_stateless()
            && self.offered.has("no-done")
            && self.offered.has("multi_ack_detailed")
    }

    /// Tells of commits, and learns which of them the server has.
    fn round(
        &mut self,
        request: Vec<u8>,
        haves: &mut Haves<'_>,
        sink: &mut dyn PackSink,
    ) -> Result<Round, Failure> {
        let no_done = self.no_done();
        let banded = self.is_banded();
        let mut round = Round::default();
        let mut heard = Heard::new(self.besides);
        let mut packets = Packets::new(self.duplex.exchange(request)?);
        let mut is_asked = false;
        let result = loop {
            if let Err(cancelled) = self.cancel.check() {
                break Err(Cut::Known(cancelled));
            }
            match packets.next() {
                Err(error) => break Err(Cut::Io(error)),
                Ok(Packet::Data(data)) => match heard.answer(data) {
                    Err(failure) => break Err(Cut::Known(failure)),
                    // The last acknowledgement follows, and the pack.
                    Ok(Answer::Nak) if no_done && round.ready => is_asked = true,
                    Ok(Answer::Final) if no_done && round.ready => {
                        let received = receive_pack(packets, banded, self.cancel, &mut heard, sink);
                        self.hear(heard);
                        round.has_pack = received.map_err(|cut| self.explain(cut))?;
                        return Ok(round);
                    }
                    Ok(Answer::Nak | Answer::Final) => break Ok(()),
                    Ok(Answer::Ack(oid, ready)) => {
                        round.ready |= ready;
                        if haves.acknowledge(oid) {
                            round.common.push(oid);
                        }
                    }
                    Ok(Answer::Message) => {}
                },
                // A server that offers to go on, and does not.
                Ok(Packet::End) if is_asked => break Ok(()),
                Ok(_) => break Err(Cut::Io(io::ErrorKind::UnexpectedEof.into())),
            }
        };
        drop(packets);
        self.hear(heard);
        result.map(|()| round).map_err(|cut| self.explain(cut))
    }

    /// The last request, whose answer has the pack.
    fn pack(
        &mut self,
        request: Vec<u8>,
        wants: usize,
        sink: &mut dyn PackSink,
    ) -> Result<(), Failure> {
        let banded = self.is_banded();
        let cancel = self.cancel;
        let mut heard = Heard::new(self.besides);
        let answer = self.duplex.exchange(request)?;
        let result = receive(answer, banded, cancel, &mut heard, sink);
        self.hear(heard);
        match result {
            Ok(true) => sink.finish(),
            Ok(false) => Err(self.said(no_pack(wants))),
            Err(cut) => Err(self.explain(cut)),
        }
    }

    fn is_banded(&self) -> bool {
        self.offered.has("side-band-64k") || self.offered.has("side-band")
    }

    fn hear(&mut self, heard: Heard) {
        self.besides = heard.besides;
        self.messages.extend(heard.messages);
        let surplus = self.messages.len().saturating_sub(KEPT_MESSAGES);
        self.messages.drain(..surplus);
    }

    fn explain(&mut self, cut: Cut) -> Failure {
        match cut {
            Cut::Known(failure) => self.duplex.told(failure),
            Cut::Io(error) => {
                let failure = self.duplex.broken(&error);
                self.said(failure)
            }
        }
    }

    /// Adds the last thing that the server said about itself.
    fn said(&self, mut failure: Failure) -> Failure {
        let text = Untrusted::lossy(&self.messages);
        let last = text.raw().split(['\n', '\r']).map(str::trim);
        if let Some(last) = last.rev().find(|line| !line.is_empty()) {
            let last: String = last.chars().take(200).collect();
            let said = format!("; the server's last message: {last}");
            failure.message.push_str(&said);
        }
        failure
    }
}

fn push_haves(out: &mut Vec<u8>, haves: &[Oid]) {
    for oid in haves {
        pkt_line::push(out, format!("have {oid}\n"));
    }
}

/// Why an answer cannot be read to its end.
enum Cut {
    Io(io::Error),
    Known(Failure),
}

/// Reads the answer to the last request; returns whether there was a pack in it.
fn receive(
    answer: Box<dyn Read + '_>,
    banded: bool,
    cancel: &Cancel,
    heard: &mut Heard,
    sink: &mut dyn PackSink,
) -> Result<bool, Cut> {
    let mut packets = Packets::new(answer);
    loop {
        match packets.next().map_err(Cut::Io)? {
            Packet::Data(data) => match heard.answer(data).map_err(Cut::Known)? {
                Answer::Nak | Answer::Final => break,
                Answer::Ack(..) | Answer::Message => {}
            },
            Packet::Flush | Packet::End => return Ok(false),
            Packet::Other(bytes) => return Err(Cut::Known(unexpected(&bytes))),
        }
    }
    receive_pack(packets, banded, cancel, heard, sink)
}

/// The part of it that is the pack.
fn receive_pack(
    mut packets: Packets<Box<dyn Read + '_>>,
    banded: bool,
    cancel: &Cancel,
    heard: &mut Heard,
    sink: &mut dyn PackSink,
) -> Result<bool, Cut> {
    if !banded {
        return raw(b"", packets.into_rest(), cancel, sink);
    }
    let mut has_pack = false;
    loop {
        cancel.check().map_err(Cut::Known)?;
        match packets.next().map_err(Cut::Io)? {
            Packet::Data([1, data @ ..]) if !data.is_empty() => {
                has_pack = true;
                sink.write(data).map_err(Cut::Known)?;
            }
            Packet::Data(data) => {
                // Packets without data keep a connection alive. They might never end, so they count.
                heard.count(data.len()).map_err(Cut::Known)?;
                match data {
                    [1] | [] => {}
                    [band @ (2 | 3), text @ ..] => {
                        heard.band(*band, text).map_err(Cut::Known)?;
                    }
                    _ => {
                        let line = Packet::line(data);
                        let said = line.strip_prefix(b"ERR ");
                        let failure = said.map_or_else(|| unexpected(line), remote_error);
                        return Err(Cut::Known(failure));
                    }
                }
            }
            Packet::Flush => return Ok(has_pack),
            Packet::End if has_pack => return Err(Cut::Io(io::ErrorKind::UnexpectedEof.into())),
            Packet::End => return Ok(false),
            // A server that has promised a side band and has none.
            Packet::Other(bytes) if bytes == *b"PACK" && !has_pack => {
                return raw(&bytes, packets.into_rest(), cancel, sink);
            }
            Packet::Other(bytes) => return Err(Cut::Known(unexpected(&bytes))),
        }
    }
}

/// A pack without a side band round it, up to the end.
fn raw(
    begin: &[u8],
    mut rest: impl Read,
    cancel: &Cancel,
    sink: &mut dyn PackSink,
) -> Result<bool, Cut> {
    let mut has_pack = !begin.is_empty();
    if has_pack {
        sink.write(begin).map_err(Cut::Known)?;
    }
    let mut buffer = vec![0; 64 * 1024];
    loop {
        cancel.check().map_err(Cut::Known)?;
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(has_pack),
            Ok(read) => {
                has_pack = true;
                sink.write(&buffer[..read]).map_err(Cut::Known)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Cut::Io(error)),
        }
    }
}

fn no_pack(wants: usize) -> Failure {
    let what = match wants {
        1 => "one object".to_owned(),
        more => format!("{more} objects"),
    };
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the server was asked for {what} that it advertises, and sent no pack"),
    )
    .with_hint(
        "run again later, and report it to the hoster if it persists; the refs were left as they \
        were",
    )
    .transient()
}

#[cfg(test)]
#[path = "conversation/tests.rs"]
mod tests;
