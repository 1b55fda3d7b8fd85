//! Futures that run at the same time, a few at once.

use futures::{StreamExt, TryStreamExt};

/// Runs `futures`, at most `limit` at the same time, to their ends or to the first failure.
///
/// They are passed as a list and not as a stream that makes them, because the compiler cannot prove that a future which
/// contains such a stream is `Send` (rust-lang/rust#102211).
pub(crate) async fn try_join_bounded<T, E, F>(futures: Vec<F>, limit: usize) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    futures::stream::iter(futures)
        .buffer_unordered(limit)
        .try_collect()
        .await
}
