//! What a plugin's process prints: the last lines are kept, for when it ends.

use std::collections::VecDeque;
use std::io::Read;

use forgekeep_untrusted::Untrusted;
use parking_lot::Mutex;

/// Lines that are kept.
const MOST_LINES: usize = 20;

/// Bytes of a line that are kept: many more than are shown, since a secret has to be recognised as a
/// whole, also where it stands across the end of what is shown.
const MOST_LINE: usize = 8 << 10;

/// The last lines.
#[derive(Debug, Default)]
pub(super) struct Output(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    whole: VecDeque<Vec<u8>>,
    begun: Vec<u8>,
}

impl Output {
    /// Reads until the process has closed it, and keeps little of it.
    pub(super) fn read_all(&self, mut from: impl Read) {
        let mut buffer = [0; 8 << 10];
        while let Ok(read) = from.read(&mut buffer) {
            if read == 0 {
                break;
            }
            self.add(&buffer[..read]);
        }
    }

    fn add(&self, bytes: &[u8]) {
        let mut lines = self.0.lock();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut lines.begun);
                lines.whole.push_back(line);
                if lines.whole.len() > MOST_LINES {
                    lines.whole.pop_front();
                }
            } else if lines.begun.len() <= MOST_LINE {
                // One more than is kept, to know that it is too long.
                lines.begun.push(*byte);
            }
        }
    }

    /// The last lines that are not blank.
    pub(super) fn last(&self) -> Vec<Untrusted> {
        let lines = self.0.lock();
        let all = lines.whole.iter().chain([&lines.begun]);
        let kept: Vec<_> = all
            .filter(|line| !line.trim_ascii().is_empty())
            .map(|line| kept(line))
            .collect();
        kept[kept.len().saturating_sub(MOST_LINES)..].to_vec()
    }
}

/// What there is of a line. Half of a word may be half of a secret, which nobody would recognise.
fn kept(line: &[u8]) -> Untrusted {
    if line.len() <= MOST_LINE {
        return Untrusted::lossy(line);
    }
    let end = line.iter().rposition(u8::is_ascii_whitespace);
    let words = &line[..end.map_or(0, |end| end + 1)];
    Untrusted::lossy(&[words, "…".as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let output = Output::default();
        let mut printed = String::new();
        for number in 0..1_000 {
            printed += &format!("line {number}\r\n\n");
        }
        printed += &"x".repeat(1 << 20);
        printed += "\n\u{1b}[31mred";
        output.read_all(printed.as_bytes());
        let last = output.last();
        assert!(last.len() <= MOST_LINES && last.contains(&"line 999\r".into()));
        assert_eq!(last.last().unwrap().raw(), "\u{1b}[31mred");
        assert_eq!(last[last.len() - 2].raw(), "…");
        let lines = output.0.lock();
        let kept: usize = lines.whole.iter().map(Vec::len).sum();
        assert!(kept <= (MOST_LINES + 1) * (MOST_LINE + 1));
    }

    #[test]
    fn of_a_line_that_is_too_long_no_half_word_is_kept() {
        const TOKEN: &str = "a-token-that-must-be-recognised";
        // The token stands before the limit, across it in all ways, and behind it.
        for before in MOST_LINE - 2 * TOKEN.len()..MOST_LINE + 2 {
            let output = Output::default();
            let line = format!("{} {TOKEN} and more", "x".repeat(before));
            output.read_all(line.as_bytes());
            let last = output.last();
            let kept = last[0].raw();
            let without = kept.replace(TOKEN, "");
            assert!(!without.contains("a-t"), "{before}");
            assert_eq!(kept == line, line.len() <= MOST_LINE, "{before}");
            assert_eq!(kept.ends_with('…'), line.len() > MOST_LINE, "{before}");
        }
    }
}
