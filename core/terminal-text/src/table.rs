use std::fmt::Write as _;

use crate::{Tone, paint, shorten, width};

/// Between two columns.
const GAP: &str = "  ";

/// A column is not made narrower than this.
const LEAST: usize = 12;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Word,
    Number,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    head: String,
    kind: Kind,
}

impl Column {
    /// Names: on a terminal that is too narrow, they are shortened.
    pub fn name(head: impl Into<String>) -> Self {
        Self {
            head: head.into(),
            kind: Kind::Name,
        }
    }

    /// Words and times, which are shown whole.
    pub fn word(head: impl Into<String>) -> Self {
        Self {
            kind: Kind::Word,
            ..Self::name(head)
        }
    }

    /// Numbers, which end at the same place.
    pub fn number(head: impl Into<String>) -> Self {
        Self {
            kind: Kind::Number,
            ..Self::name(head)
        }
    }
}

/// What stands in a row of a column.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// A text with a tone.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone: Some(tone),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            tone: None,
        }
    }
}

/// Rows of cells under heads.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row, with as many cells as there are columns.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its lines, each with this indent. Where there is a terminal, it is so wide, and names are shortened if
    /// need be.
    pub fn shown(&self, indent: &str, terminal: Option<usize>) -> String {
        let widths = self.widths(terminal.map(|most| most.saturating_sub(width(indent))));
        let mut out = String::new();
        let heads = self.columns.iter();
        let heads: Vec<_> = heads
            .map(|column| Cell::toned(Tone::Strong, column.head.as_str()))
            .collect();
        for row in std::iter::once(&heads).chain(&self.rows) {
            let mut line = indent.to_owned();
            // Spaces at the end of a line are of no use.
            let mut owed = 0;
            for ((cell, column), wide) in row.iter().zip(&self.columns).zip(&widths) {
                let text = shorten(&cell.text, *wide);
                let space = wide - width(&text);
                let (before, after) = match column.kind {
                    Kind::Number => (space, 0),
                    Kind::Name | Kind::Word => (0, space),
                };
                if !text.is_empty() {
                    let _ = write!(line, "{:owed$}{:before$}", "", "");
                    owed = 0;
                    match cell.tone {
                        Some(tone) => line.push_str(&paint(tone, text)),
                        None => line.push_str(&text),
                    }
                    owed += after + GAP.len();
                } else {
                    owed += space + GAP.len();
                }
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }

    fn widths(&self, most: Option<usize>) -> Vec<usize> {
        let wide = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let cells = cells.map(|cell| width(&cell.text));
            cells.fold(width(&column.head), usize::max)
        };
        let mut widths: Vec<_> = self.columns.iter().enumerate().map(wide).collect();
        let Some(most) = most else {
            return widths;
        };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > most {
            let names = widths.iter_mut().zip(&self.columns);
            let names = names.filter(|(wide, column)| column.kind == Kind::Name && **wide > LEAST);
            // The widest gives way.
            let Some((wide, _)) = names.max_by_key(|(wide, _)| **wide) else {
                break;
            };
            *wide -= 1;
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plain;

    fn table(names: &[&str]) -> Table {
        let columns = vec![
            Column::name("repository"),
            Column::word("result"),
            Column::number("size"),
            Column::word("seen"),
        ];
        let mut table = Table::new(columns);
        for (number, name) in names.iter().enumerate() {
            table.row(vec![
                (*name).into(),
                Cell::toned(Tone::Good, "ok"),
                format!("{} B", 10_usize.pow(number as u32)).into(),
                if number == 0 { "" } else { "5 h ago" }.into(),
            ]);
        }
        table
    }

    #[test]
    fn columns_are_aligned_whatever_script_a_name_is_in() {
        let shown = table(&["倉庫", "acme"]).shown("  ", None);
        assert_eq!(
            plain(&shown),
            "  repository  result  size  seen
  倉庫        ok       1 B
  acme        ok      10 B  5 h ago
"
        );
        assert!(shown.contains("\u{1b}[32mok\u{1b}[0m"), "{shown:?}");
    }

    #[test]
    fn on_a_narrow_terminal_names_are_shortened_and_without_one_nothing_is() {
        let name = "acme/a-name-that-is-longer-than-others";
        let narrow = table(&[name, "acme/web"]).shown("", Some(44));
        assert_eq!(
            plain(&narrow),
            "repository             result  size  seen
acme/a-nam…han-others  ok       1 B
acme/web               ok      10 B  5 h ago
"
        );
        assert!(table(&[name]).shown("", None).contains(name));
    }

    proptest! {
        #[test]
        fn every_line_fits_where_the_least_does(
            names in proptest::collection::vec("[a-z倉/é]{1,60}", 1..5),
            most in 40usize..120,
        ) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let shown = table(&names).shown("  ", Some(most));
            for line in shown.lines() {
                prop_assert!(width(line) <= most.max(42), "{line}");
            }
        }
    }
}
