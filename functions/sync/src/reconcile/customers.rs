//! All customers, member by member, page by page.
//!
//! Members are read in chunks. The pages of a chunk follow one another by cursor; several chunks are read at the same
//! time. A page is written, then recorded with its cursor and the pairs in it, so that a run that is killed
//! resumes with the next page. Only when a chunk's last page is written is it known which relations are missing.

use std::collections::{HashMap, HashSet};

use domain::channel::Channel;
use domain::relation::{self, Comparison, Observation, Trigger};
use domain::sync::{Chunk, PageRead, RunId, Seen};
use futures::StreamExt;
use jiff::Timestamp;
use operations::run::StopReason;
use wecom::api::contact::{BATCH_MEMBERS_MAX, BatchPage};
use wecom::api::path;
use wecom::{TagId, UserId};

use self::refusals::{Recovery, recovery_for};
use super::pages::chained;
use crate::error::SyncError;
use crate::pass::{Pass, count};
use crate::repair::ChannelTags;
use crate::{Store, Wecom};

mod refusals;

/// Chunks of a single member, made of one that WeCom refused because of a member, have numbers from here on.
const SINGLE_MEMBER_CHUNKS: u32 = 1_000_000;
/// Channels of a page.
const CHANNELS_PER_PAGE: i32 = 100;

/// What reading a chunk needs to know.
pub(super) struct Reading<'a> {
    run: &'a RunId,
    tags: &'a ChannelTags,
}

/// How far the reading of a chunk has come.
#[derive(Default)]
struct ChunkProgress {
    /// The relations that were listed.
    seen: Seen,
    /// Members without a licence: nothing is concluded about them.
    unlicensed: HashSet<UserId>,
    /// Pages that were read.
    pages: u32,
    /// Where the next page begins; `None` at the beginning and at the end.
    cursor: Option<String>,
    /// Whether the last page was read.
    complete: bool,
}

impl ChunkProgress {
    /// The progress after these pages were read.
    fn after(pages: &[PageRead]) -> Self {
        let mut progress = Self::default();
        for page in pages {
            progress.seen.add_stored(&page.seen);
            progress.unlicensed.extend(page.unlicensed.iter().cloned());
        }
        progress.pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        progress.cursor = pages.last().and_then(|page| page.cursor.clone());
        progress.complete = !pages.is_empty() && progress.cursor.is_none();
        progress
    }
}

impl<S: Store, W: Wecom> Pass<'_, S, W> {
    pub(crate) async fn read_customers(&self) -> Result<(), SyncError> {
        let run = self.progress.with(|run| run.id.clone());
        let chunks = self.chunks(&run).await?;
        let tags = self.channel_tags().await?;
        let done = chunks
            .iter()
            .filter(|chunk| chunk.done && chunk.number < SINGLE_MEMBER_CHUNKS);
        let done: usize = done.map(|chunk| chunk.members.len()).sum();
        self.progress.change(|run| run.done = count(done));
        let reading = Reading {
            run: &run,
            tags: &tags,
        };
        let left = chunks.into_iter().filter(|chunk| !chunk.done);
        let read: Vec<_> = left.map(|chunk| self.read_chunk(&reading, chunk)).collect();
        let mut read = futures::stream::iter(read).buffer_unordered(self.concurrency());
        // One chunk's error need not affect another: what can be read today is read.
        let mut first_error = None;
        while let Some(chunk) = read.next().await {
            match chunk {
                Ok(()) => {}
                Err(error) if error.is_transient() => first_error = first_error.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// The chunks of the run, made if that was not finished before.
    async fn chunks(&self, run: &RunId) -> Result<Vec<Chunk>, SyncError> {
        if self.progress.with(|run| run.chunks).is_some() {
            return Ok(self.store.chunks(self.corp, run).await?);
        }
        let follow = self.call(path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(self.corp, self.app)
        });
        let mut follow = follow.await?;
        follow.sort();
        follow.dedup();
        let groups = follow.chunks(self.tuning.members_per_chunk.clamp(1, BATCH_MEMBERS_MAX));
        let chunks: Vec<Chunk> = (0..)
            .zip(groups)
            .map(|(number, members)| Chunk {
                number,
                members: members.to_vec(),
                reading: 0,
                since: None,
                done: false,
            })
            .collect();
        self.store.put_chunks(self.corp, run, &chunks).await?;
        self.progress.change(|run| {
            run.chunks = u32::try_from(chunks.len()).ok();
            run.total = count(follow.len());
        });
        self.runner.checkpoint(&self.progress).await?;
        Ok(chunks)
    }

    /// Reads a chunk to its end and concludes which relations are missing.
    async fn read_chunk(&self, reading: &Reading<'_>, mut chunk: Chunk) -> Result<(), SyncError> {
        let run = reading.run;
        let pages = match chunk.since {
            Some(_) => chained(self.store.pages(self.corp, run, &chunk).await?),
            None => Vec::new(),
        };
        let mut progress = ChunkProgress::after(&pages);
        while !progress.complete {
            let at = self.clock.now();
            if chunk.since.is_none() {
                chunk.since = Some(at);
                self.store.put_chunk(self.corp, run, &chunk).await?;
            }
            let answer = self.call(path::BATCH_GET_BY_USER, || {
                let cursor = progress.cursor.as_deref();
                self.wecom
                    .customers(self.corp, self.app, &chunk.members, cursor)
            });
            match answer.await {
                Ok(page) => {
                    self.read_page(reading, &chunk, page, &mut progress, at)
                        .await?;
                }
                Err(SyncError::Wecom(error)) => {
                    match recovery_for(&error, &chunk, progress.pages) {
                        Recovery::NoCustomers => break,
                        Recovery::Restart => {
                            chunk = self.restart(reading, chunk).await?;
                            progress = ChunkProgress::default();
                        }
                        Recovery::SplitByMember => return self.read_each(reading, chunk).await,
                        Recovery::SkipMember => return self.finish(reading, chunk).await,
                        Recovery::Stop => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.conclude(&chunk, &progress.seen, &progress.unlicensed)
            .await?;
        self.finish(reading, chunk).await
    }

    /// Stores a page, then that it was read.
    async fn read_page(
        &self,
        reading: &Reading<'_>,
        chunk: &Chunk,
        page: BatchPage,
        progress: &mut ChunkProgress,
        at: Timestamp,
    ) -> Result<(), SyncError> {
        let unlicensed = page.unlicensed.clone();
        progress.unlicensed.extend(unlicensed.iter().cloned());
        let next = page.page.next_cursor.clone();
        let seen = self
            .take_page(reading, page, &mut progress.seen, at)
            .await?;
        let read = PageRead {
            number: progress.pages,
            from: progress.cursor.take(),
            cursor: next.clone(),
            unlicensed,
            seen,
        };
        self.store
            .put_page(self.corp, reading.run, chunk, &read)
            .await?;
        progress.pages += 1;
        progress.complete = next.is_none();
        progress.cursor = next;
        Ok(())
    }

    /// Stores the rows of a page, counts and repairs; returns the pairs in the form in which they are recorded.
    async fn take_page(
        &self,
        reading: &Reading<'_>,
        page: BatchPage,
        seen: &mut Seen,
        at: Timestamp,
    ) -> Result<Vec<u8>, SyncError> {
        let mut stored = Vec::with_capacity(page.page.items.len() * 8);
        let mut keys = HashSet::new();
        let mut rows = Vec::with_capacity(page.page.items.len());
        for row in page.page.items {
            let row = Observation {
                contact: row.external_contact,
                follow: row.follow_info,
            };
            let key = row.key();
            let bits = seen.add(&key.member, &key.customer);
            if keys.insert(key) {
                stored.extend(bits);
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return Ok(stored);
        }
        let call = relation::Reading {
            at,
            trigger: Trigger::Scheduled,
        };
        let compared = self.observe(&rows, call).await?;
        let differ = |row: &&Comparison| row.replaces_version.is_some();
        self.progress.change(|run| {
            run.relations += count(rows.len());
            run.writes += count(compared.iter().filter(differ).count());
        });
        let active = compared
            .iter()
            .map(|row| &row.relation)
            .filter(|relation| relation.lifecycle.is_active());
        let lacking =
            active.filter_map(|relation| Some((relation, reading.tags.lacking(relation)?)));
        self.repair_all(lacking.collect()).await?;
        Ok(stored)
    }

    async fn restart(&self, reading: &Reading<'_>, chunk: Chunk) -> Result<Chunk, SyncError> {
        tracing::info!(
            event = "run.chunk_restarted",
            chunk.number = chunk.number,
            "a cursor expired; the chunk is read from its first page again"
        );
        let restarted = Chunk {
            reading: chunk.reading + 1,
            since: None,
            ..chunk
        };
        self.store
            .put_chunk(self.corp, reading.run, &restarted)
            .await?;
        Ok(restarted)
    }

    /// WeCom refuses the whole list because of one member, and does not say which.
    async fn read_each(&self, reading: &Reading<'_>, chunk: Chunk) -> Result<(), SyncError> {
        let singles: Vec<Chunk> = (SINGLE_MEMBER_CHUNKS + chunk.number * 100..)
            .zip(&chunk.members)
            .map(|(number, member)| Chunk {
                number,
                members: vec![member.clone()],
                reading: 0,
                since: None,
                done: false,
            })
            .collect();
        self.store
            .put_chunks(self.corp, reading.run, &singles)
            .await?;
        self.finish(reading, chunk).await?;
        for single in singles {
            Box::pin(self.read_chunk(reading, single)).await?;
        }
        Ok(())
    }

    async fn finish(&self, reading: &Reading<'_>, chunk: Chunk) -> Result<(), SyncError> {
        let done = Chunk {
            done: true,
            ..chunk
        };
        self.store.put_chunk(self.corp, reading.run, &done).await?;
        if done.number < SINGLE_MEMBER_CHUNKS {
            self.progress
                .change(|run| run.done += count(done.members.len()));
        }
        Ok(())
    }

    /// All channels of the corp.
    pub(crate) async fn channels(&self) -> Result<Vec<Channel>, SyncError> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self
                .store
                .channels(self.corp, cursor.as_ref(), CHANNELS_PER_PAGE);
            let (channels, next) = page.await?;
            all.extend(channels);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// The tags of every channel that has some, as far as they exist at WeCom: a tag that was deleted at WeCom
    /// would be refused for each customer again. A library that could not be read leaves out none.
    async fn channel_tags(&self) -> Result<ChannelTags, SyncError> {
        let library = self.store.tag_groups(self.corp).await?;
        let living: HashSet<TagId> = library
            .into_iter()
            .flat_map(|group| group.tag)
            .map(|tag| tag.id)
            .collect();
        let channels = self.channels().await?;
        let tags: HashMap<_, _> = channels
            .into_iter()
            .map(|channel| {
                let tags = channel.spec.tag_ids.into_iter();
                (
                    channel.id,
                    tags.filter(|tag: &TagId| living.is_empty() || living.contains(tag))
                        .collect(),
                )
            })
            .collect();
        Ok(ChannelTags(tags))
    }
}
