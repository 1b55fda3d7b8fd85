//! Default welcomes: `{"corp": Welcome, "members": {"<userid>": Welcome}}`.

use std::collections::BTreeMap;

use domain::field::FieldError;
use domain::field::check_userid;
use domain::welcome::{Welcome, WelcomeOwner};
use serde_json::{Map, Value, json};
use wecom::UserId;

use crate::input::{self, Input};
use crate::refusal::Refusal;
use crate::{Admin, Answer, Scope, Store, Wecom};

/// Names that one call changes: each is a write.
const MOST_MEMBERS: usize = 200;

impl<S: Store, W: Wecom> Admin<S, W> {
    pub(crate) async fn read_welcomes(&self, scope: &Scope) -> Answer {
        let (mut corp, mut members) = (Value::Null, Map::new());
        for (owner, welcome) in self.store.welcomes(&scope.corp).await? {
            match owner {
                WelcomeOwner::Corp => corp = json!(welcome),
                WelcomeOwner::Member(userid) => {
                    members.insert(userid.as_str().to_owned(), json!(welcome));
                }
            }
        }
        Ok((200, json!({"corp": corp, "members": members})))
    }

    /// Stores what the body names and leaves the rest; `null` takes a default away. A welcome by itself is
    /// the corp's. All is checked before anything is stored.
    pub(crate) async fn put_welcomes(&self, scope: &Scope, input: &Input) -> Answer {
        let known: BTreeMap<String, Welcome> = self
            .store
            .welcomes(&scope.corp)
            .await?
            .into_iter()
            .map(|(owner, welcome)| (key(&owner), welcome))
            .collect();
        let mut wanted = wanted(input.json()?)?;
        for (owner, field, welcome) in &mut wanted {
            let Some(welcome) = welcome else { continue };
            welcome.check().map_err(|fault| fault.prefixed(field))?;
            self.upload_sources(scope, welcome, known.get(&key(owner)))
                .await
                .map_err(|refusal| refusal.prefixed(field))?;
        }
        for (owner, _, welcome) in &wanted {
            self.store
                .put_welcome(&scope.corp, owner, welcome.as_ref())
                .await?;
        }
        self.read_welcomes(scope).await
    }
}

fn key(owner: &WelcomeOwner) -> String {
    match owner {
        WelcomeOwner::Corp => String::new(),
        WelcomeOwner::Member(userid) => userid.key(),
    }
}

type Wanted = (WelcomeOwner, String, Option<Welcome>);

fn wanted(body: Value) -> Result<Vec<Wanted>, Refusal> {
    let Value::Object(mut body) = body else {
        return Err(Refusal::Body(
            "is not an object: {\"corp\": Welcome, \"members\": {userid: Welcome}}".into(),
        ));
    };
    let is_welcome = ["text", "attachments", "variants"]
        .iter()
        .any(|field| body.contains_key(*field));
    if is_welcome {
        return Ok(vec![one(
            WelcomeOwner::Corp,
            String::new(),
            Value::Object(body),
        )?]);
    }
    let mut wanted = Vec::new();
    if let Some(corp) = body.remove("corp") {
        wanted.push(one(WelcomeOwner::Corp, "corp".into(), corp)?);
    }
    match body.remove("members") {
        None | Some(Value::Null) => {}
        Some(Value::Object(members)) if members.len() <= MOST_MEMBERS => {
            for (userid, welcome) in members {
                let field = format!("members.{userid}");
                let userid = UserId::from(userid);
                check_userid(&field, &userid)?;
                wanted.push(one(WelcomeOwner::Member(userid), field, welcome)?);
            }
        }
        Some(_) => {
            let message = format!("is not an object of at most {MOST_MEMBERS} welcomes by userid");
            return Err(FieldError::new("members", message).into());
        }
    }
    match body.keys().next() {
        Some(other) => {
            Err(FieldError::new(other, "is not a known field, use corp and members").into())
        }
        None => Ok(wanted),
    }
}

fn one(owner: WelcomeOwner, field: String, value: Value) -> Result<Wanted, Refusal> {
    let welcome: Option<Welcome> = input::read(value).map_err(|fault| fault.prefixed(&field))?;
    Ok((owner, field, welcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_welcome_by_itself_is_the_corps_and_null_takes_one_away() {
        let fields = |body: Value| {
            let wanted = wanted(body).unwrap();
            wanted
                .into_iter()
                .map(|(_, field, welcome)| (field, welcome.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(fields(json!({"text": "hi"})), [(String::new(), true)]);
        assert_eq!(
            fields(json!({"corp": null, "members": {"zhangsan": {"text": "hi"}}})),
            [("corp".into(), false), ("members.zhangsan".into(), true)]
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (body, field) in [
            (json!({"default": {"text": "hi"}}), "default"),
            (json!({"members": ["zhangsan"]}), "members"),
            (json!({"members": {"li si": null}}), "members.li si"),
            (
                json!({"members": {"zhangsan": {"txt": "hi"}}}),
                "members.zhangsan.txt",
            ),
        ] {
            match wanted(body) {
                Err(Refusal::Field(fault)) => assert_eq!(fault.field, field, "{fault}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
