use crate::text::one_line;

/// The `name` of a source that backs up every workspace of its account.
pub(crate) const ALL: &str = "*";

/// A workspace as Bitbucket's URLs name it: its id (slug), or its `{uuid}`. Or all workspaces of an
/// account, which no address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workspace {
    id: String,
}

/// Why a `name` is not a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotAWorkspace {
    /// It is empty.
    Missing,
    /// It holds what no id holds. Fit to be shown.
    Malformed(String),
}

impl Workspace {
    /// Reads a source's `name`. Capitals are lowered: Bitbucket's ids have none.
    pub(crate) fn parse(name: &str) -> Result<Self, NotAWorkspace> {
        let name = name.trim();
        if name.is_empty() {
            return Err(NotAWorkspace::Missing);
        }
        let id = name.to_ascii_lowercase();
        if id == ALL || is_slug(&id) || is_uuid(&id) {
            Ok(Self { id })
        } else {
            Err(NotAWorkspace::Malformed(one_line(name)))
        }
    }

    /// Whether it stands for all workspaces of the account.
    pub(crate) fn is_all(&self) -> bool {
        self.id == ALL
    }

    /// Whether it is the one with this uuid and this id.
    pub(crate) fn is(&self, uuid: &str, slug: &str) -> bool {
        self.id == uuid.to_ascii_lowercase() || self.id == slug.to_ascii_lowercase()
    }

    /// The id, as shown.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The id as a segment of a URL's path.
    pub(crate) fn segment(&self) -> String {
        self.id.replace('{', "%7B").replace('}', "%7D")
    }
}

fn is_slug(id: &str) -> bool {
    id.bytes()
        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

pub(crate) fn is_uuid(id: &str) -> bool {
    let Some(digits) = id.strip_prefix('{').and_then(|id| id.strip_suffix('}')) else {
        return false;
    };
    digits.len() == 36
        && digits.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_uuids() {
        let uuid = "{0DE4FB31-9C5E-4A02-8B39-6F3A5C2E1D77}";
        for (name, id) in [
            ("acme", "acme"),
            ("Acme_2-x", "acme_2-x"),
            (" acme ", "acme"),
            (uuid, "{0de4fb31-9c5e-4a02-8b39-6f3a5c2e1d77}"),
        ] {
            assert_eq!(Workspace::parse(name).unwrap().id(), id);
        }
        assert_eq!(
            Workspace::parse(uuid).unwrap().segment(),
            "%7B0de4fb31-9c5e-4a02-8b39-6f3a5c2e1d77%7D"
        );
    }

    #[test]
    fn all_of_them_and_one_of_them() {
        let all = Workspace::parse(" * ").unwrap();
        assert!(all.is_all());
        let acme = Workspace::parse("Acme").unwrap();
        assert!(!acme.is_all());
        assert!(acme.is("{0}", "acme") && acme.is("{0}", "ACME") && !acme.is("acme-2", "beta"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(Workspace::parse("  "), Err(NotAWorkspace::Missing));
        for name in [
            "acme/web",
            "https://bitbucket.org/acme",
            "..",
            "a b",
            "**",
            "acme*",
            "äcme",
            "{acme}",
            "{}",
            "a?b",
            "a\u{0}b",
        ] {
            assert!(
                matches!(Workspace::parse(name), Err(NotAWorkspace::Malformed(_))),
                "{name:?}"
            );
        }
    }
}
