//! Adapters between the rules and AWS: configuration, tables, stores, tokens, metrics.
//!
//! [`environment::Environment`] is what a function gets from its environment, [`start::Platform`] what it builds from
//! that during init. [`layout`] is the one place where keys and tables are described; [`store::Store`] keeps the rules'
//! promises on them, and [`wecom_api::WecomApi`] those about WeCom.

pub mod callback_url;
pub mod config;
pub mod data_keys;
pub mod environment;
pub mod governor;
pub mod http;
pub mod in_flight;
pub mod layout;
pub mod log;
pub mod media;
pub mod metrics;
pub mod retry;
pub mod secret;
pub mod start;
pub mod store;
pub mod stream;
pub mod wecom_api;

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
