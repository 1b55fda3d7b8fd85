//! The last act of the demo: what no event reports, the scheduled sync finds.

use std::time::Duration;

use serde_json::Value;
use wecom_sandbox::{DeliveryMode, Happening, MemberEdit, Scan};

use super::DemoError;
use super::acts::Play;

/// The pause between ticks, while one is to find what has changed.
const TICK_AGAIN: Duration = Duration::from_millis(500);

impl Play {
    /// A customer scans, and the callback about it is lost on the way.
    pub(super) async fn lost_add(&self, channel: &str) -> Result<Happening, DemoError> {
        let mode = self.sandbox.delivery_mode();
        self.sandbox.set_delivery_mode(DeliveryMode {
            lose_every: Some(1),
            ..mode
        });
        let scan = Scan {
            name: Some("孙悦".into()),
            ..Scan::default()
        };
        let happening = self.corp.scan(channel, &scan);
        self.sandbox.set_delivery_mode(mode);
        happening.map_err(|error| error.to_string())
    }

    /// Reconciles the corp and returns the run, as `GET sync` returns it.
    pub(super) async fn reconciled(&self) -> Result<Value, DemoError> {
        let ran = self.schedule("reconcile").await?;
        if ran["state"] != "finished" {
            return Err(format!("the run is not over: {ran}"));
        }
        match self.operator.get("sync").await? {
            (200, sync) if sync["last"]["id"] == ran["run_id"] => Ok(sync["last"].clone()),
            answer => Err(format!("answered {answer:?}")),
        }
    }

    /// The customer whose event was lost is known and tagged.
    pub(super) async fn found(&self, customer: &Happening) -> Result<Value, DemoError> {
        let run = self.reconciled().await?;
        let tags = self.corp.tags(&customer.external_userid, &customer.userid);
        let path = format!("contacts/{}", customer.external_userid);
        match self.operator.get(&path).await? {
            (200, contact) if contact["relations"][0]["status"] == "active" && !tags.is_empty() => {
                Ok(run)
            }
            answer => Err(format!("the customer is returned as {answer:?}")),
        }
    }

    /// Nothing has changed, so nothing is written.
    pub(super) async fn unchanged(&self) -> Result<Value, DemoError> {
        let run = self.reconciled().await?;
        if run["writes"] == 0 {
            Ok(run)
        } else {
            Err(format!("rows were written: {run}"))
        }
    }

    /// What a member notes in the client is applied by a tick.
    pub(super) async fn edit_applied(&self, customer: &Happening) -> Result<(), DemoError> {
        let edit = MemberEdit {
            remark: Some("孙悦-重点".into()),
            ..MemberEdit::default()
        };
        let edited = self
            .corp
            .member_edits(&customer.external_userid, &customer.userid, &edit);
        edited.map_err(|error| error.to_string())?;
        let path = format!("contacts/{}", customer.external_userid);
        let is_noted = |contact: &Value| contact["relations"][0]["remark"] == "孙悦-重点";
        let ticks = async {
            loop {
                self.schedule("tick").await?;
                self.clock.sleep(TICK_AGAIN).await;
            }
        };
        tokio::select! {
            failed = ticks => failed,
            noted = self.eventually("the remark", &path, is_noted) => noted,
        }
    }

    async fn schedule(&self, task: &str) -> Result<Value, DemoError> {
        match self.schedules.send(task).await? {
            (200, answer) => Ok(answer),
            answer => Err(format!("/schedule/{task} answered {answer:?}")),
        }
    }
}
