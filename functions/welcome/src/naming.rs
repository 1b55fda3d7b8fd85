//! The names in a welcome: asked for only if its text uses them, and waited for only briefly.

use std::time::Duration;

use domain::event::InboxEvent;
use domain::ports::{ReadNames, ReadRelation, ReadWelcomes, RecordWelcome, SendWelcome};
use domain::welcome::Chosen;
use platform::in_flight::TOO_MANY;
use wecom::{Error, WelcomeMessage};

use crate::{Welcomer, time_left};

/// How long a name is waited for. A welcome with a neutral form beats a late one.
const NAME_WAIT: Duration = Duration::from_millis(1500);
/// Pause after "too many calls at once", which other functions may have caused.
const TOO_MANY_PAUSE: Duration = Duration::from_millis(200);

impl<S, W> Welcomer<S, W>
where
    S: ReadWelcomes + ReadRelation + RecordWelcome + Sync,
    W: SendWelcome + ReadNames + Sync,
{
    /// The message to send, with the names that came in time.
    pub(crate) async fn render(
        &self,
        event: &InboxEvent,
        chosen: &Chosen<'_>,
    ) -> Option<WelcomeMessage> {
        let (member, customer) = event.event.contact()?;
        let customer = async {
            let get = || self.wecom.customer_name(&event.corp, &event.app, customer);
            if chosen.names_customer() {
                self.name(event, "externalcontact/get", get).await
            } else {
                None
            }
        };
        let member = async {
            let get = || self.wecom.member_name(&event.corp, &event.app, member);
            if chosen.names_member() {
                self.name(event, "user/get", get).await
            } else {
                None
            }
        };
        let (customer, member) = tokio::join!(customer, member);
        chosen.render(customer.as_deref(), member.as_deref())
    }

    /// A name, if it comes in time. Only "too many at once" is worth another try: it passes by itself.
    async fn name<F: Future<Output = Result<String, Error>>>(
        &self,
        event: &InboxEvent,
        api: &'static str,
        get: impl Fn() -> F,
    ) -> Option<String> {
        let wait = NAME_WAIT.min(time_left(event).unwrap_or_default() / 4);
        let name = async {
            loop {
                match self.names.call(&event.corp, api, get()).await {
                    Err(error) if error.code() == Some(TOO_MANY) => {
                        tokio::time::sleep(TOO_MANY_PAUSE).await;
                    }
                    answer => return answer.ok(),
                }
            }
        };
        tokio::time::timeout(wait, name).await.ok()?
    }
}
