//! A repository's configuration, read by its text: git's syntax (git-config(1)), no more of it than a
//! bare repository needs, and without its power. Nothing is included, nothing is looked up elsewhere.

use forgekeep_untrusted::Untrusted;

/// Most entries that are read: a mirror has three.
const MOST: usize = 10_000;

/// What may stand in a mirror's configuration, besides the extensions of its format and settings for
/// `git gc`: what says of what kind the repository is, and what its disk can do.
const OF_CORE: [&str; 6] = [
    "repositoryformatversion",
    "bare",
    "filemode",
    "ignorecase",
    "precomposeunicode",
    "symlinks",
];

/// A configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
enum Item {
    Comment(Vec<u8>),
    Entry(ConfigEntry),
}

/// One key with its value.
#[derive(Clone, Debug)]
pub struct ConfigEntry {
    /// In lower case.
    section: String,
    subsection: Option<Vec<u8>>,
    /// As it is written.
    key: String,
    /// `None` for a key that stands alone, which means true.
    value: Option<Vec<u8>>,
}

impl ConfigEntry {
    fn is(&self, section: &str, key: &str) -> bool {
        self.section == section && self.subsection.is_none() && self.key.eq_ignore_ascii_case(key)
    }

    /// Whether it says of what kind the repository is, and steers nothing.
    fn may_stay(&self) -> bool {
        let of_core = |key: &&str| self.key.eq_ignore_ascii_case(key);
        match self.section.as_str() {
            "core" => self.subsection.is_none() && OF_CORE.iter().any(of_core),
            // Of gc, what is for single refs is for single refs only.
            "extensions" => self.subsection.is_none(),
            "gc" => true,
            _ => false,
        }
    }

    /// Its whole name, for people.
    fn name(&self) -> Untrusted {
        let subsection = self.subsection.as_deref().map_or_else(String::new, |text| {
            format!("{}.", Untrusted::lossy(text).raw())
        });
        format!("{}.{subsection}{}", self.section, self.key).into()
    }

    fn header(&self) -> Vec<u8> {
        let mut text = b"[".to_vec();
        text.extend(self.section.as_bytes());
        if let Some(subsection) = &self.subsection {
            text.extend(b" \"");
            for byte in subsection {
                if matches!(byte, b'"' | b'\\') {
                    text.push(b'\\');
                }
                text.push(*byte);
            }
            text.push(b'"');
        }
        text.extend(b"]\n");
        text
    }

    fn line(&self) -> Vec<u8> {
        let mut text = format!("\t{} = ", self.key).into_bytes();
        let value = self.value.as_deref().unwrap_or(b"true");
        let plain =
            |byte: &u8| byte.is_ascii_graphic() && !b"\"\\;#".contains(byte) || *byte == b' ';
        let is_plain = value.iter().all(plain) && value.trim_ascii() == value;
        if is_plain {
            text.extend(value);
        } else {
            text.push(b'"');
            for byte in value {
                match byte {
                    b'\n' => text.extend(b"\\n"),
                    b'\t' => text.extend(b"\\t"),
                    0x08 => text.extend(b"\\b"),
                    b'"' | b'\\' => text.extend([b'\\', *byte]),
                    other => text.push(*other),
                }
            }
            text.push(b'"');
        }
        text.push(b'\n');
        text
    }
}

impl Config {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// What is wrong with it, with the line.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut reader = Reader {
            text: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
            at: 0,
            line: 1,
        };
        let read = reader.items();
        read.map(|items| Self { items })
            .map_err(|why| format!("line {}: {why}", reader.line))
    }

    fn entries(&self) -> impl DoubleEndedIterator<Item = &ConfigEntry> {
        self.items.iter().filter_map(|item| match item {
            Item::Entry(entry) => Some(entry),
            Item::Comment(_) => None,
        })
    }

    fn last(&self, section: &str, key: &str) -> Option<&ConfigEntry> {
        self.entries().rev().find(|entry| entry.is(section, key))
    }

    /// The value of a key, in lower case; the last one counts.
    pub fn value(&self, section: &str, key: &str) -> Option<String> {
        let entry = self.last(section, key)?;
        let value = entry.value.as_deref().unwrap_or(b"true");
        Some(Untrusted::lossy(value).raw().to_ascii_lowercase())
    }

    /// Whether a key is true or false: `None` if it is neither.
    pub fn boolean(&self, section: &str, key: &str) -> Option<bool> {
        match self.value(section, key)?.as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" | "" => Some(false),
            _ => None,
        }
    }

    /// The names of the extensions, in lower case, with their values.
    pub fn extensions(&self) -> Vec<(Untrusted, Untrusted)> {
        let all = self.entries().filter(|entry| entry.section == "extensions");
        let mut found: Vec<(Untrusted, Untrusted)> = Vec::new();
        for entry in all {
            let name = match &entry.subsection {
                None => entry.key.to_ascii_lowercase(),
                Some(text) => format!("{}.{}", Untrusted::lossy(text).raw(), entry.key),
            };
            let value = entry.value.as_deref().unwrap_or(b"true");
            let value = Untrusted::lossy(value).raw().to_ascii_lowercase();
            found.retain(|(known, _)| *known != name);
            found.push((name.into(), value.into()));
        }
        found
    }

    /// The names of the keys that steer, or that are none of a mirror's.
    pub fn steering(&self) -> Vec<Untrusted> {
        let mut names: Vec<Untrusted> = Vec::new();
        for entry in self.entries().filter(|entry| !entry.may_stay()) {
            let name = entry.name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The text of a configuration that steers nothing, and that of what was taken out. Each has one
    /// meaning for every reader, whatever the quoting was.
    pub fn split(&self, also: &dyn Fn(&str, &str) -> bool) -> (Vec<u8>, Vec<u8>) {
        let stays = |entry: &ConfigEntry| {
            entry.may_stay() && !also(&entry.section, &entry.key.to_ascii_lowercase())
        };
        let (mut kept, mut taken) = (Text::default(), Text::default());
        for item in &self.items {
            match item {
                Item::Comment(text) => kept.comment(text),
                Item::Entry(entry) if stays(entry) => kept.entry(entry),
                Item::Entry(entry) => taken.entry(entry),
            }
        }
        (kept.text, taken.text)
    }

    /// Sets a key of `core`, in place of whatever stands there.
    pub fn set_core(&mut self, key: &str, value: &str) {
        let at = self.items.iter().position(
            |item| matches!(item, Item::Entry(entry) if entry.section == "core" && entry.subsection.is_none()),
        );
        let at = at.unwrap_or(0);
        self.items
            .retain(|item| !matches!(item, Item::Entry(entry) if entry.is("core", key)));
        let entry = ConfigEntry {
            section: "core".to_owned(),
            subsection: None,
            key: key.to_owned(),
            value: Some(value.as_bytes().to_vec()),
        };
        self.items
            .insert(at.min(self.items.len()), Item::Entry(entry));
    }
}

/// A text that is put together.
#[derive(Default)]
struct Text {
    text: Vec<u8>,
    header: Vec<u8>,
}

impl Text {
    fn entry(&mut self, entry: &ConfigEntry) {
        let header = entry.header();
        if header != self.header {
            self.text.extend(&header);
            self.header = header;
        }
        self.text.extend(entry.line());
    }

    fn comment(&mut self, text: &[u8]) {
        self.text.extend(text);
        self.text.push(b'\n');
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Reader<'_> {
    /// The next byte. A carriage return before the end of a line belongs to it.
    fn next(&mut self) -> Option<u8> {
        if self.text[self.at..].starts_with(b"\r\n") {
            self.at += 1;
        }
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
        }
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        match self.text[self.at..].starts_with(b"\r\n") {
            true => Some(b'\n'),
            false => self.text.get(self.at).copied(),
        }
    }

    fn items(&mut self) -> Result<Vec<Item>, String> {
        let mut items = Vec::new();
        let mut section: Option<(String, Option<Vec<u8>>)> = None;
        while let Some(byte) = self.next() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                b'#' | b';' => {
                    let mut text = vec![byte];
                    while let Some(byte) = self.next().filter(|byte| *byte != b'\n') {
                        text.push(byte);
                    }
                    items.push(Item::Comment(text.trim_ascii_end().to_vec()));
                }
                b'[' => section = Some(self.section()?),
                first if first.is_ascii_alphabetic() => {
                    let (section, subsection) = section
                        .as_ref()
                        .ok_or("a key comes before the first section")?;
                    let (key, value) = self.entry(first)?;
                    items.push(Item::Entry(ConfigEntry {
                        section: section.clone(),
                        subsection: subsection.clone(),
                        key,
                        value,
                    }));
                }
                _ => return Err("it is neither a section nor a key".to_owned()),
            }
            if items.len() > MOST {
                return Err(format!("there are more than {MOST} entries"));
            }
        }
        Ok(items)
    }

    fn section(&mut self) -> Result<(String, Option<Vec<u8>>), String> {
        const BROKEN: &str = "the name of a section is not closed";
        let mut name = String::new();
        loop {
            match self.next().ok_or(BROKEN)? {
                b']' if !name.is_empty() => {
                    // The old way of writing a subsection, without case.
                    return Ok(match name.split_once('.') {
                        Some((section, rest)) => (section.to_owned(), Some(rest.into())),
                        None => (name, None),
                    });
                }
                b' ' | b'\t' if !name.is_empty() => break,
                byte if byte.is_ascii_alphanumeric() || b"-.".contains(&byte) => {
                    name.push(char::from(byte.to_ascii_lowercase()));
                }
                _ => return Err("the name of a section holds an invalid character".to_owned()),
            }
        }
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            self.next();
        }
        if self.next() != Some(b'"') {
            return Err("the name of a subsection is not in quotes".to_owned());
        }
        let mut subsection = Vec::new();
        loop {
            match self.next().ok_or(BROKEN)? {
                b'\n' => return Err(BROKEN.to_owned()),
                b'"' => break,
                b'\\' => match self.next().ok_or(BROKEN)? {
                    b'\n' => return Err(BROKEN.to_owned()),
                    byte => subsection.push(byte),
                },
                byte => subsection.push(byte),
            }
        }
        match self.next() {
            Some(b']') => Ok((name, Some(subsection))),
            _ => Err(BROKEN.to_owned()),
        }
    }

    fn entry(&mut self, first: u8) -> Result<(String, Option<Vec<u8>>), String> {
        let mut key = char::from(first).to_string();
        while let Some(byte) = self
            .peek()
            .filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        {
            key.push(char::from(byte));
            self.next();
        }
        loop {
            match self.next() {
                Some(b' ' | b'\t') => {}
                None | Some(b'\n') => return Ok((key, None)),
                Some(b'=') => return Ok((key, Some(self.value()?))),
                Some(_) => return Err("a key is not followed by =".to_owned()),
            }
        }
    }

    fn value(&mut self) -> Result<Vec<u8>, String> {
        let mut value: Vec<u8> = Vec::new();
        let mut quoted = false;
        // White space at the end does not count, but that between words does.
        let mut space: Vec<u8> = Vec::new();
        loop {
            let byte = match self.next() {
                None | Some(b'\n') if quoted => return Err("a quote is not closed".to_owned()),
                None | Some(b'\n') => return Ok(value),
                Some(byte) => byte,
            };
            match byte {
                b' ' | b'\t' if !quoted => {
                    if !value.is_empty() {
                        space.push(byte);
                    }
                    continue;
                }
                b'#' | b';' if !quoted => {
                    while self.next().is_some_and(|byte| byte != b'\n') {}
                    return Ok(value);
                }
                b'"' => {
                    quoted = !quoted;
                    value.append(&mut space);
                    continue;
                }
                _ => {}
            }
            value.append(&mut space);
            match byte {
                b'\\' => match self.next() {
                    Some(b'\n') => {}
                    Some(b't') => value.push(b'\t'),
                    Some(b'b') => value.push(0x08),
                    Some(b'n') => value.push(b'\n'),
                    Some(byte @ (b'\\' | b'"')) => value.push(byte),
                    _ => return Err("a backslash escape is invalid".to_owned()),
                },
                byte => value.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests;
