//! How the apps of a corp stand with WeCom: an app whose credentials are refused is shown as broken.

use platform::config::Config;
use serde_json::json;

use crate::refusal::Refusal;
use crate::view::{AppView, TokenView};
use crate::{Admin, Answer, Scope, Store, Wecom};

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_apps(&self, config: &Config, scope: &Scope) -> Answer {
        let corp = config
            .corp(scope.corp.as_str())
            .ok_or(Refusal::NotFound("corp"))?;
        let mut apps = Vec::new();
        for app in corp.apps() {
            let state = self.wecom.app_state(&scope.corp, &app.name).await?;
            apps.push(AppView {
                app: &app.name,
                agent_id: app.credentials.as_ref().map(|it| it.agent_id),
                takes_callbacks: app.callback.is_some(),
                token: TokenView::from(&state),
            });
        }
        Ok((200, json!({"apps": apps})))
    }
}
