//! How a backup stands, as one page of HTML: a [`Status`] in, text out.
//!
//! The page needs nothing but itself, and is whole without its script, which only says when the page has
//! become too old to be believed. Names, paths and messages are somebody else's: the template escapes each of
//! them, and the page's own policy lets no other script run.

mod facts;
mod graphs;
mod repositories;
mod text;
mod verdict;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_status::{SourceStatus, Status};
use jiff::tz::TimeZone;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use facts::Tile;
use graphs::{Graph, Strip};
use repositories::Row;
use text::{Clock, Exact};
use verdict::Verdict;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Repositories that a page shows, those to look at first.
const MOST_ROWS: usize = 10_000;

/// What a page is made of.
pub struct Page<'a> {
    /// How the backup stands.
    pub status: &'a Status,
    /// In which zone times are told.
    pub zone: TimeZone,
    /// Forgekeep's version.
    pub version: &'a str,
}

/// What the template puts in its places.
#[derive(Serialize)]
struct View<'v> {
    policy: &'v str,
    style: &'v str,
    script: &'v str,
    folder: &'v str,
    level: &'v str,
    headline: &'v str,
    reasons: &'v [String],
    more_reasons: usize,
    written: Exact,
    until: Exact,
    last_run: Option<String>,
    tiles: Vec<Tile>,
    graphs: Vec<Graph>,
    sections: Vec<Section>,
    zone: String,
    version: &'v str,
}

/// A source.
#[derive(Serialize)]
struct Section {
    title: String,
    hoster: String,
    line: String,
    error: Option<String>,
    strip: Strip,
    listed: Option<Graph>,
    rows: Vec<Row>,
    left_out: usize,
}

impl Page<'_> {
    /// The sources of which runs are expected.
    pub(crate) fn expected(&self) -> impl Iterator<Item = &SourceStatus> {
        self.status
            .sources
            .iter()
            .filter(|source| source.configured)
    }

    /// The page.
    ///
    /// # Errors
    ///
    /// Only if the template is at fault.
    pub fn render(&self) -> Result<String, Failure> {
        let clock = Clock::new(self.status.now, self.zone.clone());
        let verdict = Verdict::of(self);
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| unmade(&error))?);
        let policy = format!(
            "default-src 'none'; base-uri 'none'; form-action 'none'; script-src '{}'; style-src '{}'",
            hash(SCRIPT),
            hash(STYLE)
        );
        let view = View {
            policy: &policy,
            style: STYLE,
            script: SCRIPT,
            folder: &self.status.local_folder,
            level: verdict.class(),
            headline: verdict.headline,
            reasons: &verdict.reasons,
            more_reasons: verdict.more_reasons,
            written: clock.exact(self.status.now),
            until: clock.exact(verdict.until),
            last_run: (self.status.last_run.as_ref()).map(|run| facts::last_run(run, &clock)),
            tiles: facts::tiles(self, &clock),
            graphs: graphs::of_backup(self),
            sections: self.sections(&clock),
            zone: clock.zone_name(),
            version: self.version,
        };
        let rendered = environment.render_str(TEMPLATE, Serde(view));
        rendered.map_err(|error| unmade(&error))
    }

    fn sections(&self, clock: &Clock) -> Vec<Section> {
        let mut room = MOST_ROWS;
        let sources = self.status.sources.iter();
        let sections = sources.map(|source| {
            let mut rows = repositories::rows(self.status, source, clock);
            let left_out = rows.len().saturating_sub(room);
            rows.truncate(room);
            room -= rows.len();
            Section {
                title: text::shortened(&source.title.printable()),
                hoster: source.hoster.to_string(),
                line: facts::source_line(source, clock),
                error: source.last_error.as_ref().map(text::error),
                strip: Strip::of(self, source),
                listed: graphs::listed(self, source),
                rows,
                left_out,
            }
        });
        sections.collect()
    }
}

fn unmade(error: &minijinja::Error) -> Failure {
    let message = format!("the status page cannot be made: {error}");
    Failure::new(ErrorKind::Other, message)
        .with_hint("report this as a bug; the backup itself is not affected")
}

/// By which a page's policy knows the one script and the one style that it has.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests;
