use forgekeep_terminal_text::{Cell, Column, Table, Tone};

/// What came of repositories, counted for each source: the table at the end of a command.
pub struct Tally {
    outcomes: Vec<(&'static str, Option<Tone>)>,
    sources: Vec<Source>,
}

struct Source {
    title: String,
    counts: Vec<usize>,
    seconds: f64,
}

impl Tally {
    /// Nothing is counted yet; the outcomes are in the order of the table.
    pub fn new(outcomes: &[(&'static str, Option<Tone>)]) -> Self {
        Self {
            outcomes: outcomes.to_vec(),
            sources: Vec::new(),
        }
    }

    /// Counts a repository of a source, and the time it took. An outcome that is not in the table is counted
    /// nowhere.
    pub fn add(&mut self, title: impl Into<String>, outcome: &str, seconds: f64) {
        let title = title.into();
        let known = self.sources.iter().position(|one| one.title == title);
        let at = known.unwrap_or_else(|| {
            self.sources.push(Source {
                title,
                counts: vec![0; self.outcomes.len()],
                seconds: 0.0,
            });
            self.sources.len() - 1
        });
        let source = &mut self.sources[at];
        source.seconds += seconds;
        if let Some(at) = self.outcomes.iter().position(|(word, _)| *word == outcome) {
            source.counts[at] += 1;
        }
    }

    /// A line for each source, and a column for each outcome that occurred; empty if nothing was counted.
    pub fn shown(&self, width: Option<usize>) -> String {
        if self.sources.is_empty() {
            return String::new();
        }
        let occurred: Vec<usize> = (0..self.outcomes.len())
            .filter(|at| self.sources.iter().any(|source| source.counts[*at] > 0))
            .collect();
        let took = self.sources.iter().any(|source| source.seconds > 0.0);
        let mut columns = vec![Column::name("source")];
        columns.extend(
            occurred
                .iter()
                .map(|at| Column::number(self.outcomes[*at].0)),
        );
        columns.extend(took.then(|| Column::number("work")));
        let mut table = Table::new(columns);
        for source in &self.sources {
            let mut row = vec![Cell::from(source.title.as_str())];
            row.extend(occurred.iter().map(|at| {
                match (source.counts[*at], self.outcomes[*at].1) {
                    (0, _) => Cell::toned(Tone::Faint, "-"),
                    (number, Some(tone)) => Cell::toned(tone, number.to_string()),
                    (number, None) => number.to_string().into(),
                }
            }));
            row.extend(took.then(|| crate::duration(source.seconds).into()));
            table.row(row);
        }
        table.shown("", width)
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_terminal_text::plain;

    use super::*;

    #[test]
    fn each_source_has_a_line_and_what_did_not_occur_no_column() {
        let outcomes = [
            ("restored", None),
            ("failed", Some(Tone::Bad)),
            ("left out", None),
        ];
        let mut tally = Tally::new(&outcomes);
        assert_eq!(tally.shown(None), "");
        tally.add("acme", "restored", 1.0);
        tally.add("other", "left out", 0.5);
        tally.add("acme", "restored", 0.25);
        assert_eq!(
            plain(&tally.shown(None)),
            "\
source  restored  left out   work
acme           2         -  1.2 s
other          -         1  0.5 s
"
        );
    }
}
