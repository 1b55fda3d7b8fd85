//! Paging by opaque cursor: the key of the last item handed out, so that a page stays right when items come and go
//! between two calls.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Call, Refusal};
use crate::model::moment::unix_ms_of;

/// One page as it is asked for.
pub(crate) struct Page {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
    stamp: Stamp,
}

/// What a cursor says of its own age.
#[derive(Clone, Copy)]
struct Stamp {
    generation: u64,
    at_ms: u64,
}

impl Page {
    /// Reads `cursor` and `limit`; `scope` names the list, so that a cursor of another list is refused with 50100.
    pub(crate) fn read(
        call: &Call<'_>,
        scope: &str,
        default: usize,
        max: usize,
    ) -> Result<Self, Refusal> {
        let fields = call.fields;
        let limit = match fields.integer("limit")? {
            // The console's own SDKs send 0 for "not set".
            None | Some(0) => default,
            Some(limit) => usize::try_from(limit).map_err(|_| Refusal(40058))?,
        };
        if limit > max {
            return Err(Refusal(40058));
        }
        let cursor = fields.text("cursor")?.filter(|cursor| !cursor.is_empty());
        let stamp = Stamp {
            generation: call.cursor_generation,
            at_ms: unix_ms_of(call.now),
        };
        let ttl = call.options.cursor_ttl;
        let after = cursor
            .map(|cursor| open(cursor, scope, stamp, ttl).ok_or(Refusal(50100)))
            .transpose()?;
        Ok(Self {
            limit,
            after,
            stamp,
        })
    }

    /// Takes one page of items that come in the order of their keys and after the page's start, and the cursor of the
    /// next: empty at the end.
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
            let Stamp { generation, at_ms } = self.stamp;
            URL_SAFE_NO_PAD.encode(format!("{scope}\n{generation} {at_ms}\n{last}"))
        } else {
            String::new()
        };
        (page, cursor)
    }
}

/// The key in a cursor of this list that is not stale.
fn open(cursor: &str, scope: &str, now: Stamp, ttl: Option<Duration>) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let rest = text.strip_prefix(scope)?.strip_prefix('\n')?;
    let (stamp, key) = rest.split_once('\n')?;
    let (generation, at_ms) = stamp.split_once(' ')?;
    let age = Duration::from_millis(now.at_ms.saturating_sub(at_ms.parse().ok()?));
    let is_fresh = generation.parse() == Ok(now.generation) && ttl.is_none_or(|ttl| age < ttl);
    is_fresh.then(|| key.to_owned())
}
