//! `git-upload-pack` on libgit2: protocol version 0, stateless.
//!
//! Shallow and partial clones are not offered, and neither is a "ready" in the middle of the
//! negotiation: a client may send all it has, which is little in a demo.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use forgekeep_pkt_line::{self as pkt_line, FLUSH, Packet, Packets};
use git2::{ErrorCode, ObjectType, Oid, Repository};

use crate::Error;
use crate::http::{Body, Request, Response};
use crate::site::GitService;

const CAPABILITIES: &str = "multi_ack_detailed side-band side-band-64k ofs-delta no-progress \
     object-format=sha1 agent=forgekeep-demo-hoster";
/// More than any sensible request, less than a bomb.
const LONGEST_REQUEST: u64 = 64 * 1024 * 1024;

/// Serves clones with libgit2, without a git executable.
#[derive(Debug, Default, Clone, Copy)]
pub struct BuiltInGit;

impl GitService for BuiltInGit {
    fn advertise(&self, git_dir: &Path, _request: &Request) -> Response {
        match advertisement(git_dir) {
            Ok(body) => answer(
                "application/x-git-upload-pack-advertisement",
                Body::Bytes(body),
            ),
            Err(error) => failure(&error),
        }
    }

    fn upload_pack(&self, git_dir: &Path, request: Request) -> Response {
        match upload(git_dir, request) {
            Ok(body) => answer("application/x-git-upload-pack-result", body),
            Err(error) => failure(&error),
        }
    }
}

fn answer(content_type: &str, body: Body) -> Response {
    let mut response = Response::new(200, content_type, []);
    response.body = body;
    response.with_header("Cache-Control", "no-cache, max-age=0, must-revalidate")
}

fn failure(error: &Error) -> Response {
    match error {
        Error::Protocol(_) => Response::text(400, error),
        _ => Response::text(500, error),
    }
}

struct Ref {
    name: Vec<u8>,
    target: Oid,
    peeled: Option<Oid>,
}

/// All refs in the order in which git sends them, `HEAD` first, and the name that `HEAD` stands for.
fn advertised(repository: &Repository) -> Result<(Vec<Ref>, Option<String>), Error> {
    let mut refs = Vec::new();
    for reference in repository.references()? {
        let reference = reference?;
        let name = reference.name_bytes().to_vec();
        // A symbolic ref that leads nowhere is not advertised.
        let Ok(Some(target)) = reference.resolve().map(|direct| direct.target()) else {
            continue;
        };
        let peeled = peeled(repository, target)?;
        refs.push(Ref {
            name,
            target,
            peeled,
        });
    }
    refs.sort_by(|a, b| a.name.cmp(&b.name));
    let head = match repository.head() {
        Ok(head) => head,
        Err(e) if matches!(e.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok((refs, None));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(target) = head.target() {
        refs.insert(
            0,
            Ref {
                name: b"HEAD".to_vec(),
                target,
                peeled: None,
            },
        );
    }
    let detached = repository.head_detached()?;
    let symbolic = head.name().ok().filter(|_| !detached).map(str::to_owned);
    Ok((refs, symbolic))
}

fn peeled(repository: &Repository, target: Oid) -> Result<Option<Oid>, Error> {
    let mut id = target;
    while let Ok(tag) = repository.find_tag(id) {
        id = tag.target_id();
    }
    Ok((id != target).then_some(id))
}

fn advertisement(git_dir: &Path) -> Result<Vec<u8>, Error> {
    let repository = Repository::open_bare(git_dir)?;
    let (refs, head) = advertised(&repository)?;
    let mut capabilities = CAPABILITIES.to_owned();
    if let Some(head) = head {
        capabilities.push_str(&format!(" symref=HEAD:{head}"));
    }
    let mut out = Vec::new();
    pkt_line::push(&mut out, "# service=git-upload-pack\n");
    out.extend(FLUSH);
    let mut unsent = Some(capabilities);
    let mut line = |id: Oid, name: &[u8]| {
        let mut line = format!("{id} ").into_bytes();
        line.extend(name);
        if let Some(capabilities) = unsent.take() {
            line.extend(format!("\0{capabilities}").as_bytes());
        }
        line.push(b'\n');
        pkt_line::push(&mut out, line);
    };
    if refs.is_empty() {
        line(Oid::ZERO_SHA1, b"capabilities^{}");
    }
    for Ref {
        name,
        target,
        peeled,
    } in &refs
    {
        line(*target, name);
        if let Some(peeled) = peeled {
            line(*peeled, &[name, &b"^{}"[..]].concat());
        }
    }
    out.extend(FLUSH);
    Ok(out)
}

/// What a client asks for and what it has.
#[derive(Default)]
struct Negotiation {
    wants: Vec<Oid>,
    haves: Vec<Oid>,
    capabilities: HashSet<String>,
    done: bool,
}

impl Negotiation {
    fn parse(input: &[u8]) -> Result<Self, Error> {
        let mut negotiation = Self::default();
        let mut packets = Packets::new(input);
        loop {
            let line = match packets.next() {
                Ok(Packet::Data(line)) => line,
                Ok(Packet::Flush) => continue,
                Ok(Packet::End) => break,
                Ok(Packet::Other(_)) | Err(_) => {
                    return Err(Error::Protocol("broken packet".to_owned()));
                }
            };
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end();
            let id = |text: &str| {
                Oid::from_str(text)
                    .map_err(|_| Error::Protocol(format!("not an object id: {text}")))
            };
            match line.split_once(' ') {
                None if line == "done" => negotiation.done = true,
                Some(("want", rest)) => {
                    let mut words = rest.split(' ');
                    negotiation
                        .wants
                        .push(id(words.next().unwrap_or_default())?);
                    negotiation.capabilities.extend(words.map(str::to_owned));
                }
                Some(("have", rest)) => negotiation.haves.push(id(rest)?),
                _ => return Err(Error::Protocol(format!("not offered here: {line}"))),
            }
        }
        Ok(negotiation)
    }

    fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }
}

fn upload(git_dir: &Path, request: Request) -> Result<Body, Error> {
    let negotiation = Negotiation::parse(&inflated(request)?)?;
    if negotiation.wants.is_empty() {
        // A client that is about to send a long request tries the credentials with an empty one.
        return Ok(Body::Bytes(Vec::new()));
    }
    let repository = Repository::open_bare(git_dir)?;
    let (refs, _) = advertised(&repository)?;
    let offered: HashSet<Oid> = refs.iter().map(|r| r.target).collect();
    let mut out = Vec::new();
    if let Some(want) = negotiation
        .wants
        .iter()
        .find(|want| !offered.contains(want))
    {
        pkt_line::push(&mut out, format!("ERR upload-pack: not our ref {want}"));
        return Ok(Body::Bytes(out));
    }
    let odb = repository.odb()?;
    let common: Vec<Oid> = negotiation
        .haves
        .iter()
        .copied()
        .filter(|id| odb.exists(*id))
        .collect();
    drop(odb);
    let detailed = negotiation.has("multi_ack_detailed");
    for (at, id) in common.iter().enumerate() {
        match detailed {
            true => pkt_line::push(&mut out, format!("ACK {id} common\n")),
            false if at == 0 => pkt_line::push(&mut out, format!("ACK {id}\n")),
            false => {}
        }
    }
    match common.last() {
        Some(id) if detailed && negotiation.done => pkt_line::push(&mut out, format!("ACK {id}\n")),
        Some(_) if !detailed => {}
        _ => pkt_line::push(&mut out, "NAK\n"),
    }
    if !negotiation.done {
        return Ok(Body::Bytes(out));
    }
    Ok(Body::Stream(Box::new(move |client| {
        client.write_all(&out)?;
        let mut band = SideBand::new(client, &negotiation);
        let sent = send_pack(&repository, &negotiation.wants, &common, &mut band);
        band.finish(sent)
    })))
}

fn inflated(request: Request) -> Result<Vec<u8>, Error> {
    if !request
        .header("Content-Encoding")
        .is_some_and(|encoding| encoding.contains("gzip"))
    {
        return Ok(request.body);
    }
    let mut body = Vec::new();
    GzDecoder::new(&request.body[..])
        .take(LONGEST_REQUEST)
        .read_to_end(&mut body)
        .map_err(|error| Error::Protocol(format!("gzip: {error}")))?;
    Ok(body)
}

fn send_pack(
    repository: &Repository,
    wants: &[Oid],
    common: &[Oid],
    band: &mut SideBand<'_>,
) -> Result<(), Error> {
    let mut pack = repository.packbuilder()?;
    pack.set_threads(1);
    let mut walk = repository.revwalk()?;
    for &want in wants {
        let mut object = repository.find_object(want, None)?;
        while let Some(tag) = object.as_tag() {
            pack.insert_object(tag.id(), None)?;
            object = tag.target()?;
        }
        match object.kind() {
            Some(ObjectType::Commit) => walk.push(object.id())?,
            Some(ObjectType::Tree) => pack.insert_tree(object.id())?,
            _ => pack.insert_object(object.id(), None)?,
        }
    }
    for &have in common {
        if let Ok(commit) = repository
            .find_object(have, None)
            .and_then(|o| o.peel_to_commit())
        {
            walk.hide(commit.id())?;
        }
    }
    pack.insert_walk(&mut walk)?;
    let mut written = Ok(());
    let built = pack.foreach(|data| {
        written = band.write_all(data);
        written.is_ok()
    });
    written.map_err(Error::io("send a pack"))?;
    Ok(built?)
}

/// Wraps a pack as the client asked for: in packets of band 1, or not at all.
struct SideBand<'a> {
    client: &'a mut dyn Write,
    /// The most pack data in one packet; `None` without bands.
    longest: Option<usize>,
    data: Vec<u8>,
}

impl<'a> SideBand<'a> {
    fn new(client: &'a mut dyn Write, negotiation: &Negotiation) -> Self {
        let longest = if negotiation.has("side-band-64k") {
            Some(pkt_line::LONGEST - 1)
        } else {
            negotiation.has("side-band").then_some(995)
        };
        Self {
            client,
            longest,
            data: Vec::new(),
        }
    }

    fn send(&mut self, band: u8, data: &[u8]) -> io::Result<()> {
        let mut packet = Vec::with_capacity(data.len() + 5);
        pkt_line::push(&mut packet, [&[band], data].concat());
        self.client.write_all(&packet)
    }

    fn send_full(&mut self, least: usize, longest: usize) -> io::Result<()> {
        while self.data.len() >= least {
            let rest = self.data.split_off(longest.min(self.data.len()));
            let data = std::mem::replace(&mut self.data, rest);
            self.send(1, &data)?;
        }
        Ok(())
    }

    /// Sends what is left, and the error if there was one, which ends the connection too.
    fn finish(mut self, sent: Result<(), Error>) -> io::Result<()> {
        let Some(longest) = self.longest else {
            return sent.map_err(io::Error::other);
        };
        if let Err(error) = sent {
            self.send(3, error.to_string().as_bytes())?;
            self.client.flush()?;
            return Err(io::Error::other(error));
        }
        self.send_full(1, longest)?;
        self.client.write_all(FLUSH)
    }
}

impl Write for SideBand<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.longest {
            None => self.client.write_all(data)?,
            Some(longest) => {
                self.data.extend(data);
                self.send_full(longest, longest)?;
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
