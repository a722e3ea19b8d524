use forgekeep_plugin_documents::{HosterError, Page};
use serde::{Deserialize, Serialize};

use crate::cursor::cursor;

/// Where a listing of several stages stands, such as the repositories of somebody and then what lies beside
/// them. It is its own cursor: [`from_cursor`](crate::from_cursor) reads it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stages<Of, Stage> {
    of: Of,
    left: Vec<Stage>,
    at: Option<String>,
}

impl<Of: Serialize, Stage: Serialize + Copy> Stages<Of, Stage> {
    /// The first page of the first of some stages, each with whether it is wanted.
    pub fn first(of: Of, stages: &[(Stage, bool)]) -> Self {
        let left = stages.iter().filter(|(_, is_wanted)| *is_wanted);
        let left = left.map(|(stage, _)| *stage).collect();
        Self { of, left, at: None }
    }

    /// The page: `list` puts what is on it into one that is empty, and gives the cursor of the next page of
    /// this stage. After the last one, the next stage begins.
    ///
    /// # Errors
    ///
    /// Those of `list`; as [`cursor`](crate::cursor).
    pub fn turn(
        mut self,
        list: impl FnOnce(&Of, Stage, Option<&str>, &mut Page) -> Result<Option<String>, HosterError>,
    ) -> Result<Page, HosterError> {
        let mut page = Page::default();
        let Some(stage) = self.left.first() else {
            return Ok(page);
        };
        self.at = list(&self.of, *stage, self.at.as_deref(), &mut page)?;
        if self.at.is_none() {
            self.left.remove(0);
        }
        if !self.left.is_empty() {
            page.next = Some(cursor(&self)?);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::from_cursor;

    #[test]
    fn each_stage_that_is_wanted_is_listed_to_its_end() {
        let mut place = Stages::first("acme".to_owned(), &[(1, true), (2, false), (3, true)]);
        let mut listed = Vec::new();
        loop {
            let page = place.turn(|of, stage, at, _| {
                listed.push(format!("{of} {stage} {}", at.unwrap_or("-")));
                Ok((stage == 1 && at.is_none()).then(|| "two".to_owned()))
            });
            match page.unwrap().next {
                Some(next) => place = from_cursor::<Stages<String, i32>>(&next).unwrap(),
                None => break,
            }
        }
        assert_eq!(listed, ["acme 1 -", "acme 1 two", "acme 3 -"]);
        let none = Stages::<_, i32>::first("acme", &[]).turn(|_, _, _, _| Ok(None));
        assert_eq!(none.unwrap(), Page::default());
    }
}
