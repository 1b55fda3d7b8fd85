//! How one call goes: admission, waiting, effect, record.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::fields::parse_body;
use super::incoming::Incoming;
use super::token::{GET_TOKEN, authenticate, get_token};
use super::{Answer, Api, Call, Claim, Fields, Refusal, Reply, release};
use crate::Sandbox;
use crate::faults::Fault;
use crate::journal::{self, Room};
use crate::model::State;
use crate::model::moment::unix_ms_of;

/// Answers one request below `/cgi-bin/`. The work runs as a task of its own, because a call that has reached WeCom
/// takes its effect even if the caller hangs up.
pub(crate) async fn serve(sandbox: Sandbox, request: Request<Body>) -> Response {
    let work = tokio::spawn(async move {
        Pending::new(sandbox, Incoming::read(request).await)
            .run()
            .await
    });
    work.await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// One call on its way.
struct Pending {
    sandbox: Sandbox,
    incoming: Incoming,
    arrived: Instant,
    at_ms: u64,
    caller: Option<(String, String)>,
    body: Map<String, Value>,
}

/// What an admitted call holds until it has taken effect.
struct Admitted {
    api: Option<&'static Api>,
    claim: Option<Claim>,
}

impl Pending {
    fn new(sandbox: Sandbox, incoming: Incoming) -> Self {
        Self {
            arrived: sandbox.clock().instant(),
            at_ms: unix_ms_of(sandbox.now()),
            sandbox,
            incoming,
            caller: None,
            body: Map::new(),
        }
    }

    async fn run(mut self) -> Response {
        if !self.is_known() {
            return self.finish_unknown();
        }
        let sandbox = self.sandbox.clone();
        let (latency, fault, admitted) = sandbox.change(|state| {
            let fault = state.faults.take(&self.incoming.path);
            (state.latency, fault, self.admit(state, fault))
        });
        let slow = match fault {
            Some(Fault::Slow(slow)) => slow,
            _ => Duration::ZERO,
        };
        // A timer of zero still costs a millisecond.
        let wait = latency + slow;
        if !wait.is_zero() {
            sandbox.clock().sleep(wait).await;
        }
        sandbox.change(|state| self.finish(state, fault, admitted))
    }

    fn is_known(&self) -> bool {
        self.incoming.path == GET_TOKEN || Api::find(&self.incoming.path).is_some()
    }

    /// Everything that is decided when the call arrives.
    fn admit(&mut self, state: &mut State, fault: Option<Fault>) -> Result<Admitted, Refusal> {
        self.read_fields()?;
        let api = Api::find(&self.incoming.path);
        let caller = match api {
            None => authenticate(state, Fields(&self.body))?,
            Some(_) => self.check_token(state)?,
        };
        let (corp, app) = self.caller.insert(caller);
        let path = api.map_or(GET_TOKEN, |api| api.path);
        state.limits.enter(corp, path, self.arrived)?;
        let claim = match api.and_then(|api| api.claim) {
            Some(claim) if takes_effect(fault) => claim,
            _ => return Ok(Admitted { api, claim: None }),
        };
        let (corp, app) = (corp.clone(), app.clone());
        let claimed = self.call(state, &corp, &app, claim);
        if claimed.is_err() {
            state.limits.leave(&corp, path);
        }
        claimed.map(|claim| Admitted {
            api,
            claim: Some(claim),
        })
    }

    fn read_fields(&mut self) -> Result<(), Refusal> {
        let api = Api::find(&self.incoming.path);
        let method = api.map_or(&Method::GET, |api| &api.method);
        if *method != self.incoming.method {
            return Err(Refusal(40058));
        }
        if *method == Method::GET || self.incoming.path.starts_with("media/") {
            self.body = self.incoming.query.clone();
            self.body.remove("access_token");
            return Ok(());
        }
        if self.incoming.is_form {
            return Err(Refusal(40063));
        }
        self.body = parse_body(&self.incoming.body)?;
        Ok(())
    }

    fn check_token(&self, state: &State) -> Result<(String, String), Refusal> {
        let token = Fields(&self.incoming.query).required("access_token", 41001)?;
        state
            .tokens
            .check(token, self.arrived)
            .map_err(Refusal::from)
    }

    /// Runs a function of the state as this call.
    fn call<T>(
        &self,
        state: &mut State,
        corp: &str,
        app: &str,
        run: fn(&mut Call<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let corp = state.corps.get_mut(corp).ok_or(Refusal(40014))?;
        run(&mut Call {
            corp,
            ids: &mut state.ids,
            options: self.sandbox.options(),
            cursor_generation: state.cursor_generation,
            app,
            fields: Fields(&self.body),
            upload: self.incoming.upload.as_ref(),
            base: &self.incoming.base,
            now: self.sandbox.now(),
        })
    }

    /// Takes effect, unless a fault forbids it, and answers.
    fn finish(
        self,
        state: &mut State,
        fault: Option<Fault>,
        admitted: Result<Admitted, Refusal>,
    ) -> Response {
        let answer = admitted.and_then(|admitted| {
            let Some((corp, app)) = &self.caller else {
                return Err(Refusal(40014));
            };
            if let Some(claim) = &admitted.claim {
                release(state, corp, claim);
            }
            state
                .limits
                .leave(corp, admitted.api.map_or(GET_TOKEN, |api| api.path));
            match admitted.api {
                _ if !takes_effect(fault) => Ok(Reply::Fields(json!({}))),
                Some(api) => self.call(state, corp, app, api.run),
                None => Ok(Reply::Fields(get_token(
                    state,
                    corp,
                    app,
                    self.sandbox.options(),
                    self.arrived,
                ))),
            }
        });
        let hint = state.ids.nonce();
        match fault {
            Some(Fault::Code(code)) => self.send(state, Err(Refusal(code)), &hint),
            Some(Fault::Http(status)) => self.send_page(state, status),
            Some(Fault::DropConnection { .. }) => self.drop_connection(state),
            Some(Fault::Slow(_)) | None => self.send(state, answer, &hint),
        }
    }

    fn send(self, state: &mut State, answer: Answer, hint: &str) -> Response {
        let answer = match answer {
            Ok(Reply::File {
                content_type,
                bytes,
            }) => {
                self.record(state, Some(200), Value::Null, 0);
                return ([(CONTENT_TYPE, content_type)], bytes).into_response();
            }
            Ok(Reply::Fields(mut answer)) => {
                answer["errcode"] = json!(0);
                answer["errmsg"] = json!("ok");
                answer
            }
            Err(refusal) => refusal.answer(hint),
        };
        let text = answer.to_string();
        self.record(state, Some(200), answer, text.len());
        ([(CONTENT_TYPE, "application/json; charset=UTF-8")], text).into_response()
    }

    fn send_page(self, state: &mut State, status: u16) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        self.record(state, Some(status.as_u16()), Value::Null, 0);
        (status, Html("<html><body>Bad Gateway</body></html>")).into_response()
    }

    /// A body that fails takes the connection with it.
    fn drop_connection(self, state: &mut State) -> Response {
        self.record(state, None, Value::Null, 0);
        let broken = futures::stream::once(async {
            Err::<Vec<u8>, _>(io::Error::other("dropped by command"))
        });
        Response::new(Body::from_stream(broken))
    }

    fn finish_unknown(self) -> Response {
        let sandbox = self.sandbox.clone();
        sandbox.change(|state| self.record(state, Some(404), Value::Null, 0));
        StatusCode::NOT_FOUND.into_response()
    }

    fn record(self, state: &mut State, status: Option<u16>, mut answer: Value, answered: usize) {
        let options = self.sandbox.options();
        let room = Room {
            calls: options.journal_length,
            body: options.journal_body,
            bytes: options.journal_bytes,
        };
        // Of an upload there is only the size.
        let is_upload = self.incoming.upload.is_some();
        let asked = if is_upload {
            0
        } else {
            self.incoming.body.len()
        };
        let is_known = self.is_known();
        if let Some(fields) = answer.as_object_mut() {
            fields.remove("access_token");
        }
        let warnings = self.warnings();
        let (corp, app) = self.caller.unzip();
        let call = journal::Call {
            number: 0,
            at_ms: self.at_ms,
            corp,
            app,
            request: self.incoming.record(),
            api: self.incoming.path,
            method: self.incoming.method.to_string(),
            status,
            errcode: answer["errcode"].as_i64().unwrap_or(0),
            answer,
            abridged: false,
            duration: self.sandbox.clock().since(self.arrived),
            warnings,
        };
        state.journal.record(call, asked + answered, is_known, room);
    }

    /// Fields that WeCom would have ignored silently.
    fn warnings(&self) -> Vec<String> {
        let Some(api) = Api::find(&self.incoming.path) else {
            return Vec::new();
        };
        let unknown = self
            .body
            .keys()
            .filter(|name| !api.fields.contains(&name.as_str()));
        unknown
            .map(|name| format!("unknown field {name}"))
            .collect()
    }
}

/// Whether a call that meets this fault does what it was asked.
fn takes_effect(fault: Option<Fault>) -> bool {
    matches!(
        fault,
        None | Some(Fault::Slow(_)) | Some(Fault::DropConnection { after_effect: true })
    )
}
