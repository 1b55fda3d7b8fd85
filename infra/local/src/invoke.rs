//! A function as Lambda runs it: JSON in, JSON out, a context with a deadline, a time-out, and panics that cost one
//! invocation.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lambda_http::IntoResponse;
use lambda_runtime::{Config, Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tower::{Service, ServiceExt};
use uuid::Uuid;

/// The largest event and the largest answer of a synchronous invocation, in bytes
/// (AWS Lambda quotas: "invocation payload, 6 MB each for request and response, synchronous").
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// A deployed function: a name, a time-out and the service that its `main` hands to `lambda_runtime::run` or
/// `lambda_http::run`.
///
/// Invocations may overlap; each gets a clone of the service, as each would get an execution environment of its own.
/// Their time-outs and deadlines are those of the function's clock, as are the waits of what invokes it.
#[derive(Clone)]
pub struct Function {
    config: Arc<Config>,
    timeout: Duration,
    clock: Clock,
    call: Arc<Call>,
}

type Call =
    dyn Fn(Vec<u8>, Context) -> BoxFuture<'static, Result<Vec<u8>, Diagnostic>> + Send + Sync;

type Idle = Arc<Mutex<Vec<Arc<Call>>>>;

/// An instance that is busy. It is idle again when the invocation ends, also by a panic or its time-out.
struct Taken(Option<Arc<Call>>, Idle);

impl Drop for Taken {
    fn drop(&mut self) {
        let instance = self.0.take();
        lock(&self.1).extend(instance);
    }
}

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Arc<Call>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One invocation: its request id and what came of it.
#[derive(Debug)]
pub struct Invocation {
    /// The id that the function saw in its context.
    pub request_id: String,
    /// The JSON that the function answered with.
    pub answer: Result<Vec<u8>, InvokeError>,
}

/// Why an invocation has no answer. All but [`InvokeError::RequestTooLarge`] are function errors: the function ran, or
/// began to run, and Lambda reports `FunctionError: Unhandled`.
#[derive(Debug, Error)]
pub enum InvokeError {
    /// The event exceeds [`PAYLOAD_LIMIT`] and the function did not run.
    #[error("the event has {bytes} bytes, over the {PAYLOAD_LIMIT} bytes that Lambda takes")]
    RequestTooLarge {
        /// The size of the event.
        bytes: usize,
    },
    /// The function returned an error, or the event is not of the type that it takes.
    #[error("{kind}: {message}")]
    Failed {
        /// What the Lambda runtime reports as `errorType`.
        kind: String,
        /// What the Lambda runtime reports as `errorMessage`.
        message: String,
    },
    /// The function panicked. The panic hook has already printed the message.
    #[error("the function panicked")]
    Panicked,
    /// The function ran into its time-out and was cancelled.
    #[error("the function timed out after {} ms", .after.as_millis())]
    TimedOut {
        /// The configured time-out.
        after: Duration,
    },
    /// The answer exceeds [`PAYLOAD_LIMIT`].
    #[error("the answer has {bytes} bytes, over the {PAYLOAD_LIMIT} bytes that Lambda takes")]
    ResponseTooLarge {
        /// The size of the answer.
        bytes: usize,
    },
}

impl Function {
    /// A function whose `main` calls `lambda_runtime::run(service)`.
    pub fn new<S, A>(name: &str, timeout: Duration, clock: Clock, service: S) -> Self
    where
        S: Service<LambdaEvent<A>> + Clone + Send + Sync + 'static,
        S::Response: Serialize,
        S::Error: Into<Diagnostic>,
        S::Future: Send,
        A: DeserializeOwned + Send + 'static,
    {
        let call = move |payload: Vec<u8>, context: Context| {
            let service = service.clone();
            async move {
                let payload =
                    serde_json::from_slice(&payload).map_err(|error| malformed("event", &error))?;
                let event = LambdaEvent::new(payload, context);
                let answer = service.oneshot(event).await.map_err(Into::into)?;
                serde_json::to_vec(&answer).map_err(|error| malformed("answer", &error))
            }
            .boxed()
        };
        let config = Config {
            function_name: name.to_owned(),
            version: "$LATEST".to_owned(),
            ..Config::default()
        };
        Self {
            config: Arc::new(config),
            timeout,
            clock,
            call: Arc::new(call),
        }
    }

    /// A function whose `main` calls `lambda_http::run(service)`.
    ///
    /// The service is wrapped in the adapter that `lambda_http::run` uses, so it takes the JSON event of an HTTP API,
    /// payload format 2.0, and answers with the JSON that API Gateway reads.
    pub fn http<S, R>(name: &str, timeout: Duration, clock: Clock, service: S) -> Self
    where
        S: Service<lambda_http::Request, Response = R> + Clone + Send + Sync + 'static,
        S::Error: Into<Diagnostic>,
        S::Future: Send,
        R: IntoResponse + Send + Sync + 'static,
    {
        Self::new(name, timeout, clock, lambda_http::Adapter::from(service))
    }

    /// This function with `others` as further instances of it, which are of its name, time-out and clock. An invocation
    /// goes to an idle instance, as Lambda keeps execution environments; if none is idle, it shares one.
    #[must_use]
    pub fn with_instances(self, others: Vec<Self>) -> Self {
        let shared = Arc::clone(&self.call);
        let others = others.into_iter().map(|instance| instance.call);
        let idle = std::iter::once(Arc::clone(&shared)).chain(others);
        let idle = Arc::new(Mutex::new(idle.collect::<Vec<_>>()));
        let call = move |payload: Vec<u8>, context: Context| {
            let (idle, shared) = (Arc::clone(&idle), Arc::clone(&shared));
            async move {
                let instance = lock(&idle).pop();
                let taken = Taken(instance, idle);
                let call = taken.0.as_ref().unwrap_or(&shared);
                call(payload, context).await
            }
            .boxed()
        };
        Self {
            call: Arc::new(call),
            ..self
        }
    }

    /// The name, as in the function's ARN and in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.function_name
    }

    /// The time-out of an invocation.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The clock that invocations are timed by.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The ARN that the function sees in its context.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:local:000000000000:function:{}", self.name())
    }

    /// Invokes the function and waits for its answer, for its time-out at most.
    ///
    /// A failure is logged here, once: callers need not log it again. Neither the event nor the answer is logged.
    pub async fn invoke(&self, payload: Vec<u8>) -> Invocation {
        let request_id = Uuid::new_v4().to_string();
        let answer = self.run(payload, self.context(&request_id)).await;
        if let Err(error) = &answer {
            tracing::error!(
                function.name = self.name(),
                aws.request_id = request_id,
                %error,
                "an invocation failed"
            );
        }
        Invocation { request_id, answer }
    }

    async fn run(&self, payload: Vec<u8>, context: Context) -> Result<Vec<u8>, InvokeError> {
        if payload.len() > PAYLOAD_LIMIT {
            return Err(InvokeError::RequestTooLarge {
                bytes: payload.len(),
            });
        }
        // The call itself is inside the guarded block: a service may panic before it has made its future.
        let guarded =
            AssertUnwindSafe(async { (self.call)(payload, context).await }).catch_unwind();
        let answer = self
            .clock
            .timeout(self.timeout, guarded)
            .await
            .map_err(|_| InvokeError::TimedOut {
                after: self.timeout,
            })?
            .map_err(|_| InvokeError::Panicked)?
            .map_err(|diagnostic| InvokeError::Failed {
                kind: diagnostic.error_type,
                message: diagnostic.error_message,
            })?;
        if answer.len() > PAYLOAD_LIMIT {
            return Err(InvokeError::ResponseTooLarge {
                bytes: answer.len(),
            });
        }
        Ok(answer)
    }

    fn context(&self, request_id: &str) -> Context {
        let mut context = Context::default();
        context.request_id = request_id.to_owned();
        context.invoked_function_arn = self.arn();
        context.deadline = epoch_millis(self.clock.now()).saturating_add(millis(self.timeout));
        context.env_config = Arc::clone(&self.config);
        context
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Milliseconds since the Unix epoch, as Lambda writes deadlines and API Gateway its `timeEpoch`.
pub(crate) fn epoch_millis(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The place of the fault only: serde's own message would quote the event.
fn malformed(what: &str, error: &serde_json::Error) -> Diagnostic {
    Diagnostic {
        error_type: "Runtime.SerializationError".to_owned(),
        error_message: format!(
            "the {what} is not of the expected type (line {}, column {})",
            error.line(),
            error.column()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::{ManualClock, START};
    use serde_json::Value;
    use tower::service_fn;

    const LIMIT: Duration = Duration::from_secs(3);
    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn the_deadline_of_the_context_is_the_time_out_from_now() {
        let service = service_fn(async |event: LambdaEvent<Value>| {
            Ok::<_, Diagnostic>(event.context.deadline)
        });
        let function = Function::new("f", LIMIT, ManualClock::new().clock(), service);
        let answer = function.invoke(b"null".to_vec()).await.answer.unwrap();
        let deadline: u64 = serde_json::from_slice(&answer).unwrap();
        assert_eq!(deadline, epoch_millis(START) + 3_000);
    }

    #[tokio::test]
    async fn an_invocation_goes_to_an_idle_instance() {
        let time = ManualClock::new();
        let instance = |name: &'static str| {
            let service = service_fn(move |event: LambdaEvent<bool>| async move {
                if event.payload {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Diagnostic>(name)
            });
            Function::new("f", LIMIT, time.clock(), service)
        };
        let function = instance("one").with_instances(vec![instance("two")]);
        let answer = async |function: &Function| {
            let answer = function.invoke(b"false".to_vec()).await.answer.unwrap();
            serde_json::from_slice::<String>(&answer).unwrap()
        };
        assert_eq!(answer(&function).await, "two");
        let busy = function.invoke(b"true".to_vec());
        let mut busy = Box::pin(busy);
        assert!(busy.as_mut().now_or_never().is_none());
        assert_eq!(answer(&function).await, "one");
        let mut busier = Box::pin(function.invoke(b"true".to_vec()));
        assert!(busier.as_mut().now_or_never().is_none());
        assert_eq!(answer(&function).await, "one", "shared");
        drop(busy);
        assert_eq!(answer(&function).await, "two");
    }

    #[test]
    fn a_function_is_cancelled_at_its_time_out_and_not_before() {
        let manual = ManualClock::new();
        let service = service_fn(|_: LambdaEvent<Value>| std::future::pending::<Hung>());
        let function = Function::new("f", LIMIT, manual.clock(), service);
        let mut invocation = Box::pin(function.invoke(b"null".to_vec()));
        assert!(invocation.as_mut().now_or_never().is_none());
        manual.advance(LIMIT - MOMENT);
        assert!(invocation.as_mut().now_or_never().is_none());
        manual.advance(MOMENT);
        let ended = invocation.as_mut().now_or_never().unwrap();
        assert!(
            matches!(ended.answer, Err(InvokeError::TimedOut { after }) if after == LIMIT),
            "{ended:?}"
        );
    }

    type Hung = Result<Value, Diagnostic>;
}
