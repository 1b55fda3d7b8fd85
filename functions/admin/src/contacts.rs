//! What is known of one customer, and the timeline that explains it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use domain::contact::Profile;
use domain::field::FieldError;
use domain::relation::{Relation, Status};
use serde_json::json;
use wecom::{ExternalUserId, TagId, UnionId};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::view::{EventView, ProfileView, RelationView};
use crate::{Admin, Answer, Scope, Store, Wecom};

/// How long WeCom is waited for when a profile is not at hand; the rest of the answer does not need it.
const PROFILE_WAIT: Duration = Duration::from_secs(2);
/// Events of a timeline.
const PAGE: i32 = 100;
/// The longest timeline.
const LARGEST_PAGE: i32 = 500;

impl<S: Store, W: Wecom> Admin<S, W> {
    /// The customers of a WeChat account, by its `unionid`.
    pub(crate) async fn find_contacts(&self, scope: &Scope, input: &Input) -> Answer {
        let unionid = input.parameter("unionid").ok_or_else(|| {
            Refusal::Query(FieldError::new(
                "unionid",
                "is missing: contacts are found by unionid, or read by external_userid",
            ))
        })?;
        let unionid = UnionId::from(unionid);
        let found = self.store.customers_of_unionid(&scope.corp, &unionid);
        Ok((200, json!({"external_userids": found.await?})))
    }

    pub(crate) async fn read_contact(&self, scope: &Scope, id: &str, input: &Input) -> Answer {
        let customer = ExternalUserId::from(id);
        let limit = input.limit(PAGE, LARGEST_PAGE)?;
        let (record, events) = tokio::try_join!(
            self.store.contact(&scope.corp, &customer),
            self.store.events_of(&scope.corp, &customer, limit)
        )?;
        if record.relations.is_empty() && events.is_empty() {
            return Err(Refusal::NotFound("contact"));
        }
        let is_followed = |relation: &Relation| {
            !relation.lifecycle.is_unconfirmed() && relation.status() != Status::Removed
        };
        let profile = if record.relations.iter().any(is_followed) {
            self.profile(scope, &customer, record.profile).await
        } else {
            record.profile
        };
        let welcomes: HashMap<_, _> = record.welcomes.into_iter().collect();
        let tags: HashMap<_, _> = record.tags.into_iter().collect();
        let entry = |event| {
            EventView::from(event).with_outcomes(
                event,
                welcomes.get(&event.id),
                tags.get(&event.id),
            )
        };
        let tag_ids: BTreeSet<TagId> = record
            .relations
            .iter()
            .flat_map(|relation| relation.tags.current.clone())
            .collect();
        Ok((
            200,
            json!({
                "external_userid": customer,
                "profile": profile.as_ref().map(ProfileView::from),
                "relations": record.relations.iter().map(RelationView::from).collect::<Vec<_>>(),
                "tags": tag_ids,
                "timeline": events.iter().map(entry).collect::<Vec<_>>(),
            }),
        ))
    }

    /// The stored profile, or the one that WeCom returns now. WeCom is asked only about customers that somebody
    /// follows: for others it answers `NOT_EXTERNAL_CONTACT`.
    async fn profile(
        &self,
        scope: &Scope,
        customer: &ExternalUserId,
        stored: Option<Profile>,
    ) -> Option<Profile> {
        let now = self.clock.now();
        if stored.as_ref().is_some_and(|profile| profile.is_fresh(now)) {
            return stored;
        }
        let read = self.wecom.profile(&scope.corp, &scope.app, customer);
        let Ok(Ok(contact)) = self.clock.timeout(PROFILE_WAIT, read).await else {
            return stored;
        };
        let profile = Profile {
            contact,
            read_at: now,
        };
        if let Err(error) = self.store.put_profile(&scope.corp, &profile).await {
            tracing::warn!(
                event = "contact.profile_unsaved",
                corp.id = %scope.corp,
                store.error = %error,
                "a profile was read and could not be stored"
            );
        }
        Some(profile)
    }
}
