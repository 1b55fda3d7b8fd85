//! Paging by opaque cursor: the key of the last item handed out, so that a page stays right when
//! items come and go between two calls.

use super::{Fields, Refusal};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One page as it is asked for.
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
}

impl Page {
    /// Reads `cursor` and `limit`; `scope` names the list, so that a cursor of another list is
    /// refused with 50100.
    pub(crate) fn read(
        fields: Fields<'_>,
        scope: &str,
        default: usize,
        max: usize,
    ) -> Result<Self, Refusal> {
        let limit = match fields.integer("limit")? {
            // The console's own SDKs send 0 for "not set".
            None | Some(0) => default,
            Some(limit) => usize::try_from(limit).map_err(|_| Refusal(40058))?,
        };
        if limit > max {
            return Err(Refusal(40058));
        }
        let cursor = fields.text("cursor")?.filter(|cursor| !cursor.is_empty());
        let after = cursor
            .map(|cursor| open(cursor, scope).ok_or(Refusal(50100)))
            .transpose()?;
        Ok(Self { limit, after })
    }

    /// Takes one page of items that come in the order of their keys and after the page's start,
    /// and the cursor of the next: empty at the end.
    pub(crate) fn take<T>(
        &self,
        scope: &str,
        items: impl Iterator<Item = (String, T)>,
    ) -> (Vec<T>, String) {
        let mut items = items.peekable();
        let mut page = Vec::new();
        let mut last = String::new();
        while page.len() < self.limit
            && let Some((key, item)) = items.next()
        {
            last = key;
            page.push(item);
        }
        let more = items.peek().is_some();
        let cursor = if more {
            URL_SAFE_NO_PAD.encode(format!("{scope}\n{last}"))
        } else {
            String::new()
        };
        (page, cursor)
    }
}

fn open(cursor: &str, scope: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let key = text.strip_prefix(scope)?.strip_prefix('\n')?;
    Some(key.to_owned())
}
