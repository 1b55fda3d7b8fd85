//! What the sandbox promises: it answers, delivers and fails as WeCom does. Everything goes over HTTP, as for the
//! functions under test.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says why; the exception for tests does not reach their helpers"
)]

mod channels;
mod customers;
mod delivery;
mod faults;
mod groups;
mod growth;
mod keeping;
mod limits;
mod members;
mod page;
mod paging;
mod quota;
mod support;
mod tags;
mod tokens;
mod uploads;
mod welcome;
