//! Texts that are as long as a service takes.

/// What stands where something was left out.
const MARK: &str = "\n… (cut; see the report)";

/// The begin of a text, within so many units, of which `length` says how many a text has.
fn first_of(text: &str, most: usize, length: impl Fn(&str) -> usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(length(MARK));
    let mut end = 0;
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += length(&text[at..at + c.len_utf8()]);
        if used > room {
            break;
        }
        end = at + c.len_utf8();
    }
    format!("{}{MARK}", &text[..end])
}

/// The begin of a text, within so many bytes.
pub fn bytes(text: &str, most: usize) -> String {
    first_of(text, most, str::len)
}

/// The begin of a text, within so many characters, of which those beyond the first plane of Unicode count
/// twice: nobody counts more.
pub fn characters(text: &str, most: usize) -> String {
    first_of(text, most, |text| text.encode_utf16().count())
}

/// The first line of a text and its end, within so many bytes: what came of it is said at its end.
pub fn tail(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = bytes(text.lines().next().unwrap_or_default(), most / 2);
    let between = "\n… (cut)\n";
    let room = most.saturating_sub(head.len() + between.len());
    let mut start = text.len().saturating_sub(room);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    format!("{head}{between}{}", &text[start..])
}

/// One line: what stands in a header or a title.
pub fn line(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_longer_than_it_may_be_and_no_character_is_torn() {
        let long = "ä€😀\n".repeat(3000);
        for most in [40, 100, 2000, 4096] {
            assert!(bytes(&long, most).len() <= most);
            assert!(characters(&long, most).encode_utf16().count() <= most);
            assert!(tail(&long, most).len() <= most, "{most}");
            assert!(line(&long, most).chars().count() <= most);
        }
        assert!(bytes(&long, 100).ends_with(MARK));
        assert!(tail(&format!("head\n{long}end"), 200).starts_with("head\n"));
        assert!(tail(&format!("head\n{long}end"), 200).ends_with("end"));
        for short in ["", "a\nb"] {
            assert_eq!(bytes(short, 30), short);
            assert_eq!(tail(short, 30), short);
        }
    }
}
