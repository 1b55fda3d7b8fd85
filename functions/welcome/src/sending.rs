//! Sending against the clock: which answers end it, which are tried again, and what is tried instead.

use std::time::Duration;

use clock::Clock;
use domain::error::VendorError;
use domain::instant::UnixSeconds;
use domain::outcome::{WelcomeOutcome, WelcomeResult};
use wecom::api::path;
use wecom::{Class, Concern, Error, ErrorCode, WelcomeMessage};

/// Pause after "another app is sending" (WeCom doc 92137 asks for about a second).
const ANOTHER_APP_PAUSE: Duration = Duration::from_secs(1);
/// First pause after an error that passes by itself; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Sends `message` through `send` until it is taken, refused for good, or `time_left` is none by `clock`.
pub(crate) async fn send_in_time<S, F>(
    clock: &Clock,
    time_left: impl Fn() -> Option<Duration>,
    send: S,
    mut message: WelcomeMessage,
) -> WelcomeOutcome
where
    S: Fn(WelcomeMessage) -> F,
    F: Future<Output = Result<(), VendorError>>,
{
    let mut attempts = 0;
    let mut pause = FIRST_PAUSE;
    let mut dropped_by: Option<ErrorCode> = None;
    let mut unheard = false;
    let mut last: Option<VendorError> = None;
    while let Some(left) = time_left() {
        attempts += 1;
        let Ok(answer) = clock.timeout(left, send(message.clone())).await else {
            break;
        };
        let error = match answer {
            Ok(()) => return sent(attempts, dropped_by),
            Err(error) => error,
        };
        if matches!(error, VendorError::Paused { .. }) {
            // No call was made.
            return ended(WelcomeResult::Failed, &error, attempts - 1, false);
        }
        unheard |= may_have_been_sent(&error);
        let wait = match next_step(&error, &message) {
            Step::End(result) => return ended(result, &error, attempts, unheard),
            Step::TextOnly => {
                dropped_by = error.code();
                message.attachments.clear();
                Duration::ZERO
            }
            Step::Again if error.is(ErrorCode::WELCOME_BEING_SENT) => ANOTHER_APP_PAUSE,
            Step::Again => {
                pause *= 2;
                pause / 2
            }
        };
        last = Some(error);
        if time_left().is_none_or(|left| left <= wait) {
            break;
        }
        clock.sleep(wait).await;
    }
    out_of_time(last.as_ref(), attempts)
}

/// The outcome while WeCom has blocked the API: the code dies before the block ends, and a call would be refused.
pub(crate) fn paused(until: UnixSeconds) -> WelcomeOutcome {
    let error = VendorError::Paused {
        api: path::SEND_WELCOME_MSG,
        until,
    };
    ended(WelcomeResult::Failed, &error, 0, false)
}

enum Step {
    Again,
    TextOnly,
    End(WelcomeResult),
}

fn next_step(error: &VendorError, message: &WelcomeMessage) -> Step {
    match error.code() {
        Some(ErrorCode::ALREADY_WELCOMED) => Step::End(WelcomeResult::AlreadyWelcomed),
        Some(ErrorCode::INVALID_WELCOME_CODE) => Step::End(WelcomeResult::TooLate),
        // The block outlives the code.
        Some(ErrorCode::API_FREQ_OUT_OF_LIMIT) => Step::End(WelcomeResult::Failed),
        Some(code) if may_concern_an_attachment(code) && has_text_and_attachments(message) => {
            Step::TextOnly
        }
        _ if error.class() == Class::Retry || is_not_of_wecom(error) => Step::Again,
        _ => Step::End(WelcomeResult::Failed),
    }
}

/// Whether the text may still go alone after this refusal. WeCom does not document which codes an attachment causes, so
/// it is every one but those that say that the message is fine: WeCom is busy, or the token is at fault.
fn may_concern_an_attachment(code: ErrorCode) -> bool {
    let is_busy = [
        ErrorCode::SYSTEM_BUSY,
        ErrorCode::WELCOME_BEING_SENT,
        ErrorCode::API_CONCURRENT_OUT_OF_LIMIT,
    ];
    !is_busy.contains(&code) && code.concern() != Concern::Token
}

fn has_text_and_attachments(message: &WelcomeMessage) -> bool {
    message.text.is_some() && !message.attachments.is_empty()
}

/// Whether an answer is not one of WeCom's, but of something between: a page of a proxy, or nothing.
fn is_not_of_wecom(error: &VendorError) -> bool {
    matches!(error, VendorError::Wecom(Error::Unreadable { .. }))
}

/// Whether WeCom may have sent the welcome although it did not say so.
fn may_have_been_sent(error: &VendorError) -> bool {
    is_not_of_wecom(error)
        || matches!(
            error,
            VendorError::Wecom(Error::Unreachable { sent: true, .. })
        )
}

fn sent(attempts: u32, dropped_by: Option<ErrorCode>) -> WelcomeOutcome {
    let mut outcome = WelcomeOutcome::new(WelcomeResult::Sent);
    outcome.attempts = attempts;
    outcome.errcode = dropped_by;
    outcome.reason = dropped_by.map(|_| {
        "WeCom refused the message with its attachments, so the text went alone".to_owned()
    });
    outcome
}

fn ended(
    result: WelcomeResult,
    error: &VendorError,
    attempts: u32,
    unheard: bool,
) -> WelcomeOutcome {
    let mut outcome = WelcomeOutcome::new(result).with_error(error);
    outcome.attempts = attempts;
    outcome.retryable = false;
    if result == WelcomeResult::AlreadyWelcomed && unheard {
        outcome.reason = Some(
            "the answer to an earlier attempt was lost: the welcome that arrived is most likely ours"
                .into(),
        );
    }
    outcome
}

fn out_of_time(last: Option<&VendorError>, attempts: u32) -> WelcomeOutcome {
    let mut outcome = match last {
        Some(error) => WelcomeOutcome::new(WelcomeResult::Failed).with_error(error),
        None => WelcomeOutcome::new(WelcomeResult::TooLate)
            .because("the 20 seconds ended while sending"),
    };
    outcome.attempts = attempts;
    outcome.retryable = false;
    outcome
}

#[cfg(test)]
mod tests;
