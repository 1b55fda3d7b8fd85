//! All customers, member by member, page by page.
//!
//! Members are read in chunks. The pages of a chunk follow one another by cursor; several chunks are read at the same
//! time. A page is written, then recorded with its cursor and the pairs in it, so that a run that is killed goes
//! on with the next page. When a chunk's last page is written, and only then, it is known who is missing.

use std::collections::{HashMap, HashSet};

use domain::channel::Channel;
use domain::relation::{Observation, Reading as Asked, Status};
use domain::sync::{Chunk, PageRead, RunId, Seen};
use futures::StreamExt;
use jiff::Timestamp;
use wecom::TagId;
use wecom::api::contact::BatchPage;
use wecom::api::path;

use self::refusals::{Now, what_now};
use super::members::count;
use super::pages::chained;
use crate::calls::call;
use crate::meter::Meter;
use crate::repair::ChannelTags;
use crate::trouble::Trouble;
use crate::{Scope, Store, Syncer, Wecom};

mod refusals;

/// Chunks of a single member, made of one that WeCom refused because of a member, have numbers from here on.
const SINGLES: u32 = 1_000_000;
/// Channels of a page.
const CHANNELS: i32 = 100;

/// What a reading of a chunk needs to know.
pub(super) struct Reading<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) meter: &'a Meter,
    run: &'a RunId,
    tags: &'a ChannelTags,
}

impl<S: Store, W: Wecom> Syncer<S, W> {
    pub(crate) async fn read_customers(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owner: &str,
    ) -> Result<(), Trouble> {
        let run = meter.run().id;
        let chunks = self.chunks(scope, meter, owner, &run).await?;
        let tags = self.channel_tags(scope).await?;
        let done = chunks
            .iter()
            .filter(|chunk| chunk.done && chunk.number < SINGLES);
        let done: usize = done.map(|chunk| chunk.members.len()).sum();
        meter.change(|run| run.done = count(done));
        let reading = Reading {
            scope,
            meter,
            run: &run,
            tags: &tags,
        };
        let left = chunks.into_iter().filter(|chunk| !chunk.done);
        let read: Vec<_> = left.map(|chunk| self.read_chunk(&reading, chunk)).collect();
        let mut read = futures::stream::iter(read).buffer_unordered(self.pace.in_work(scope));
        // One chunk's trouble need not be another's: what can be read today is read.
        let mut trouble = None;
        while let Some(chunk) = read.next().await {
            match chunk {
                Ok(()) => {}
                Err(found) if found.passes() => trouble = trouble.or(Some(found)),
                Err(found) => return Err(found),
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// The chunks of the run, made if that was not finished before.
    async fn chunks(
        &self,
        scope: &Scope<'_>,
        meter: &Meter,
        owner: &str,
        run: &RunId,
    ) -> Result<Vec<Chunk>, Trouble> {
        if meter.run().chunks.is_some() {
            return Ok(self.store.chunks(scope.corp, run).await?);
        }
        let follow = call(scope, meter, path::GET_FOLLOW_USER_LIST, || {
            self.wecom.follow_users(scope.corp, scope.app)
        });
        let mut follow = follow.await?;
        follow.sort();
        follow.dedup();
        let groups = follow.chunks(self.pace.members_together.clamp(1, 100));
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
        self.store.put_chunks(scope.corp, run, &chunks).await?;
        meter.change(|run| {
            run.chunks = u32::try_from(chunks.len()).ok();
            run.total = count(follow.len());
        });
        self.save(scope, meter, owner).await?;
        Ok(chunks)
    }

    /// Reads a chunk to its end and concludes who is missing.
    async fn read_chunk(&self, reading: &Reading<'_>, mut chunk: Chunk) -> Result<(), Trouble> {
        let Reading {
            scope, meter, run, ..
        } = *reading;
        let mut seen = Seen::default();
        let mut unlicensed = HashSet::new();
        let pages = match chunk.since {
            Some(_) => chained(self.store.pages(scope.corp, run, &chunk).await?),
            None => Vec::new(),
        };
        for page in &pages {
            seen.add_stored(&page.seen);
            unlicensed.extend(page.unlicensed.iter().cloned());
        }
        let mut number = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let mut cursor = pages.last().and_then(|page| page.cursor.clone());
        let mut complete = !pages.is_empty() && cursor.is_none();
        while !complete {
            let at = self.clock.now();
            if chunk.since.is_none() {
                chunk.since = Some(at);
                self.store.put_chunk(scope.corp, run, &chunk).await?;
            }
            let answer = call(scope, meter, path::BATCH_GET_BY_USER, || {
                self.wecom
                    .customers(scope.corp, scope.app, &chunk.members, cursor.as_deref())
            });
            let page = match answer.await {
                Ok(page) => page,
                Err(Trouble::Wecom(error)) => match what_now(&error, &chunk, number) {
                    Now::Empty => break,
                    Now::Anew => {
                        chunk = self.begin_anew(reading, chunk).await?;
                        (seen, number, cursor) = (Seen::default(), 0, None);
                        unlicensed.clear();
                        continue;
                    }
                    Now::EachAlone => return self.read_each_alone(reading, chunk).await,
                    Now::Skip => return self.finish(reading, chunk).await,
                    Now::Stop => return Err(error.into()),
                },
                Err(trouble) => return Err(trouble),
            };
            let unlicensed_here = page.unlicensed.clone();
            unlicensed.extend(unlicensed_here.iter().cloned());
            let next = page.page.next_cursor.clone();
            let told = self.take_page(reading, page, &mut seen, at).await?;
            let read = PageRead {
                number,
                from: cursor,
                cursor: next.clone(),
                unlicensed: unlicensed_here,
                seen: told,
            };
            self.store.put_page(scope.corp, run, &chunk, &read).await?;
            number += 1;
            complete = next.is_none();
            cursor = next;
        }
        self.conclude(reading, &chunk, &seen, &unlicensed).await?;
        self.finish(reading, chunk).await
    }

    /// Stores the rows of a page, counts and repairs; returns the pairs in the form in which they are recorded.
    async fn take_page(
        &self,
        reading: &Reading<'_>,
        page: BatchPage,
        seen: &mut Seen,
        at: Timestamp,
    ) -> Result<Vec<u8>, Trouble> {
        let Reading {
            scope, meter, tags, ..
        } = *reading;
        let mut told = Vec::with_capacity(page.page.items.len() * 8);
        let mut pairs = HashSet::new();
        let mut rows = Vec::with_capacity(page.page.items.len());
        for row in page.page.items {
            let (member, customer) = (
                &row.follow_info.user_id,
                &row.external_contact.external_user_id,
            );
            if !pairs.insert((member.clone(), customer.clone())) {
                continue;
            }
            told.extend(seen.add(member, customer));
            rows.push(Observation {
                contact: row.external_contact,
                follow: row.follow_info,
            });
        }
        if rows.is_empty() {
            return Ok(told);
        }
        let asked = Asked {
            at,
            for_event: false,
        };
        let observed = self.observe(scope, &rows, asked).await?;
        meter.change(|run| {
            run.relations += count(rows.len());
            run.writes += count(observed.differ.len());
        });
        let lacking = observed.relations.iter().filter_map(|relation| {
            let lacks = tags.lacking(relation)?;
            (relation.status == Status::Active).then_some((relation, lacks))
        });
        self.repair_all(scope, meter, lacking.collect()).await?;
        Ok(told)
    }

    async fn begin_anew(&self, reading: &Reading<'_>, chunk: Chunk) -> Result<Chunk, Trouble> {
        tracing::info!(corp.id = %reading.scope.corp, chunk.number = chunk.number, "a cursor went stale; the chunk is read anew");
        let anew = Chunk {
            reading: chunk.reading + 1,
            since: None,
            ..chunk
        };
        let scope = reading.scope;
        self.store.put_chunk(scope.corp, reading.run, &anew).await?;
        Ok(anew)
    }

    /// WeCom refuses the whole list because of one member, and does not say which.
    async fn read_each_alone(&self, reading: &Reading<'_>, chunk: Chunk) -> Result<(), Trouble> {
        let scope = reading.scope;
        let singles: Vec<Chunk> = (SINGLES + chunk.number * 100..)
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
            .put_chunks(scope.corp, reading.run, &singles)
            .await?;
        self.finish(reading, chunk).await?;
        for single in singles {
            Box::pin(self.read_chunk(reading, single)).await?;
        }
        Ok(())
    }

    async fn finish(&self, reading: &Reading<'_>, chunk: Chunk) -> Result<(), Trouble> {
        let Reading {
            scope, meter, run, ..
        } = *reading;
        let done = Chunk {
            done: true,
            ..chunk
        };
        self.store.put_chunk(scope.corp, run, &done).await?;
        if done.number < SINGLES {
            meter.change(|run| run.done += count(done.members.len()));
        }
        Ok(())
    }

    /// All channels of the corp.
    pub(crate) async fn channels(&self, scope: &Scope<'_>) -> Result<Vec<Channel>, Trouble> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.store.channels(scope.corp, cursor.as_ref(), CHANNELS);
            let (channels, next) = page.await?;
            all.extend(channels);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// The tags of every channel that puts some on, as far as there are such tags: a tag that was deleted at WeCom
    /// would be refused for each customer again. A library that could not be read leaves out none.
    async fn channel_tags(&self, scope: &Scope<'_>) -> Result<ChannelTags, Trouble> {
        let library = self.store.tag_groups(scope.corp).await?;
        let living: HashSet<TagId> = library
            .into_iter()
            .flat_map(|group| group.tag)
            .map(|tag| tag.id)
            .collect();
        let channels = self.channels(scope).await?;
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
