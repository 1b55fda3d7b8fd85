//! What each answer of WeCom leads to.

use std::cell::RefCell;

use clock::ManualClock;
use wecom::{Attachment, Text};

use super::*;

fn code(code: i64) -> Result<(), VendorError> {
    Err(VendorError::from(Error::Api {
        api: "send_welcome_msg",
        code: code.into(),
        message: String::new(),
    }))
}

fn lost() -> Result<(), VendorError> {
    Err(VendorError::from(Error::Unreachable {
        api: "send_welcome_msg",
        reason: "connection dropped".into(),
        sent: true,
    }))
}

fn page() -> Result<(), VendorError> {
    Err(VendorError::from(Error::Unreadable {
        api: "send_welcome_msg",
        reason: "not JSON at line 1 column 1".into(),
    }))
}

/// Sends with `answers` as WeCom's, the last for ever, and `seconds` to live. Returns the outcome, and the
/// number of attachments of each attempt.
async fn check(
    seconds: u64,
    answers: Vec<Result<(), VendorError>>,
) -> (WelcomeOutcome, Vec<usize>) {
    let link = serde_json::json!({"msgtype": "link", "link": {"title": "t", "url": "https://example.com"}});
    let attachment: Attachment = serde_json::from_value(link).unwrap();
    let message = WelcomeMessage {
        text: Some(Text {
            content: "hi".into(),
        }),
        attachments: vec![attachment],
    };
    let manual = ManualClock::new();
    let clock = manual.clock();
    let began = clock.instant();
    let left = || {
        let left = Duration::from_secs(seconds).checked_sub(clock.since(began));
        left.filter(|left| !left.is_zero())
    };
    let attempts = RefCell::new(Vec::new());
    let send = |message: WelcomeMessage| {
        attempts.borrow_mut().push(message.attachments.len());
        let at = (attempts.borrow().len() - 1).min(answers.len() - 1);
        let answer = answers[at].clone();
        async move { answer }
    };
    let outcome = manual
        .drive(send_in_time(&clock, left, send, message))
        .await;
    (outcome, attempts.into_inner())
}

#[tokio::test]
async fn each_answer_leads_to_its_outcome() {
    use WelcomeResult::{AlreadyWelcomed, Failed, Sent, TooLate};
    let cases = [
        (vec![Ok(())], Sent, None, 1),
        (vec![code(41051)], AlreadyWelcomed, Some(41051), 1),
        (vec![code(41050)], TooLate, Some(41050), 1),
        (vec![code(41096), code(41096), Ok(())], Sent, None, 3),
        (
            vec![code(41096), code(41051)],
            AlreadyWelcomed,
            Some(41051),
            2,
        ),
        (vec![code(-1), Ok(())], Sent, None, 2),
        (vec![code(45009), Ok(())], Failed, Some(45009), 1),
        (vec![lost(), Ok(())], Sent, None, 2),
        (vec![code(45033), Ok(())], Sent, None, 2),
        (vec![code(40001), Ok(())], Failed, Some(40001), 1),
        (vec![code(41053)], Failed, Some(41053), 2),
        (vec![code(999_999)], Failed, Some(999_999), 2),
        (vec![page(), page(), Ok(())], Sent, None, 3),
        (vec![page(), code(41051)], AlreadyWelcomed, Some(41051), 2),
        (vec![code(40007), Ok(())], Sent, Some(40007), 2),
        (
            vec![code(90206), code(41051)],
            AlreadyWelcomed,
            Some(41051),
            2,
        ),
        (vec![code(40007), code(40007)], Failed, Some(40007), 2),
    ];
    for (answers, result, errcode, attempts) in cases {
        let (outcome, _) = check(20, answers.clone()).await;
        assert_eq!(
            (
                outcome.outcome,
                outcome.errcode.map(ErrorCode::get),
                outcome.attempts
            ),
            (result, errcode, attempts),
            "{answers:?}"
        );
        assert!(!outcome.retryable, "nothing can be sent later");
    }
}

#[tokio::test]
async fn after_an_attachment_is_refused_the_text_goes_alone() {
    // Codes that WeCom lists for attachments, codes about fields, and some that no list has.
    for refusal in [
        40004, 40005, 40006, 40007, 40008, 40009, 40011, 40039, 40058, 40063, 40123, 40145, 41005,
        41064, 41065, 41072, 41080, 41081, 41082, 45001, 48002, 60020, 90206, 90207, 90208,
        123_456, -2,
    ] {
        let (outcome, attachments) = check(20, vec![code(refusal), Ok(())]).await;
        assert_eq!(attachments, [1, 0], "{refusal}");
        assert_eq!(outcome.outcome, WelcomeResult::Sent, "{refusal}");
        assert!(outcome.reason.unwrap().contains("text went alone"));
    }
    for kept in [-1, 41096, 45033] {
        let (_, attachments) = check(20, vec![code(kept), Ok(())]).await;
        assert_eq!(attachments, [1, 1], "{kept}");
    }
    for ended in [40014, 41050, 41051, 42001, 45009] {
        let (_, attachments) = check(20, vec![code(ended), Ok(())]).await;
        assert_eq!(attachments, [1], "{ended}");
    }
}

#[tokio::test]
async fn it_stops_when_the_time_is_over() {
    let (outcome, attempts) = check(5, vec![code(41096)]).await;
    assert_eq!(
        (outcome.outcome, outcome.errcode.map(ErrorCode::get)),
        (WelcomeResult::Failed, Some(41096))
    );
    assert_eq!(attempts.len(), 5, "one attempt a second");
    let (outcome, attempts) = check(0, vec![Ok(())]).await;
    assert_eq!(
        (outcome.outcome, attempts.len()),
        (WelcomeResult::TooLate, 0)
    );
}

#[tokio::test]
async fn a_lost_answer_is_told_when_the_code_turns_out_to_be_spent() {
    let (outcome, _) = check(20, vec![lost(), code(41051)]).await;
    assert_eq!(outcome.outcome, WelcomeResult::AlreadyWelcomed);
    assert!(outcome.reason.unwrap().contains("most likely ours"));
}
