//! Crash injection: ports that stop, panic or wait at a chosen point of a function.
//!
//! Every call of a port has two points, one before it takes effect and one after it. A function that waits for ever at
//! such a point and is then dropped has crashed exactly there: nothing after that point has happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use tokio::sync::watch;

/// The point at which a function is interrupted, and a counter of the points it has passed. Clones share their state.
#[derive(Clone)]
pub(crate) struct FaultPoint {
    location: Location,
    effect: Effect,
    passed: Arc<AtomicUsize>,
    reached: watch::Sender<Option<String>>,
    released: watch::Sender<bool>,
}

/// Which of the points it is.
#[derive(Clone)]
enum Location {
    /// Counted from 0.
    Number(usize),
    /// The first of this name: "before observe", "after customers".
    Named(&'static str),
}

/// What happens there.
#[derive(Clone, Copy, PartialEq)]
enum Effect {
    Crash,
    Panic,
    Wait,
}

/// A port with a fault point before and after each call.
pub(crate) struct CrashingPort<T> {
    pub(crate) inner: T,
    fault_point: FaultPoint,
}

impl FaultPoint {
    fn new(location: Location, effect: Effect) -> Self {
        Self {
            location,
            effect,
            passed: Arc::default(),
            reached: watch::Sender::new(None),
            released: watch::Sender::new(false),
        }
    }

    /// Crashes at this point, counted from 0.
    pub(crate) fn at(point: usize) -> Self {
        Self::new(Location::Number(point), Effect::Crash)
    }

    /// Panics at this point, which ends one record and not the function.
    pub(crate) fn panic_at(point: usize) -> Self {
        Self::new(Location::Number(point), Effect::Panic)
    }

    /// Waits at the first point of this name until it is [released](Self::release), like a paused process.
    pub(crate) fn wait_at(name: &'static str) -> Self {
        Self::new(Location::Named(name), Effect::Wait)
    }

    /// Never interrupts.
    pub(crate) fn none() -> Self {
        Self::at(usize::MAX)
    }

    /// Wraps a port so that it is interrupted at this point.
    pub(crate) fn wrap<T>(&self, inner: T) -> CrashingPort<T> {
        CrashingPort {
            inner,
            fault_point: self.clone(),
        }
    }

    /// Waits until the function crashes or waits at the point, and returns the name of the point.
    pub(crate) async fn reached(&self) -> String {
        let mut reached = self.reached.subscribe();
        let name = reached.wait_for(Option::is_some).await.unwrap().clone();
        name.unwrap_or_default()
    }

    /// Resumes a function that waits at the point.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// The number of points that were passed.
    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    async fn pass(&self, when: &str, step: &str) {
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        let name = format!("{when} {step}");
        let is_it = match self.location {
            Location::Number(point) => number == point,
            Location::Named(point) => name == point && self.reached.borrow().is_none(),
        };
        if !is_it {
            return;
        }
        assert!(
            self.effect != Effect::Panic,
            "a panic that the test asked for"
        );
        self.reached.send_replace(Some(name));
        let mut released = self.released.subscribe();
        // An error means that the sender was dropped with the test.
        let _dropped = released.wait_for(|released| *released).await;
    }
}

impl<T: Sync> CrashingPort<T> {
    /// Passes one point before `step` and one after it. Boxed to keep the futures of the functions small.
    pub(crate) fn step<'a, O: Send>(
        &'a self,
        name: &'a str,
        step: impl Future<Output = O> + Send + 'a,
    ) -> BoxFuture<'a, O> {
        Box::pin(async move {
            self.fault_point.pass("before", name).await;
            let output = step.await;
            self.fault_point.pass("after", name).await;
            output
        })
    }
}
