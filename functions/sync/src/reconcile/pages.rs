//! The pages of a chunk that were read before, from which a run that was stopped resumes.

use domain::sync::PageRead;

/// The pages from the first on, each of which begins where the one before it ends. A process that was paused for longer
/// than its lease may have written one in the place of another's, and between such two there may be a gap.
pub(super) fn chained(pages: Vec<PageRead>) -> Vec<PageRead> {
    let mut from = None;
    let mut is_over = false;
    let fits = |page: &PageRead| {
        let fits = !is_over && page.from == from;
        (from, is_over) = (page.cursor.clone(), page.cursor.is_none());
        fits
    };
    pages.into_iter().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u32, from: Option<&str>, cursor: Option<&str>) -> PageRead {
        PageRead {
            number,
            from: from.map(str::to_owned),
            cursor: cursor.map(str::to_owned),
            unlicensed: Vec::new(),
            seen: Vec::new(),
        }
    }

    #[test]
    fn pages_are_taken_as_far_as_each_begins_where_the_one_before_it_ends() {
        let whole = vec![
            page(0, None, Some("a")),
            page(1, Some("a"), Some("b")),
            page(2, Some("b"), None),
        ];
        assert_eq!(chained(whole.clone()), whole);
        let mut gap = whole.clone();
        gap[1].cursor = Some("c".to_owned());
        assert_eq!(chained(gap.clone()), gap[..2]);
        let mut beyond = whole.clone();
        beyond.push(page(3, None, None));
        assert_eq!(chained(beyond), whole);
    }
}
