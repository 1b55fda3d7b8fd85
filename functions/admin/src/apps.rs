//! How the apps of a corp stand with WeCom: an app whose credentials are refused is shown as broken.

use platform::config::Config;
use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::{Admin, Answer, Scope, Store, Wecom};

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_apps(&self, config: &Config, scope: &Scope) -> Answer {
        let corp = config
            .corp(scope.corp.as_str())
            .ok_or(Refusal::NotFound("corp"))?;
        let mut apps = Vec::new();
        for app in corp.apps() {
            let state = self.wecom.app_state(&scope.corp, &app.name).await?;
            let mut shown: Value = json!(state);
            shown["app"] = json!(app.name);
            shown["agent_id"] = json!(app.agent_id);
            shown["takes_callbacks"] = json!(app.callback.is_some());
            apps.push(shown);
        }
        Ok((200, json!({"apps": apps})))
    }
}
