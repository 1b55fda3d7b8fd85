//! Access tokens: one at a time per app, the same until it expires (WeCom doc 91039).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Ids;

/// The tokens of all corps.
#[derive(Default)]
pub(crate) struct Tokens {
    issued: HashMap<String, Token>,
    current: HashMap<Holder, String>,
}

/// A corp id and the name of an app of that corp.
pub(crate) type Holder = (String, String);

struct Token {
    holder: Holder,
    expires: Instant,
    revoked: bool,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadToken {
    Invalid,
    Expired,
}

impl Tokens {
    /// The app's token and how long it still lives; a new one if there is none that is alive.
    pub(crate) fn get(
        &mut self,
        holder: &Holder,
        ttl: Duration,
        now: Instant,
        ids: &mut Ids,
    ) -> (String, Duration) {
        if let Some(current) = self.current.get(holder)
            && let Some(token) = self.issued.get(current)
            && !token.revoked
            && token.expires > now
        {
            return (current.clone(), token.expires - now);
        }
        let text = ids.word("", 214);
        let token = Token {
            holder: holder.clone(),
            expires: now + ttl,
            revoked: false,
        };
        self.issued.insert(text.clone(), token);
        self.current.insert(holder.clone(), text.clone());
        (text, ttl)
    }

    pub(crate) fn check(&self, token: &str, now: Instant) -> Result<Holder, BadToken> {
        match self.issued.get(token) {
            Some(token) if token.revoked => Err(BadToken::Invalid),
            Some(token) if token.expires <= now => Err(BadToken::Expired),
            Some(token) => Ok(token.holder.clone()),
            None => Err(BadToken::Invalid),
        }
    }

    /// Ends the life of the app's tokens; a later call with one is answered that it expired.
    pub(crate) fn expire(&mut self, holder: &Holder, now: Instant) {
        for token in self
            .issued
            .values_mut()
            .filter(|token| token.holder == *holder)
        {
            token.expires = token.expires.min(now);
        }
    }

    /// Makes the app's tokens worthless, as if they had never been issued.
    pub(crate) fn revoke(&mut self, holder: &Holder) {
        for token in self
            .issued
            .values_mut()
            .filter(|token| token.holder == *holder)
        {
            token.revoked = true;
        }
    }
}
