//! Measures the processing of an event without I/O: signature, decryption, parsing, rendering, comparing.
//!
//! `cargo bench -p bundle-tests --bench micro` accepts criterion's options; with `--save` alone it runs everything and
//! writes the section `micro` of the results. The processing of a callback is compared with the raw work of the
//! libraries on the same bytes (SHA-1, base64, AES-256-CBC), which no implementation can avoid. The ratio of the two,
//! measured alternately, is printed.

mod ratio;
mod report;
mod scene;
mod thread_time;

use std::hint::black_box;
use std::process::ExitCode;

use criterion::Criterion;
use domain::event::{EventId, InboxEvent};
use domain::relation::Relation;
use jiff::Timestamp;
use jiff::civil::DateTime;
use wecom::{Envelope, Event, Fields, Message, Signature};

use scene::{Delivery, Rows};
use thread_time::ThreadTime;

/// The argument of the benches.
type Bench = Criterion<ThreadTime>;

/// The option that writes the results; criterion handles the others.
const SAVE: &str = "--save";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("micro: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let save = std::env::args().any(|argument| argument == SAVE);
    let criterion = Criterion::default()
        .with_measurement(ThreadTime)
        .output_directory(&report::directory());
    let mut criterion = if save {
        criterion
    } else {
        criterion.configure_from_args()
    };
    let delivery = Delivery::new()?;
    check(&delivery)?;
    callback(&mut criterion, &delivery);
    event(&mut criterion, &delivery)?;
    welcome(&mut criterion)?;
    relation(&mut criterion, &Rows::new()?);
    criterion.final_summary();
    let encrypted = delivery.sealed.encrypt.as_str();
    let ratios = report::Ratios {
        open_parse_to_raw: ratio::of(|| open_and_parse(&delivery, encrypted), || delivery.raw()),
        whole_to_raw: ratio::of(|| process_callback(&delivery), || delivery.raw()),
    };
    report::print(ratios, save)
}

/// Checks that the delivery is accepted: the time of a refusal would be meaningless.
fn check(delivery: &Delivery) -> Result<(), String> {
    let message = process_callback(delivery).ok_or("the delivery is not opened")?;
    if !matches!(message.event, Event::AddedExternalContact(_)) {
        return Err(format!("the delivery is read as {}", message.event.name()));
    }
    let raw = delivery.raw().map_err(|error| error.to_string())?;
    let same = raw
        .windows(delivery.plaintext.len())
        .any(|part| part == delivery.plaintext.as_bytes());
    if !same {
        return Err("the raw work decrypts something else".to_owned());
    }
    println!(
        "an event of {} bytes in a body of {} bytes",
        delivery.plaintext.len(),
        delivery.body.len()
    );
    Ok(())
}

/// The complete processing from the body to the event.
fn process_callback(delivery: &Delivery) -> Option<Message> {
    let envelope = Envelope::parse(black_box(delivery.body.as_bytes())).ok()?;
    open_and_parse(delivery, &envelope.encrypt)
}

fn open_and_parse(delivery: &Delivery, encrypted: &str) -> Option<Message> {
    let plaintext = delivery
        .crypto
        .open(&delivery.signature(), encrypted)
        .ok()?;
    Message::parse(&plaintext).ok()
}

fn callback(criterion: &mut Bench, delivery: &Delivery) {
    let encrypted = delivery.sealed.encrypt.as_str();
    let forged = Signature {
        msg_signature: "0000000000000000000000000000000000000000",
        ..delivery.signature()
    };
    let mut group = criterion.benchmark_group(report::CALLBACK);
    group.bench_function("raw", |b| b.iter(|| delivery.raw()));
    group.bench_function("envelope", |b| {
        b.iter(|| Envelope::parse(black_box(delivery.body.as_bytes())));
    });
    // A wrong signature ends `open` after the verification, so this measures the verification alone.
    group.bench_function("signature", |b| {
        b.iter(|| delivery.crypto.open(&forged, black_box(encrypted)));
    });
    group.bench_function("open", |b| {
        let signature = delivery.signature();
        b.iter(|| delivery.crypto.open(&signature, black_box(encrypted)));
    });
    group.bench_function("parse", |b| {
        b.iter(|| Message::parse(black_box(delivery.plaintext)));
    });
    group.bench_function("open_parse", |b| {
        b.iter(|| open_and_parse(delivery, black_box(encrypted)));
    });
    group.bench_function("whole", |b| b.iter(|| process_callback(delivery)));
    group.finish();
}

fn event(criterion: &mut Bench, delivery: &Delivery) -> Result<(), String> {
    let message = Message::parse(delivery.plaintext).map_err(|error| error.to_string())?;
    let mut group = criterion.benchmark_group("event");
    group.bench_function("fields", |b| {
        b.iter(|| Fields::parse(black_box(delivery.plaintext)));
    });
    group.bench_function("typed", |b| {
        let fields = || message.fields.clone();
        b.iter_batched(
            fields,
            Message::from_fields,
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("id", |b| {
        b.iter(|| EventId::of(&delivery.corp, &delivery.app, black_box(&message.fields)));
    });
    group.bench_function("receive", |b| {
        let received = || (delivery.corp.clone(), delivery.app.clone(), message.clone());
        b.iter_batched(
            received,
            |(corp, app, message)| InboxEvent::receive(corp, app, message, Timestamp::UNIX_EPOCH),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
    Ok(())
}

fn welcome(criterion: &mut Bench) -> Result<(), String> {
    let candidates = scene::candidates();
    let now = DateTime::constant(2026, 11, 26, 10, 30, 0, 0);
    let chosen = candidates.choose(now).ok_or("no welcome is chosen")?;
    let mut group = criterion.benchmark_group("welcome");
    group.bench_function("choose", |b| {
        b.iter(|| black_box(&candidates).choose(now).is_some());
    });
    group.bench_function("render", |b| {
        b.iter(|| chosen.render(black_box(Some("李四")), black_box(Some("张三"))));
    });
    group.finish();
    Ok(())
}

fn relation(criterion: &mut Bench, rows: &Rows) {
    let mut group = criterion.benchmark_group("relation");
    for (name, row) in [("unchanged", &rows.unchanged), ("changed", &rows.changed)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let after = Relation::read(Some(&rows.stored), black_box(row), rows.later);
                after == rows.stored
            });
        });
    }
    group.finish();
}
