//! What a plugin's process prints: the last lines are kept, for when it ends.

use forgekeep_untrusted::Untrusted;
use std::collections::VecDeque;
use std::io::Read;

use parking_lot::Mutex;

use crate::unfit::one_line;

/// Lines that are kept.
const MOST_LINES: usize = 20;

/// Bytes of a line that are kept.
const MOST_LINE: usize = 1024;

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
            } else if lines.begun.len() < MOST_LINE {
                lines.begun.push(*byte);
            }
        }
    }

    /// The last lines that are not blank, safe for a terminal.
    pub(super) fn last(&self) -> Vec<String> {
        let lines = self.0.lock();
        let all = lines.whole.iter().chain([&lines.begun]);
        let shown = all.map(|line| one_line(Untrusted::lossy(line).raw()));
        let shown: Vec<_> = shown.filter(|line| !line.is_empty()).collect();
        shown[shown.len().saturating_sub(MOST_LINES)..].to_vec()
    }
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
        assert!(last.len() <= MOST_LINES && last.contains(&"line 999".to_owned()));
        assert_eq!(last.last().unwrap(), "\\u{1b}[31mred");
        assert!(last.iter().all(|line| line.len() <= MOST_LINE));
        let lines = output.0.lock();
        let kept: usize = lines.whole.iter().map(Vec::len).sum();
        assert!(kept <= (MOST_LINES + 1) * MOST_LINE);
    }
}
