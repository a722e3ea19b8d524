use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use crate::width;

/// How much further in the lines are that continue one.
const FURTHER: &str = "  ";

/// Narrower than this, a terminal's own breaks are as good as any.
const LEAST: usize = 24;

/// A text whose lines are at most so wide, if words allow it: one that is wider stays whole, so that an address
/// or a path can be copied, and so does what stands in backticks, which is a command more often than not. What
/// continues a line is further in than its begin.
pub fn wrap(text: &str, most: usize) -> String {
    if most < LEAST {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        if width(line) <= most {
            out.push_str(line);
            continue;
        }
        let words = line.trim_start_matches(' ');
        let indent = &line[..line.len() - words.len()];
        let continued = format!("{indent}{FURTHER}");
        let options = Options::new(most)
            .initial_indent(indent)
            .subsequent_indent(&continued)
            .break_words(false)
            .word_separator(WordSeparator::Custom(words_of))
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(WrapAlgorithm::FirstFit);
        out.push_str(&textwrap::fill(words, options));
    }
    out
}

/// Words end at spaces, but for those between two backticks.
fn words_of(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (word, others) = rest.split_at(end_of_word(rest));
        rest = others;
        Some(Word::from(word))
    }))
}

/// Where the first word of a text ends, its spaces included.
fn end_of_word(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut in_spaces = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' => in_spaces = true,
            _ if in_spaces => return at,
            b'`' => {
                // One that is not closed is a character like others.
                at += text[at + 1..].find('`').map_or(0, |length| length + 1);
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Tone, paint, plain};

    #[test]
    fn lines_break_between_words_and_go_on_further_in() {
        let text = "acme/web: connection refused by bitbucket.org:443\n  hint: check the network and the proxy settings, then run `forgekeep backup` again";
        assert_eq!(
            wrap(text, 40),
            "\
acme/web: connection refused by
  bitbucket.org:443
  hint: check the network and the proxy
    settings, then run
    `forgekeep backup` again"
        );
    }

    #[test]
    fn a_word_is_never_cut_and_a_command_stays_in_one_piece() {
        let text = "see https://example.invalid/a/very/long/address and run `forgekeep restore acme/web --to web` or a `b";
        assert_eq!(
            wrap(text, 30),
            "\
see
  https://example.invalid/a/very/long/address
  and run
  `forgekeep restore acme/web --to web`
  or a `b"
        );
        assert_eq!(wrap("a very narrow terminal", 10), "a very narrow terminal");
    }

    #[test]
    fn wide_characters_count_twice_and_colours_count_nothing() {
        assert_eq!(
            wrap("倉庫倉庫倉庫 倉庫倉庫倉庫 倉庫", 26),
            "倉庫倉庫倉庫 倉庫倉庫倉庫\n  倉庫"
        );
        let painted = format!("{} a hint of some length", paint(Tone::Odd, "warning:"));
        assert_eq!(wrap(&painted, 31), painted);
    }

    proptest! {
        #[test]
        fn every_word_is_there_and_every_line_fits_if_its_words_do(
            text in "( {0,6}[a-z倉`é]{1,9}( {1,2}[a-z倉`é]{1,9}){0,12}\n?){0,4}",
            most in LEAST..90,
        ) {
            let wrapped = wrap(&text, most);
            let words = |text: &str| -> Vec<String> {
                text.split_whitespace().map(str::to_owned).collect()
            };
            prop_assert_eq!(words(&wrapped), words(&text));
            for line in wrapped.lines() {
                let breaks = line.trim_start().contains(' ') && !line.contains('`');
                prop_assert!(!breaks || width(line) <= most, "{line}");
            }
            let painted = text.replace('a', &paint(Tone::Bad, 'a'));
            let painted = wrap(&painted, most);
            let painted = plain(&painted).into_owned();
            prop_assert_eq!(painted.trim_end(), wrapped.trim_end());
        }

        #[test]
        fn nothing_makes_it_fail(text in ".{0,80}", most in 0usize..100) {
            let wrapped = wrap(&text, most);
            prop_assert!(wrapped.len() >= text.trim_end().len());
        }
    }
}
