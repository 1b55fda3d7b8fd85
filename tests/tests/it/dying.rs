//! A function that is killed between two of its steps: ports that, at a chosen point, never answer. A function may
//! also wait there, while a test does something else.
//!
//! Every call of a port is two points, one before it takes effect and one after. A function that waits there
//! for ever and is then dropped has died exactly there: nothing after that point has happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use tokio::sync::watch;

/// The point at which something happens to a function, and how far it has come.
#[derive(Clone)]
pub(crate) struct Fate {
    place: Place,
    end: End,
    passed: Arc<AtomicUsize>,
    met: watch::Sender<Option<String>>,
    released: watch::Sender<bool>,
}

/// Which of the points it is.
#[derive(Clone)]
enum Place {
    /// Counted from 0.
    Number(usize),
    /// The first of this name: "before observe", "after customers".
    Named(&'static str),
}

/// What happens there.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Dies,
    Panics,
    Waits,
}

/// A port that dies with its function.
pub(crate) struct Dying<T> {
    pub(crate) inner: T,
    fate: Fate,
}

impl Fate {
    fn new(place: Place, end: End) -> Self {
        Self {
            place,
            end,
            passed: Arc::default(),
            met: watch::Sender::new(None),
            released: watch::Sender::new(false),
        }
    }

    /// Dies at this point, counted from 0.
    pub(crate) fn at(point: usize) -> Self {
        Self::new(Place::Number(point), End::Dies)
    }

    /// Panics at this point, which ends one record and not the function.
    pub(crate) fn panic_at(point: usize) -> Self {
        Self::new(Place::Number(point), End::Panics)
    }

    /// Waits at the first point of this name until it is [released](Self::release), as a process does that is paused.
    pub(crate) fn wait_at(name: &'static str) -> Self {
        Self::new(Place::Named(name), End::Waits)
    }

    /// Never dies.
    pub(crate) fn none() -> Self {
        Self::at(usize::MAX)
    }

    /// Gives a port this fate.
    pub(crate) fn of<T>(&self, inner: T) -> Dying<T> {
        Dying {
            inner,
            fate: self.clone(),
        }
    }

    /// Waits for the death, or for the point at which the function waits, and says where it was.
    pub(crate) async fn death(&self) -> String {
        let mut met = self.met.subscribe();
        let place = met.wait_for(Option::is_some).await.unwrap().clone();
        place.unwrap_or_default()
    }

    /// Lets a function that waits go on.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// The points that were passed.
    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    async fn pass(&self, when: &str, step: &str) {
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        let name = format!("{when} {step}");
        let is_it = match self.place {
            Place::Number(place) => number == place,
            Place::Named(place) => name == place && self.met.borrow().is_none(),
        };
        if !is_it {
            return;
        }
        assert!(self.end != End::Panics, "a panic that the test asked for");
        self.met.send_replace(Some(name));
        let mut released = self.released.subscribe();
        // A sender that is gone has died with the test.
        let _gone = released.wait_for(|released| *released).await;
    }
}

impl<T: Sync> Dying<T> {
    /// Boxed, because the functions are large enough without this.
    pub(crate) fn step<'a, O: Send>(
        &'a self,
        name: &'a str,
        step: impl Future<Output = O> + Send + 'a,
    ) -> BoxFuture<'a, O> {
        Box::pin(async move {
            self.fate.pass("before", name).await;
            let done = step.await;
            self.fate.pass("after", name).await;
            done
        })
    }
}
