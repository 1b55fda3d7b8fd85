//! WeCom (企业微信) customer contact: callbacks, events and a typed API client.
//!
//! The road of a callback is [`Envelope`] → [`CallbackCrypto::open`] → [`Message`] → [`Event`]; the road of a
//! call is `Client` → [`Error`] and its [`Class`]. Facts about WeCom are cited as
//! "WeCom doc 92137", which is the page `developer.work.weixin.qq.com/document/path/92137`.
#![cfg_attr(feature = "client", doc = include_str!("../README.md"))]

pub mod api;
#[cfg(feature = "client")]
pub mod client;
pub mod crypto;
pub mod envelope;
pub mod error;
pub mod event;
pub mod fields;
pub mod id;
pub mod message;
pub mod private;

pub use api::Page;
pub use api::welcome::{Attachment, Text, WelcomeMessage};
#[cfg(feature = "client")]
pub use client::{Client, MemoryTokenStore, StoredToken, TokenKey, TokenStore};
pub use crypto::{CallbackCrypto, InvalidKey, OpenError, SealError, Sealed, Signature};
pub use envelope::{Envelope, EnvelopeError};
pub use error::{Class, Concern, Error, ErrorCode, FieldError, ObjectKind};
pub use event::Event;
pub use fields::{Fields, FieldsError};
pub use id::{
    AppName, ChatId, ConfigId, CorpId, ExternalUserId, LinkId, MediaId, State, TagGroupId, TagId,
    UnionId, UserId, WelcomeCode,
};
pub use message::{Message, MessageError};
pub use private::Private;
