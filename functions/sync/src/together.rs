//! Futures that run side by side, a few at a time.

use futures::{StreamExt, TryStreamExt};

/// Runs `futures`, at most `at_once` at a time, to their ends or to the first failure.
///
/// They come as a list and not as a stream that makes them, because the compiler cannot prove a future that holds such
/// a stream to be `Send` by the compiler (rust-lang/rust#102211).
pub(crate) async fn all<T, E, F>(futures: Vec<F>, at_once: usize) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    futures::stream::iter(futures)
        .buffer_unordered(at_once)
        .try_collect()
        .await
}
