/// Longest text of others that goes into a message.
const LONGEST: usize = 300;

/// What others wrote, made fit for one line of a message: control characters and white space
/// become single spaces, characters that change the direction of text go, and the rest is cut to
/// a bearable length.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::new();
    for word in words {
        let mut word = word.chars().filter(|c| !is_invisible(*c)).peekable();
        if word.peek().is_some() && !line.is_empty() {
            line.push(' ');
        }
        line.extend(word);
    }
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Marks and overrides of direction, zero-width characters, line separators, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn control_characters_and_direction_overrides_go() {
        assert_eq!(one_line(" a\r\n\u{1b}[2Jb\u{202e}c\t\u{9b}d "), "a [2Jbc d");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let cut = one_line(&"ä".repeat(10_000));
        assert_eq!(cut.chars().count(), super::LONGEST + 1);
        assert!(cut.ends_with('…'));
    }
}
