//! The faults, where they can happen, and what comes of them.

use forgekeep_tests::{Action, Answer, Fault, RequestKind};

use super::spoil::{
    advertise, barren_page, chatter, circle, forget_the_ghost, inflate, lead_on, multiply,
    multiply_compressed, pad, page_of, port_of, retype,
};
use crate::support::World;

/// What comes of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It is waited out if it passes; a failure of this kind if it stays.
    Passes(&'static str),
    /// A failure of this kind at once.
    Fails(&'static str),
    /// Nothing.
    Harmless,
}

/// A fault at a place.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub place: RequestKind,
    wanted: Wanted,
    action: Action,
    /// Only requests with this in their target.
    text: &'static str,
    /// What else must happen for ever.
    with: Option<(RequestKind, Action)>,
}

impl Case {
    /// Whether it takes its time: those are begun with.
    pub fn is_slow(&self) -> bool {
        matches!(
            self.action,
            Action::Hang | Action::Stall | Action::Slowly { .. }
        )
    }

    /// Lets it happen to the first so many requests of a repository, or of the listing of `acme`.
    pub fn inject(&self, world: &World, repository: &str, times: usize) {
        for fault in self.faults(repository, times) {
            world.forge.inject(fault);
        }
    }

    /// The same for a repository's wiki.
    pub fn inject_into_wiki(&self, world: &World, repository: &str, times: usize) {
        for fault in self.faults(repository, times) {
            world.forge.inject(fault.wiki(true));
        }
    }

    fn faults(&self, repository: &str, times: usize) -> Vec<Fault> {
        let at = |kind, action| match kind {
            RequestKind::Api => Fault::on(kind, action).containing("repositories/acme"),
            _ => Fault::on(kind, action).repository(repository),
        };
        let mut fault = at(self.place, self.action.clone()).first(times);
        if !self.text.is_empty() {
            fault = fault.containing(self.text);
        }
        let with = self.with.iter();
        let with = with.map(|(kind, action)| at(*kind, action.clone()));
        [fault].into_iter().chain(with).collect()
    }

    /// The kind of the failure that comes of so many times, if any.
    pub fn kind(&self, times: usize) -> Option<&'static str> {
        match self.wanted {
            Wanted::Harmless => None,
            Wanted::Fails(kind) => Some(kind),
            Wanted::Passes(kind) => Some(kind).filter(|_| times == usize::MAX),
        }
    }
}

const EVERYWHERE: [RequestKind; 3] = [
    RequestKind::Api,
    RequestKind::InfoRefs,
    RequestKind::UploadPack,
];
const SENTENCE: &str = "fork/exec /usr/bin/git-upload-pack: no such file or directory";

/// All cases, in the order of the documentation.
pub fn all() -> Vec<Case> {
    use RequestKind::{Api, InfoRefs, UploadPack};
    use Wanted::{Fails, Harmless, Passes};
    let mut cases = Vec::new();
    let mut add = |name, places: &[RequestKind], wanted, action: Action| {
        cases.extend(places.iter().map(|&place| Case {
            name,
            place,
            wanted,
            action: action.clone(),
            text: "",
            with: None,
        }));
    };
    let git = [InfoRefs, UploadPack];
    let limited = Action::status(429);
    let until = |date: &str| limited.clone().with_header("Retry-After", date);
    for (name, status, wanted) in [
        ("401", 401, Fails("credentials")),
        ("403", 403, Fails("forbidden")),
        ("404", 404, Fails("not-found")),
        ("410", 410, Fails("gone")),
        (
            "429, with `limitWaitMinutes: 0`",
            429,
            Fails("rate-limited"),
        ),
        ("500", 500, Passes("unavailable")),
        ("502", 502, Passes("unavailable")),
        ("503", 503, Passes("unavailable")),
    ] {
        add(name, &EVERYWHERE, wanted, Action::status(status));
    }
    for (name, wanted, action) in [
        (
            "429, `Retry-After` beyond `limitWaitMinutes`",
            Fails("rate-limited"),
            Action::retry_after(429, 3600),
        ),
        (
            "429, `Retry-After` as a date beyond it",
            Fails("rate-limited"),
            until("Tue, 31 Dec 2999 23:59:59 GMT"),
        ),
        ("Body cut short", Passes("network"), Action::Truncate),
        (
            "Garbage instead of HTTP",
            Passes("network"),
            Action::Garbage,
        ),
        ("Connection closed", Passes("network"), Action::Close),
        ("No answer", Passes("network"), Action::Hang),
        ("Silence in mid-body", Passes("network"), Action::Stall),
        (
            "Body that drips, a byte a second",
            Passes("network"),
            Action::drip(),
        ),
    ] {
        add(name, &EVERYWHERE, wanted, action);
    }
    for (name, action) in [
        ("A page for people", Action::html(200)),
        ("Empty body", Action::Alter(|answer| answer.body.clear())),
    ] {
        add(name, &[Api, InfoRefs], Passes("bad-answer"), action);
    }
    add(
        "A page for people",
        &[UploadPack],
        Passes("bad-answer"),
        Action::html(200),
    );
    add(
        "Empty body",
        &[UploadPack],
        Passes("bad-answer"),
        Action::Alter(|answer| answer.body.clear()),
    );
    let retyped = Action::Alter(retype);
    add("Wrong content type", &[Api], Harmless, retyped.clone());
    add("Wrong content type", &git, Passes("bad-answer"), retyped);

    add(
        "Body over `maxBodyBytes`",
        &[Api],
        Fails("policy"),
        Action::Alter(pad),
    );
    add(
        "Small gzip body that inflates beyond `maxBodyBytes`",
        &[Api],
        Fails("policy"),
        Action::Alter(inflate),
    );
    for (name, spoil) in [
        (
            "List of refs over eight times `maxBodyBytes`",
            multiply as fn(&mut Answer),
        ),
        (
            "Small gzip body that inflates beyond that",
            multiply_compressed,
        ),
    ] {
        add(name, &[InfoRefs], Fails("policy"), Action::Alter(spoil));
    }
    add(
        "Small gzip body that inflates to messages of progress without end",
        &[UploadPack],
        Fails("policy"),
        Action::Alter(chatter),
    );
    add(
        "Pages without end",
        &[Api],
        Wanted::Passes("bad-answer"),
        Action::Depends(|logged| match page_of(logged) {
            1 => Action::Alter(|answer| {
                lead_on(answer, |origin, path| format!("{origin}{path}?page=2"))
            }),
            _ => Action::Depends(barren_page),
        }),
    );
    add(
        "`next` in a circle",
        &[Api],
        Fails("bad-answer"),
        Action::Depends(circle),
    );
    add(
        "`next` at another origin",
        &[Api],
        Fails("bad-answer"),
        Action::Alter(|answer| {
            lead_on(answer, |_, path| format!("http://localhost:1{path}?page=2"))
        }),
    );
    add(
        "Redirect to plain http of another machine",
        &[Api, InfoRefs],
        Fails("policy"),
        Action::redirect(302, "http://192.0.2.1/x/info/refs"),
    );
    add(
        "Redirect to plain http of another machine",
        &[UploadPack],
        Fails("policy"),
        Action::redirect(307, "http://192.0.2.1/x/git-upload-pack"),
    );
    add(
        "Redirects in a circle",
        &EVERYWHERE,
        Passes("bad-answer"),
        Action::Depends(|logged| Action::redirect(307, &logged.target)),
    );
    add(
        "List of refs that ends between two lines",
        &[InfoRefs],
        Passes("bad-answer"),
        Action::Alter(|answer| {
            let cut = "# service=git-upload-pack\n".len() + 8;
            let rest = &answer.body[cut..];
            let first = std::str::from_utf8(&rest[..4]).unwrap();
            let first = usize::from_str_radix(first, 16).unwrap();
            answer.body.truncate(cut + first);
        }),
    );
    add(
        "List of refs that ends before its first",
        &[InfoRefs],
        Passes("bad-answer"),
        Action::Alter(|answer| {
            let cut = "# service=git-upload-pack\n".len() + 8;
            answer.body.truncate(cut);
        }),
    );
    add(
        "`ERR` in git's protocol",
        &git,
        Passes("git"),
        Action::GitError("access denied or repository not exported".into()),
    );
    add(
        "`fork/exec … git-upload-pack`",
        &git,
        Passes("git"),
        Action::GitError(SENTENCE.into()),
    );
    add(
        "Pack that ends early",
        &[UploadPack],
        Passes("git"),
        Action::EndPackEarly,
    );
    add(
        "Ref that is advertised, but not served",
        &[InfoRefs],
        Passes("git"),
        Action::Alter(|answer| advertise(answer, "refs/heads/ghost")),
    );
    cases.extend(elsewhere());
    cases.push(Case {
        name: "Ref that is advertised, but whose object never comes",
        place: InfoRefs,
        wanted: Passes("bad-answer"),
        action: Action::Alter(|answer| advertise(answer, "refs/heads/ghost")),
        text: "",
        with: Some((UploadPack, Action::AlterRequest(forget_the_ghost))),
    });
    cases
}

/// Redirects to another origin: the forge's other port, by an address that the fault does not match.
fn elsewhere() -> [Case; 3] {
    let name = "Redirect to another origin";
    let case = |place, wanted, text, action| Case {
        name,
        place,
        wanted,
        action,
        text,
        with: None,
    };
    [
        case(
            RequestKind::Api,
            Wanted::Fails("bad-answer"),
            "repositories/acme?pagelen",
            Action::Depends(|logged| {
                let path = logged.target.split('?').next().unwrap();
                Action::redirect(302, &format!("http://localhost:{}{path}", port_of(logged)))
            }),
        ),
        case(
            RequestKind::InfoRefs,
            Wanted::Fails("policy"),
            "refs?service",
            Action::Depends(|logged| {
                let target = logged.target.replace("refs?", "refs?x=1&");
                Action::redirect(
                    302,
                    &format!("http://localhost:{}{target}", port_of(logged)),
                )
            }),
        ),
        case(
            RequestKind::UploadPack,
            Wanted::Fails("policy"),
            "",
            Action::Depends(|logged| {
                let target = &logged.target;
                Action::redirect(
                    307,
                    &format!("http://localhost:{}{target}", port_of(logged)),
                )
            }),
        ),
    ]
}
