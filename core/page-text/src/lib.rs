//! What a web page says, such as an outage's or a proxy's: its title and its text, without what is for
//! browsers. Whoever asks a server shows it where an answer was expected: git's client, the host, and
//! plugins.

/// The words of a page, in the order in which a browser would show them: the title, and then the
/// text, where that does not begin with the title itself.
pub fn page_text(page: &str) -> String {
    let mut title = String::new();
    let mut text = String::new();
    let mut rest = page;
    let mut in_title = false;
    while let Some(at) = rest.find('<') {
        let (words, tag) = rest.split_at(at);
        push(if in_title { &mut title } else { &mut text }, words);
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((inner, after)) = tag[1..].split_once('>') else {
            rest = "";
            break;
        };
        rest = after;
        let name: String = inner
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '/')
            .collect();
        match name.to_ascii_lowercase().as_str() {
            "title" => in_title = title.is_empty(),
            "/title" => in_title = false,
            hidden @ ("script" | "style" | "svg" | "template") => {
                rest = behind(rest, &format!("</{hidden}"));
            }
            _ => {}
        }
    }
    push(if in_title { &mut title } else { &mut text }, rest);
    match (title.is_empty(), !text.contains(char::is_alphanumeric)) {
        (_, true) => title,
        (true, _) => text,
        _ if text.starts_with(&title) => text,
        _ => format!("{title}: {text}"),
    }
}

/// What comes after the next `end`, whatever its case.
fn behind<'p>(page: &'p str, end: &str) -> &'p str {
    // Lowering ASCII alone keeps all places.
    let at = page.to_ascii_lowercase().find(end);
    at.and_then(|at| page.get(at..)).unwrap_or_default()
}

/// Adds words with single blanks between them, and entities as what they stand for.
fn push(line: &mut String, words: &str) {
    for word in decoded(words).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
}

fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = after
            .split_once(';')
            .and_then(|(name, after)| Some((entity(name)?, after)));
        match entity {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "nbsp" => ' ',
        "ndash" | "mdash" => '-',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::page_text;

    #[test]
    fn title_and_text_are_what_a_page_says() {
        for (page, said) in [
            (
                "<title>403 Forbidden</title><h1>403 Forbidden</h1><p>An admin must\n allow your&nbsp;IP</p>",
                "403 Forbidden An admin must allow your IP",
            ),
            (
                "<html><head><TITLE lang=en>Maintenance</TITLE><style>a{b:c}</style><script>if (a<b) x()</script></head><body><!-- <p>not this --><p>Back at &quot;noon&quot; &#8211; &lt;soon&gt; &unknown; R&D",
                "Maintenance: Back at \"noon\" \u{2013} <soon> &unknown; R&D",
            ),
            (
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code> <Message>Request has expired</Message></Error>",
                "AccessDenied Request has expired",
            ),
            ("<title>Just a moment...</title> …", "Just a moment..."),
            ("<h1>Gone</h1", "Gone"),
            ("<script>endless", ""),
            ("<!-- endless", ""),
            ("<title>", ""),
            (
                "&#xD800; &#99999999; <\u{e4}>\u{e4}</",
                "&#xD800; &#99999999; \u{e4}",
            ),
        ] {
            assert_eq!(page_text(page), said, "{page}");
        }
    }
}
