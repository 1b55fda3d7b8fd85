//! The keys under which single values are encrypted at rest, in addition to what DynamoDB encrypts.
//!
//! Each use and each corp has keys of its own, derived by HKDF-SHA-256 (RFC 5869): a value that was sealed for one is
//! not opened for another. Values are sealed by AES-256-GCM-SIV (RFC 8452), which a repeated nonce does not break.
//! Sealing keys are rotated: new values are sealed under the current one, and the name of the key is part of what is
//! sealed. The key of indexes never changes, because values that are compared have to be derived alike for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::field::FieldError;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox};
use serde_json::{Map, Value};
use wecom::CorpId;

use crate::BoxFuture;

/// Bytes of a key.
const KEY_LEN: usize = 32;
/// Bytes of an index value: enough that two values of a corp do not meet.
const INDEX_LEN: usize = 16;
/// Separates these keys from others that may be derived from the same ones.
const SALT: &[u8] = b"wecom-scrm data keys 1";
/// The longest name of a sealing key in characters.
const NAME_MAX_CHARS: usize = 32;
/// Begins a sealed value; another number is another form.
const FORM: &str = "1";

/// The data keys of a configuration. `Debug` shows the names of the keys.
pub struct DataKeys {
    current: String,
    seal: BTreeMap<String, SecretBox<[u8; KEY_LEN]>>,
    index: SecretBox<[u8; KEY_LEN]>,
}

/// Where the data keys come from, as they are now.
pub trait FindDataKeys: Send + Sync {
    /// The keys; `None` if there are none, or they cannot be read.
    fn data_keys(&self) -> BoxFuture<'_, Option<Arc<DataKeys>>>;
}

/// What keys are derived for. The words are part of what is derived, and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Access tokens of WeCom.
    Tokens,
}

/// Where a sealed value stands. It is opened at the same place only.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The corp.
    pub corp: &'a CorpId,
    /// What the value is kept for.
    pub used: Use,
    /// What distinguishes the value from others of the same use, such as the app and the name of the field.
    pub field: &'a str,
}

/// A value that was not sealed: the machine has no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be sealed: the system gave no random bytes")]
pub struct SealError;

impl Use {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
        }
    }
}

impl DataKeys {
    /// Reads `{"current": "2026-11", "seal": {"2026-11": "…32 bytes, base64…"}, "index": "…32 bytes, base64…"}`.
    ///
    /// # Errors
    /// Every fault, with its field below `path`, and without values.
    pub fn read(value: &Value, path: &str) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let Value::Object(object) = value else {
            return Err(vec![FieldError::new(path, "is not an object")]);
        };
        for field in object.keys() {
            if !["current", "seal", "index"].contains(&field.as_str()) {
                let message = "is not a known field, use current, seal, index";
                faults.push(FieldError::new(format!("{path}.{field}"), message));
            }
        }
        let seal = seal_keys(object, path, &mut faults);
        let index = key(object.get("index"), format!("{path}.index"), &mut faults);
        let current = object.get("current").and_then(Value::as_str).map(str::trim);
        let current = current.filter(|name| seal.contains_key(*name));
        if current.is_none() {
            let message = "is not the name of a key of seal";
            faults.push(FieldError::new(format!("{path}.current"), message));
        }
        match (current, index) {
            (Some(current), Some(index)) if faults.is_empty() => Ok(Self {
                current: current.to_owned(),
                seal,
                index,
            }),
            _ => Err(faults),
        }
    }

    /// Seals a value for one place, under the current key.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Result<String, SealError> {
        let key = self.sealing_key(&self.current, place).ok_or(SealError)?;
        let mut sealed = value.to_vec();
        let nonce = key
            .seal_in_place_append_tag(place.associated(&self.current), &mut sealed)
            .map_err(|_| SealError)?;
        let bytes = [nonce.as_ref().as_slice(), &sealed].concat();
        let text = BASE64_STANDARD.encode(bytes);
        Ok(format!("{FORM}.{}.{text}", self.current))
    }

    /// Opens a value that was sealed for this place, under any of the keys. `None` if it was not: another place, a key
    /// that is not there any more, or a changed text.
    #[must_use]
    pub fn open(&self, place: &Place<'_>, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (name, text) = sealed
            .strip_prefix(FORM)?
            .strip_prefix('.')?
            .split_once('.')?;
        let mut bytes = Zeroizing::new(BASE64_STANDARD.decode(text).ok()?);
        let key = self.sealing_key(name, place)?;
        let (nonce, value) = bytes.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key
            .open_in_place(nonce, place.associated(name), value)
            .ok()?;
        Some(Zeroizing::new(opened.to_vec()))
    }

    /// A value that is equal for equal values of one corp and use, and says nothing about them: HMAC-SHA-256, 16 bytes.
    /// `None` if no key can be derived, which 32 bytes never cause.
    #[must_use]
    pub fn index(&self, corp: &CorpId, used: Use, value: &[u8]) -> Option<[u8; INDEX_LEN]> {
        let key = derive(self.index.expose_secret(), "index", used, corp)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), value);
        tag.as_ref().first_chunk().copied()
    }

    fn sealing_key(&self, name: &str, place: &Place<'_>) -> Option<RandomizedNonceKey> {
        let from = self.seal.get(name)?.expose_secret();
        let key = derive(from, "seal", place.used, place.corp)?;
        RandomizedNonceKey::new(&AES_256_GCM_SIV, key.as_ref()).ok()
    }
}

impl Place<'_> {
    /// What is authenticated with a value under the key `name`.
    fn associated(&self, name: &str) -> Aad<Vec<u8>> {
        let parts = [self.corp.as_str(), self.used.as_str(), self.field, name];
        let mut bytes = Vec::new();
        for part in parts {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Aad::from(bytes)
    }
}

/// Derives the key of a use and a corp.
fn derive(
    from: &[u8; KEY_LEN],
    kind: &str,
    used: Use,
    corp: &CorpId,
) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            KEY_LEN
        }
    }
    let salt = Salt::new(HKDF_SHA256, SALT);
    let pseudorandom = salt.extract(from);
    let info = [
        kind.as_bytes(),
        b"|",
        used.as_str().as_bytes(),
        b"|",
        corp.as_str().as_bytes(),
    ];
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let material = pseudorandom.expand(&info, Length).ok()?;
    material.fill(key.as_mut()).ok()?;
    Some(key)
}

fn seal_keys(
    object: &Map<String, Value>,
    path: &str,
    faults: &mut Vec<FieldError>,
) -> BTreeMap<String, SecretBox<[u8; KEY_LEN]>> {
    let path = format!("{path}.seal");
    let Some(Value::Object(named)) = object.get("seal") else {
        let message = "is missing or not an object of keys by name";
        faults.push(FieldError::new(path, message));
        return BTreeMap::new();
    };
    let mut keys = BTreeMap::new();
    for (name, value) in named {
        let field = format!("{path}.{name}");
        let is_name = (1..=NAME_MAX_CHARS).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if !is_name {
            let message =
                format!("is not a name: at most {NAME_MAX_CHARS} letters, digits, '-' and '_'");
            faults.push(FieldError::new(&field, message));
        }
        if let Some(key) = key(Some(value), field, faults) {
            keys.insert(name.clone(), key);
        }
    }
    keys
}

fn key(
    value: Option<&Value>,
    field: String,
    faults: &mut Vec<FieldError>,
) -> Option<SecretBox<[u8; KEY_LEN]>> {
    let text = value.and_then(Value::as_str).map(str::trim);
    let bytes = text
        .and_then(|text| BASE64_STANDARD.decode(text).ok())
        .map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; KEY_LEN]>::try_from(bytes.as_slice()).ok());
    if key.is_none() {
        let message = "is not 32 bytes in base64: make one with openssl rand -base64 32";
        faults.push(FieldError::new(field, message));
    }
    key.map(|key| SecretBox::new(Box::new(key)))
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeys")
            .field("current", &self.current)
            .field("seal", &self.seal.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
