//! A process that is killed again and again in the middle of its work, while WeCom delivers once more what
//! was not acknowledged.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wecom_sandbox::Scan;

use crate::external::{ExternalWorld, outcomes};
use crate::patience::until;

const KILLS: usize = 5;
/// Customers before each kill.
const CUSTOMERS: usize = 10;
/// Customers after each kill, before the next start.
const UNHEARD: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let outside = ExternalWorld::with_patient_welcomes(directory.path()).await;
    let data = directory.path().join("data");
    let (mut server, mut operator) = outside.start(&data);
    let channel = outside.make_channel(&operator).await;
    let mut customers = Vec::new();
    for kill in 0..KILLS {
        let before = outside.wecom.calls_of("send_welcome_msg").len();
        let scans = (0..CUSTOMERS).map(|_| outside.corp.scan(&channel, &Scan::default()).unwrap());
        customers.extend(scans);
        let welcomes = || outside.wecom.calls_of("send_welcome_msg").len();
        until("some are welcomed", || welcomes() > before + 2 * kill).await;
        server.kill();
        // The events of who comes now are delivered three times, and no process takes them.
        let scans = (0..UNHEARD).map(|_| outside.corp.scan(&channel, &Scan::default()).unwrap());
        customers.extend(scans);
        outside.settled().await;
        (server, operator) = outside.start(&data);
    }
    outside.settled().await;
    assert!(outside.wecom.events().iter().all(|event| event.accepted()));

    let mut counts = BTreeMap::from([("sent".to_owned(), 0), ("already_welcomed".to_owned(), 0)]);
    for customer in &customers {
        let (welcome, tags) = outcomes(&operator, customer).await;
        assert_eq!(
            (outside.texts(customer), tags.as_str()),
            (vec!["hi".to_owned()], "tagged")
        );
        assert_eq!(
            outside
                .corp
                .tags(&customer.external_userid, &customer.userid)
                .len(),
            1
        );
        *counts.get_mut(&welcome).unwrap() += 1;
    }
    // Sent by a process that was killed before it stored that: recorded as already welcomed, and not counted as ours.
    let (_, stats) = operator
        .get(&format!("channels/{channel}/stats"))
        .await
        .unwrap();
    let total: Value = json!({"added": customers.len(), "lost": 0, "welcomed": counts["sent"], "welcome_failed": 0});
    assert_eq!(stats["total"], total);
}
