//! Columns for a person.

use std::fmt;

use console::{Alignment, measure_text_width, pad_str};

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells under heads. Texts (the first two columns) begin, and numbers end, at the same
/// place in each row.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(heads: Vec<String>) -> Self {
        Self { rows: vec![heads] }
    }

    /// Adds a row, with as many cells as there are heads.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// In columns of a terminal, which is not what characters count.
    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| measure_text_width(cell))
            .max()
            .unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<_> = (0..columns).map(|column| self.width(column)).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate();
            let line: Vec<_> = cells
                .map(|(column, (cell, width))| {
                    let side = match column {
                        0 | 1 => Alignment::Left,
                        _ => Alignment::Right,
                    };
                    pad_str(cell, *width, side, None)
                })
                .collect();
            writeln!(f, "{}", line.join(GAP).trim_end())?;
        }
        Ok(())
    }
}
