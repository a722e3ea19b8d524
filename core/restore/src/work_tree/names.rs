//! Which names a work tree may have: `verify_path` of git. With one that it may not, git checks
//! nothing out.

use super::kind::Kind;

/// Whether git writes an entry of this name.
pub(super) fn is_allowed(name: &[u8], kind: Kind) -> bool {
    let is_link = kind == Kind::Link;
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
        return false;
    }
    if cfg!(windows) && !is_windows_name(name) {
        return false;
    }
    // A backslash is a separator to other systems.
    let parts = name.split(|byte| *byte == b'\\');
    let is_dot_git = |part: &[u8]| is_file_of_git(part, b".git", b"git~1");
    let is_modules = |part: &[u8]| is_file_of_git(part, b".gitmodules", b"gitmod~1");
    let mut parts = parts.take_while(|part| !part.is_empty() || part.len() == name.len());
    !parts.any(|part| is_dot_git(part) || is_link && is_modules(part))
}

/// Whether a system takes a name for this one: without regard to case, with spaces and periods at
/// its end, with a stream's name after a colon, in its short form.
fn is_file_of_git(name: &[u8], wanted: &[u8], short: &[u8]) -> bool {
    let stem = name.split(|byte| *byte == b':').next().unwrap_or_default();
    let end = stem.iter().rposition(|byte| !b" .".contains(byte));
    let stem = &stem[..end.map_or(0, |end| end + 1)];
    if stem.eq_ignore_ascii_case(wanted) || stem.eq_ignore_ascii_case(short) {
        return true;
    }
    // HFS+ does not see these characters.
    let is_hidden = |one: char| matches!(u32::from(one), 0x200c..=0x200f | 0x202a..=0x202e | 0x206a..=0x206f | 0xfeff);
    cfg!(target_os = "macos")
        && std::str::from_utf8(name).is_ok_and(|name| {
            let seen: String = name.chars().filter(|one| !is_hidden(*one)).collect();
            seen.as_bytes().eq_ignore_ascii_case(wanted)
        })
}

/// What Windows takes as one name below a folder.
fn is_windows_name(name: &[u8]) -> bool {
    let is_special = |byte: &u8| *byte < 32 || b"\\:<>\"|?*".contains(byte);
    std::str::from_utf8(name).is_ok()
        && !name.iter().any(is_special)
        && !name.ends_with(b" ")
        && !name.ends_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_gits_own_folder_is_allowed() {
        for name in [
            ".",
            "..",
            ".git",
            ".GIT",
            ".Git",
            "git~1",
            "GIT~1",
            ".git ",
            ".git.",
            ".git. .",
            ".git::$INDEX_ALLOCATION",
            ".git\\config",
            "x\\.git",
            "a/b",
        ] {
            assert!(!is_allowed(name.as_bytes(), Kind::File), "{name}");
        }
        for name in [
            ".gitignore",
            ".gitattributes",
            ".gitmodules",
            "git",
            ".gitx",
            "...",
            "git~2",
        ] {
            let is_file = is_allowed(name.as_bytes(), Kind::File);
            assert!(is_file || cfg!(windows), "{name}");
        }
        assert!(!is_allowed(b".gitmodules", Kind::Link));
        assert!(!is_allowed(b".GITMODULES", Kind::Link));
    }
}
