//! The names in a welcome: asked for only if its text uses them, and waited for only briefly.

use std::time::Duration;

use domain::error::VendorError;
use domain::event::InboxEvent;
use domain::instant::UnixSeconds;
use domain::ports::{
    AddressBookApi, CustomerApi, OutcomeStore, RelationStore, SendWelcome, WelcomeStore,
};
use domain::quota::Guard;
use domain::welcome::Chosen;
use wecom::api::path;
use wecom::{ErrorCode, WelcomeMessage};

use crate::Welcomer;

/// How long a name is waited for. A welcome with a neutral form beats a late one.
const NAME_WAIT: Duration = Duration::from_millis(1500);
/// Pause after "too many calls at once", which other functions may have caused.
const TOO_MANY_PAUSE: Duration = Duration::from_millis(200);

impl<S, W> Welcomer<S, W>
where
    S: WelcomeStore + RelationStore + OutcomeStore + Sync,
    W: SendWelcome + CustomerApi + AddressBookApi + Sync,
{
    /// The message to send, with the names that came in time. A paused API is not called.
    pub(crate) async fn render(
        &self,
        event: &InboxEvent,
        chosen: &Chosen<'_>,
        guard: &Guard,
    ) -> Option<WelcomeMessage> {
        let (member, customer) = event.event.contact()?;
        let now = UnixSeconds::of(self.clock.now());
        let may_ask = |api| guard.paused_until(api, now).is_none();
        let customer = async {
            let get = || self.wecom.customer_name(&event.corp, &event.app, customer);
            if chosen.names_customer() && may_ask(path::GET_EXTERNAL_CONTACT) {
                self.name(event, get).await
            } else {
                None
            }
        };
        let member = async {
            let get = || self.wecom.member_name(&event.corp, &event.app, member);
            if chosen.names_member() && may_ask(path::GET_USER) {
                self.name(event, get).await
            } else {
                None
            }
        };
        let (customer, member) = tokio::join!(customer, member);
        chosen.render(customer.as_deref(), member.as_deref())
    }

    /// A name, if it comes in time. Only "too many at once" is worth another try: it passes by itself.
    async fn name<F: Future<Output = Result<String, VendorError>>>(
        &self,
        event: &InboxEvent,
        get: impl Fn() -> F,
    ) -> Option<String> {
        let wait = NAME_WAIT.min(self.time_left(event).unwrap_or_default() / 4);
        let began = self.clock.instant();
        loop {
            let left = wait.saturating_sub(self.clock.since(began));
            let error = match self.clock.timeout(left, get()).await.ok()? {
                Ok(name) => return Some(name),
                Err(error) => error,
            };
            let passes = error.is(ErrorCode::API_CONCURRENT_OUT_OF_LIMIT);
            if !passes || self.clock.since(began) + TOO_MANY_PAUSE >= wait {
                return None;
            }
            self.clock.sleep(TOO_MANY_PAUSE).await;
        }
    }
}
