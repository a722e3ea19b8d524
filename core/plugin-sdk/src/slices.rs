use forgekeep_plugin_documents::Page;

/// Leaves of a page `most` repositories at most, from the one at `from` on in the order of their identities;
/// where the next slice begins, if there is one. For a hoster that gives more at once than a page may hold.
pub fn slice(page: &mut Page, from: usize, most: usize) -> Option<usize> {
    let all = &mut page.repositories;
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.drain(..from.min(all.len()));
    let next = (all.len() > most).then(|| from.saturating_add(most));
    all.truncate(most);
    next
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Repository;

    use super::*;

    #[test]
    fn slices_have_each_one_once_whatever_the_order() {
        let page = |ids: &[&str]| Page {
            repositories: ids
                .iter()
                .map(|id| Repository::new(*id, "a/b", ""))
                .collect(),
            ..Page::default()
        };
        let ids = |page: &Page| -> Vec<String> {
            page.repositories.iter().map(|one| one.id.clone()).collect()
        };
        let mut first = page(&["c", "a", "b"]);
        assert_eq!(slice(&mut first, 0, 2), Some(2));
        assert_eq!(ids(&first), ["a", "b"]);
        let mut second = page(&["b", "c", "a"]);
        assert_eq!(slice(&mut second, 2, 2), None);
        assert_eq!(ids(&second), ["c"]);
        // There were more before.
        let mut gone = page(&["a"]);
        assert_eq!((slice(&mut gone, 2, 2), ids(&gone)), (None, Vec::new()));
    }
}
