//! What this process remembers about the token, and how soon it may ask WeCom again.

use super::AccessToken;
use crate::client::token_store::Broken;
use crate::error::{Error, ErrorCode};
use clock::Clock;
use std::time::{Duration, Instant};

/// Until its end WeCom may give the same token again, so refreshing ahead more often is a call for nothing.
const AHEAD_PAUSE: Duration = Duration::from_secs(60);
/// A token that is refused is replaced, and so is its successor; but an API that refuses every token must not make as
/// many calls of gettoken as there are calls. So many replacements are made ...
const RENEWALS: usize = 3;
/// ... in this time.
const RENEW_WINDOW: Duration = Duration::from_secs(30);
/// How long a failure of gettoken is every waiting caller's answer.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// The same for `API_FREQ_OUT_OF_LIMIT`: the penalty of a rate limit is at least a minute (WeCom doc 90312).
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);
/// A refused secret is tried again this often. Wrong secrets in a row ban the calling address for an hour (WeCom doc
/// 90313). Seconds.
const PROBE_SECONDS: i64 = 3600;

pub(super) struct Memory {
    clock: Clock,
    pub(super) token: Option<AccessToken>,
    pub(super) broken: Option<Broken>,
    failure: Option<(Instant, Error)>,
    went_ahead: Option<Instant>,
    renewed: Vec<Instant>,
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            token: None,
            broken: None,
            failure: None,
            went_ahead: None,
            renewed: Vec::new(),
        }
    }

    /// Takes a token, and what is known about its secret.
    pub(super) fn adopt(&mut self, token: AccessToken, broken: Option<Broken>) {
        self.token = Some(token);
        self.broken = broken;
        self.failure = None;
    }

    pub(super) fn failed(&mut self, error: Error) {
        self.failure = Some((self.clock.instant(), error));
    }

    /// The failure that is too fresh for another attempt.
    pub(super) fn recent_failure(&self) -> Option<Error> {
        let (at, error) = self.failure.as_ref()?;
        let pause = if error.is(ErrorCode::API_FREQ_OUT_OF_LIMIT) {
            RATE_LIMIT_PAUSE
        } else {
            FAILURE_PAUSE
        };
        (self.clock.since(*at) < pause).then(|| error.clone())
    }

    /// The refusal that is too fresh for another attempt.
    pub(super) fn refusal(&self, now: i64) -> Option<Error> {
        let broken = self
            .broken
            .as_ref()
            .filter(|it| now - it.probed_at < PROBE_SECONDS)?;
        Some(Error::Broken {
            code: broken.code,
            since: broken.since,
        })
    }

    /// Whether to start a refresh ahead of time; at most one in [`AHEAD_PAUSE`].
    pub(super) fn may_go_ahead(&mut self) -> bool {
        let last = self.went_ahead;
        let may = last.is_none_or(|at| self.clock.since(at) >= AHEAD_PAUSE);
        if may {
            self.went_ahead = Some(self.clock.instant());
        }
        may
    }

    /// Whether to replace a refused token; at most [`RENEWALS`] in [`RENEW_WINDOW`].
    pub(super) fn may_renew(&mut self) -> bool {
        let clock = &self.clock;
        self.renewed.retain(|at| clock.since(*at) < RENEW_WINDOW);
        let may = self.renewed.len() < RENEWALS;
        if may {
            self.renewed.push(self.clock.instant());
        }
        may
    }
}
