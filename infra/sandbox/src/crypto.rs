//! Callback signature and encryption, written apart from the functions' own and on another crypto library (WeCom doc
//! 90968), so that the two check each other.

use std::fmt;

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest, Sha1};

/// Padding fills up to 32 bytes, twice the block of AES (WeCom doc 90968).
const PAD_TO: usize = 32;

/// The last character of most keys carries bits that a strict decoder refuses.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// One app's callback keys: seals what the sandbox delivers and opens what tests receive. `Debug` shows nothing of
/// them.
#[derive(Clone)]
pub struct Seal {
    token: String,
    key: [u8; 32],
    receive_id: String,
}

impl Seal {
    /// Takes the callback's token, its 43-character EncodingAESKey and the receiveid, which is the corp id for a corp's
    /// own apps. `None` when the key is not 43 characters of base64.
    #[must_use]
    pub fn new(token: &str, encoding_aes_key: &str, receive_id: &str) -> Option<Self> {
        if encoding_aes_key.len() != 43 {
            return None;
        }
        let key = KEY_BASE64.decode(format!("{encoding_aes_key}=")).ok()?;
        Some(Self {
            token: token.to_owned(),
            key: key.try_into().ok()?,
            receive_id: receive_id.to_owned(),
        })
    }

    /// `msg_signature` over the base64 ciphertext: lower-case hex of the SHA-1 over the four sorted values.
    #[must_use]
    pub fn signature(&self, timestamp: &str, nonce: &str, encrypted: &str) -> String {
        let mut parts = [self.token.as_str(), timestamp, nonce, encrypted];
        parts.sort_unstable();
        let digest = Sha1::digest(parts.concat());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Encrypts a message under 16 random bytes that the caller provides; base64.
    #[must_use]
    pub fn encrypt(&self, random: [u8; 16], message: impl AsRef<[u8]>) -> String {
        let message = message.as_ref();
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut plain = random.to_vec();
        plain.extend(length.to_be_bytes());
        plain.extend(message);
        plain.extend(self.receive_id.bytes());
        let pad = PAD_TO - plain.len() % PAD_TO;
        plain.extend(std::iter::repeat_n(pad.to_le_bytes()[0], pad));
        let whole = plain.len();
        let cipher = cbc::Encryptor::<Aes256>::new(&self.key.into(), &self.iv().into());
        // The length is a multiple of the block, so there is no padding to fail.
        let sealed = cipher.encrypt_padded::<NoPadding>(&mut plain, whole);
        sealed
            .map(|bytes| STANDARD.encode(bytes))
            .unwrap_or_default()
    }

    /// Decrypts base64 ciphertext. `None` when it is no ciphertext of this key, its padding or length is wrong, or it
    /// was meant for another receiveid.
    #[must_use]
    pub fn decrypt(&self, encrypted: &str) -> Option<String> {
        let mut bytes = STANDARD.decode(encrypted).ok()?;
        let cipher = cbc::Decryptor::<Aes256>::new(&self.key.into(), &self.iv().into());
        let plain = cipher.decrypt_padded::<NoPadding>(&mut bytes).ok()?;
        let pad = usize::from(*plain.last()?);
        if pad == 0 || pad > PAD_TO {
            return None;
        }
        let plain = plain.get(16..plain.len().checked_sub(pad)?)?;
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (message, receive_id) = rest.split_at_checked(length)?;
        if receive_id != self.receive_id.as_bytes() {
            return None;
        }
        String::from_utf8(message.to_vec()).ok()
    }

    /// WeCom takes the first half of the key as the initial vector.
    fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.copy_from_slice(&self.key[..16]);
        iv
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
