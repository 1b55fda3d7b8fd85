//! `gettoken` (WeCom doc 91039).

use std::time::Instant;

use serde_json::{Value, json};

use super::{Fields, Refusal};
use crate::model::State;
use crate::setup::SandboxOptions;

/// The path of the one call that needs no token.
pub(crate) const GET_TOKEN: &str = "gettoken";

/// The corp and the app behind the id and the secret. A wrong secret counts towards the ban of the caller.
pub(crate) fn authenticate(
    state: &mut State,
    fields: Fields<'_>,
) -> Result<(String, String), Refusal> {
    let corp_id = fields.required("corpid", 41002)?;
    let secret = fields.required("corpsecret", 41004)?;
    let corp = state.corps.get(corp_id).ok_or(Refusal(40013))?;
    let app = corp.apps.iter().find(|app| app.secret == secret);
    let Some(app) = app else {
        state.wrong_secrets += 1;
        return Err(Refusal(40001));
    };
    Ok((corp.id.clone(), app.name.clone()))
}

/// The same token until it expires.
pub(crate) fn get_token(
    state: &mut State,
    corp: &str,
    app: &str,
    options: &SandboxOptions,
    now: Instant,
) -> Value {
    let holder = (corp.to_owned(), app.to_owned());
    let (token, left) = state
        .tokens
        .get(&holder, options.token_ttl, now, &mut state.ids);
    json!({"access_token": token, "expires_in": left.as_millis().div_ceil(1000)})
}
