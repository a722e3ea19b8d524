//! Which attributes a path has, by the `.gitattributes` of the tree that is checked out: `attr.c` of
//! git, line by line. git reads them from the index before it writes any file, so their order in the
//! tree is of no matter. The machine's and the user's own files have no say.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::wildmatch;

/// A file that is as large as this is ignored, as git does.
pub(super) const LARGEST_FILE: u64 = 100 * 1024 * 1024;

/// A line that is as long as this is ignored.
const LONGEST_LINE: usize = 2048;

const MACRO: &[u8] = b"[attr]";

/// What an attribute is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    True,
    False,
    /// As if nothing had been said.
    Unset,
    Text(Vec<u8>),
}

type States = Vec<(Vec<u8>, Value)>;

#[derive(Clone, Debug)]
enum Rule {
    Macro(Vec<u8>, States),
    Pattern(Pattern, States),
}

#[derive(Clone, Debug)]
struct Pattern {
    text: Vec<u8>,
    /// Bytes before the first wildcard.
    literal: usize,
    is_name: bool,
    is_folder: bool,
    ends_with: bool,
}

/// The attributes that a file says.
#[derive(Debug)]
pub(super) struct File {
    rules: Vec<Rule>,
}

impl File {
    /// Reads one. Macros count in that of the root alone.
    pub(super) fn parse(text: &[u8], is_root: bool) -> Self {
        // git reads it as a text of C.
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        // A mark of its encoding is a part of the first pattern: git skips it in files, not in blobs.
        let lines = text.split(|byte| *byte == b'\n');
        Self {
            rules: lines.filter_map(|line| parse_line(line, is_root)).collect(),
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn skip_blank(text: &[u8]) -> &[u8] {
    let blank = text.iter().take_while(|byte| is_blank(**byte)).count();
    &text[blank..]
}

/// The word at the front, and what comes after it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| is_blank(*byte));
    text.split_at(end.unwrap_or(text.len()))
}

fn parse_line(line: &[u8], is_root: bool) -> Option<Rule> {
    let text = skip_blank(line);
    if text.is_empty() || text[0] == b'#' || line.len() >= LONGEST_LINE {
        return None;
    }
    let quoted = (text[0] == b'"').then(|| unquote(text)).flatten();
    let (name, states) = match quoted {
        Some((name, rest)) => (name, rest),
        None => {
            let (name, rest) = word(text);
            (name.to_vec(), rest)
        }
    };
    let of_macro = name.strip_prefix(MACRO).filter(|name| !name.is_empty());
    if let Some(name) = of_macro {
        let name = word(skip_blank(name)).0;
        if !is_root || !is_valid(name) {
            return None;
        }
        return Some(Rule::Macro(name.to_vec(), parse_states(states)?));
    }
    let states = parse_states(states)?;
    // Negative patterns are ignored, with a warning.
    let pattern = Pattern::parse(&name)?;
    Some(Rule::Pattern(pattern, states))
}

fn parse_states(text: &[u8]) -> Option<States> {
    let mut states = Vec::new();
    let mut rest = skip_blank(text);
    while !rest.is_empty() {
        let (state, after) = word(rest);
        rest = skip_blank(after);
        let equals = state.iter().position(|byte| *byte == b'=');
        let name = &state[..equals.unwrap_or(state.len())];
        let (name, value) = match (name.first(), equals) {
            (Some(b'-'), _) => (&name[1..], Value::False),
            (Some(b'!'), _) => (&name[1..], Value::Unset),
            (_, None) => (name, Value::True),
            (_, Some(equals)) => (name, Value::Text(state[equals + 1..].to_vec())),
        };
        if !is_valid(name) || name.starts_with(b"builtin_") {
            return None;
        }
        states.push((name.to_vec(), value));
    }
    Some(states)
}

fn is_valid(name: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    !name.is_empty() && name[0] != b'-' && name.iter().all(allowed)
}

/// A pattern in double quotes, with the escapes of C; and what follows it.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut name = Vec::new();
    let mut bytes = text.iter().copied().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                // git takes what it has written for a text of C again.
                let end = name.iter().position(|byte| *byte == 0);
                name.truncate(end.unwrap_or(name.len()));
                return Some((name, &text[at + 1..]));
            }
            b'\\' => {
                let (_, escape) = bytes.next()?;
                name.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'\\' | b'"' => escape,
                    b'0'..=b'3' => {
                        let mut code = escape - b'0';
                        for _ in 0..2 {
                            let (_, digit) = bytes.next()?;
                            if !(b'0'..=b'7').contains(&digit) {
                                return None;
                            }
                            code = code << 3 | (digit - b'0');
                        }
                        code
                    }
                    _ => return None,
                });
            }
            byte => name.push(byte),
        }
    }
    None
}

impl Pattern {
    /// `None` if it is a negative one.
    fn parse(text: &[u8]) -> Option<Self> {
        if text.first() == Some(&b'!') {
            return None;
        }
        let is_special = |byte: &u8| b"*?[\\".contains(byte);
        let simple = |text: &[u8]| text.iter().position(is_special).unwrap_or(text.len());
        let is_folder = text.ends_with(b"/");
        let length = text.len() - usize::from(is_folder);
        Some(Self {
            literal: simple(text).min(length),
            is_name: !text[..length].contains(&b'/'),
            is_folder,
            ends_with: text.first() == Some(&b'*') && simple(&text[1..]) == text.len() - 1,
            text: text[..length].to_vec(),
        })
    }

    /// Whether it matches a file: its whole path, seen from the folder `base` that the pattern is in.
    fn matches(&self, path: &[u8], base: usize, fold: bool) -> bool {
        if self.is_folder {
            return false; // Only files are asked for.
        }
        let same = |a: &[u8], b: &[u8]| match fold {
            true => a.eq_ignore_ascii_case(b),
            false => a == b,
        };
        if self.is_name {
            let slash = path.iter().rposition(|byte| *byte == b'/');
            let name = &path[slash.map_or(0, |slash| slash + 1)..];
            if self.literal == self.text.len() {
                return same(&self.text, name);
            }
            if self.ends_with {
                let end = &self.text[1..];
                let begin = name.len().checked_sub(end.len());
                return begin.is_some_and(|begin| same(end, &name[begin..]));
            }
            return wildmatch::matches(&self.text, name, false, fold);
        }
        let (mut pattern, mut literal) = (&self.text[..], self.literal);
        if let Some(rest) = pattern.strip_prefix(b"/") {
            pattern = rest;
            literal = literal.saturating_sub(1);
        }
        let name = &path[base..];
        if literal > name.len() || !same(&pattern[..literal], &name[..literal]) {
            return false;
        }
        let (pattern, name) = (&pattern[literal..], &name[literal..]);
        if literal > 0 && pattern.is_empty() && name.is_empty() {
            return true;
        }
        wildmatch::matches(pattern, name, true, fold)
    }
}

/// The files that have a say in a folder: each with the length of the folder's path, slash included.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    files: Vec<(usize, Rc<File>)>,
    macros: Rc<BTreeMap<Vec<u8>, States>>,
}

impl Stack {
    /// With that of the root, if it has one.
    pub(super) fn root(file: Option<File>) -> Self {
        let mut macros = BTreeMap::new();
        let no = |name: &[u8]| (name.to_vec(), Value::False);
        let binary = [&b"diff"[..], b"merge", b"text"].map(no).to_vec();
        macros.insert(b"binary".to_vec(), binary);
        for rule in file.iter().flat_map(|file| &file.rules) {
            if let Rule::Macro(name, states) = rule {
                macros.insert(name.clone(), states.clone());
            }
        }
        Self {
            files: file.into_iter().map(|file| (0, Rc::new(file))).collect(),
            macros: Rc::new(macros),
        }
    }

    /// With that of a folder below.
    pub(super) fn with(&self, base: usize, file: File) -> Self {
        let mut stack = self.clone();
        stack.files.push((base, Rc::new(file)));
        stack
    }

    /// Whether no path can have an attribute.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What these attributes are for a path.
    pub(super) fn of<const N: usize>(
        &self,
        path: &[u8],
        names: [&[u8]; N],
        fold: bool,
    ) -> [Value; N] {
        let mut found: BTreeMap<Vec<u8>, Value> = BTreeMap::new();
        for (base, file) in self.files.iter().rev() {
            for rule in file.rules.iter().rev() {
                if let Rule::Pattern(pattern, states) = rule
                    && pattern.matches(path, *base, fold)
                {
                    self.fill(states, &mut found);
                }
            }
        }
        names.map(|name| found.remove(name).unwrap_or(Value::Unset))
    }

    /// What was said before, by a line that counts for more, stays.
    fn fill(&self, states: &States, found: &mut BTreeMap<Vec<u8>, Value>) {
        // Not by recursion: macros may name each other.
        let mut todo: Vec<&(Vec<u8>, Value)> = states.iter().collect();
        while let Some((name, value)) = todo.pop() {
            if found.contains_key(name) {
                continue;
            }
            found.insert(name.clone(), value.clone());
            if *value == Value::True
                && let Some(states) = self.macros.get(name)
            {
                todo.extend(states);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, path: &str) -> Value {
        let stack = Stack::root(Some(File::parse(text.as_bytes(), true)));
        let [value] = stack.of(path.as_bytes(), [b"text"], false);
        value
    }

    #[test]
    fn lines_are_read_as_git_reads_them() {
        for (text, path, wanted) in [
            ("*.txt text", "a/b.txt", Value::True),
            ("\u{feff}*.txt text", "b.txt", Value::Unset),
            ("*.txt text\n*.txt -text", "b.txt", Value::False),
            ("*.txt binary", "b.txt", Value::False),
            ("*.txt text binary", "b.txt", Value::False),
            ("*.txt binary text", "b.txt", Value::True),
            ("*.txt text=auto\n*.txt !text", "b.txt", Value::Unset),
            ("\"a b.txt\" text", "a b.txt", Value::True),
            ("\"\\141 b.txt\" text", "a b.txt", Value::True),
            ("!a text", "!a", Value::Unset),
            ("\\!a text", "!a", Value::True),
            ("*.txt text -x=?,", "a.txt", Value::True),
            ("*.txt text \u{e4}", "a.txt", Value::Unset),
            ("*.txt text builtin_x", "a.txt", Value::Unset),
            (
                "[attr]mine text=auto\n*.c mine",
                "a.c",
                Value::Text(b"auto".to_vec()),
            ),
            ("a/ text", "a/b", Value::Unset),
            ("/a/** text", "a/b/c", Value::True),
            ("/b text", "a/b", Value::Unset),
            ("a\0b\n* text", "x", Value::Unset),
            ("*.txt\ttext\r\n", "x.txt", Value::True),
        ] {
            assert_eq!(of(text, path), wanted, "{text:?} {path}");
        }
        let long = format!("*.txt text{}", " ".repeat(LONGEST_LINE));
        assert_eq!(of(&long, "a.txt"), Value::Unset);
    }

    #[test]
    fn macros_that_name_each_other_come_to_an_end() {
        let text = "[attr]a b\n[attr]b a text\n* a";
        assert_eq!(of(text, "x"), Value::True);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let stack = Stack::root(Some(File::parse(&text, true)));
            let _ = stack.of(b"a/b.txt", [b"text"], false);
        }
    }
}
