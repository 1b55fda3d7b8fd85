//! The encryption of callbacks (WeCom doc 90968): verify and open what WeCom sends, seal what goes back.
//!
//! The signature is checked before anything is decrypted, and decryption has no door of its own.

mod sealed;

pub use sealed::Sealed;

use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use std::fmt;

/// Letters and digits of an EncodingAESKey: 43 characters of base64 without their `=` are 32 bytes (WeCom doc 90968).
const ENCODED_KEY_LEN: usize = 43;
/// The longest token that the console accepts, in characters (WeCom doc 90930).
const TOKEN_MAX_LEN: usize = 32;
/// WeCom pads to this multiple, twice the block of AES, so pads of 17 to 32 are normal (WeCom doc 90968).
const PAD_BLOCK: usize = 32;
/// The block of AES in bytes.
const AES_BLOCK: usize = 16;
/// Random bytes in front of the plaintext.
const RANDOM_LEN: usize = 16;
/// Random bytes and the length field, both in front of the message.
const HEADER_LEN: usize = RANDOM_LEN + 4;

/// Base64 as WeCom writes it: random keys have bits left over in their last character, which strict decoders refuse,
/// and padding is there or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Opens and seals the callbacks of one app. `Debug` shows the receiver only; keys are wiped when it is dropped.
pub struct CallbackCrypto {
    token: SecretString,
    receive_id: String,
    /// The first half of the key, so it is kept as one.
    iv: SecretBox<[u8; AES_BLOCK]>,
    encrypting: EncryptingKey,
    decrypting: DecryptingKey,
}

/// What the query of a callback says about its body (WeCom doc 90930). Percent-decode the values once.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// Lower-case hex of the SHA-1, 40 characters.
    pub msg_signature: &'a str,
    /// Unix seconds as text.
    pub timestamp: &'a str,
    /// Any text.
    pub nonce: &'a str,
}

/// A token or key that cannot be one. Both come from the app's page in the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The token is not 1 to 32 letters and digits.
    #[error("token must be 1 to 32 letters and digits")]
    Token,
    /// The EncodingAESKey is not 43 letters and digits.
    #[error("encoding_aes_key must be 43 letters and digits")]
    EncodingAesKey,
}

/// Why a callback was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The signature is not that of these values under this token. Nothing was decrypted.
    #[error("the signature does not match")]
    SignatureMismatch,
    /// The text is not base64.
    #[error("the encrypted text is not base64")]
    NotBase64,
    /// The ciphertext is empty or not whole blocks of AES.
    #[error("the encrypted text is not a whole number of blocks")]
    WrongLength,
    /// The last byte is no pad of 1 to 32, or the pad is not made of it: most often another EncodingAESKey.
    #[error("the padding is wrong; is the EncodingAESKey of this app?")]
    WrongPadding,
    /// The length field points beyond the text, or there is no room for it.
    #[error("the length field points beyond the text")]
    Truncated,
    /// The message is for another company, suite or app.
    #[error("the message is for another receiver")]
    ForeignReceiver,
    /// The message is not UTF-8.
    #[error("the message is not UTF-8")]
    NotUtf8,
}

/// Why a message was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The message is longer than the 32-bit length field can say.
    #[error("the message is longer than 4 GiB")]
    TooLong,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

impl CallbackCrypto {
    /// Takes the three values of the console's "receive messages" page (WeCom doc 90930).
    ///
    /// `receive_id` is what messages must be addressed to: the corp id for an app of one's own, the suite id for the
    /// commands of a third-party suite, empty for an AI bot (WeCom doc 101033) and for suites of private persons.
    ///
    /// # Errors
    /// [`InvalidKey`] names the value that is wrong.
    pub fn new(token: &str, encoding_aes_key: &str, receive_id: &str) -> Result<Self, InvalidKey> {
        let alphanumeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !(1..=TOKEN_MAX_LEN).contains(&token.len()) || !alphanumeric(token) {
            return Err(InvalidKey::Token);
        }
        if encoding_aes_key.len() != ENCODED_KEY_LEN || !alphanumeric(encoding_aes_key) {
            return Err(InvalidKey::EncodingAesKey);
        }
        let key =
            Zeroizing::new(decode_lenient(encoding_aes_key).ok_or(InvalidKey::EncodingAesKey)?);
        let iv = key.first_chunk().ok_or(InvalidKey::EncodingAesKey)?;
        let unbound = || UnboundCipherKey::new(&AES_256, &key);
        let encrypting = unbound().and_then(EncryptingKey::cbc);
        let decrypting = unbound().and_then(DecryptingKey::cbc);
        Ok(Self {
            token: SecretString::from(token),
            receive_id: receive_id.to_owned(),
            iv: SecretBox::new(Box::new(*iv)),
            encrypting: encrypting.map_err(|_| InvalidKey::EncodingAesKey)?,
            decrypting: decrypting.map_err(|_| InvalidKey::EncodingAesKey)?,
        })
    }

    /// Verifies the signature, then decrypts `encrypted`: the `Encrypt` text of a delivery, or the `echostr` of the
    /// URL verification, whose plaintext is the whole answer (WeCom doc 90930).
    ///
    /// # Errors
    /// [`OpenError::SignatureMismatch`] before anything else; the other variants only under a valid signature.
    ///
    /// # Examples
    /// The URL verification, with WeCom's part played by [`seal`](Self::seal):
    ///
    /// ```
    /// use wecom::{CallbackCrypto, OpenError, Signature};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    /// let crypto = CallbackCrypto::new("QDG6eK", key, "wx5823bf96d3bd56c7")?;
    /// let sealed = crypto.seal("1616140317555161061", "1409659589", "263014780")?;
    ///
    /// let signature = Signature {
    ///     msg_signature: &sealed.msg_signature,
    ///     timestamp: &sealed.timestamp,
    ///     nonce: &sealed.nonce,
    /// };
    /// let echostr = sealed.encrypt.as_str();
    /// assert_eq!(crypto.open(&signature, echostr)?, "1616140317555161061");
    ///
    /// let later = Signature { timestamp: "1409659590", ..signature };
    /// assert_eq!(crypto.open(&later, echostr), Err(OpenError::SignatureMismatch));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(&self, signature: &Signature<'_>, encrypted: &str) -> Result<String, OpenError> {
        let opened = self.open_bytes(signature, encrypted)?;
        String::from_utf8(opened).map_err(|_| OpenError::NotUtf8)
    }

    /// The same as bytes: of an event whose text was cut inside of a character, everything else can still be read.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for [`OpenError::NotUtf8`].
    pub fn open_bytes(
        &self,
        signature: &Signature<'_>,
        encrypted: &str,
    ) -> Result<Vec<u8>, OpenError> {
        let expected = self.sign(signature.timestamp, signature.nonce, encrypted);
        verify_slices_are_equal(expected.as_bytes(), signature.msg_signature.as_bytes())
            .map_err(|_| OpenError::SignatureMismatch)?;
        self.decrypt(encrypted)
    }

    /// Encrypts and signs a message with fresh random bytes.
    ///
    /// # Errors
    /// [`SealError::TooLong`] over 4 GiB; [`SealError::NoRandomness`] if the system has none.
    pub fn seal(&self, message: &str, timestamp: &str, nonce: &str) -> Result<Sealed, SealError> {
        if u32::try_from(message.len()).is_err() {
            return Err(SealError::TooLong);
        }
        let mut random = [0; RANDOM_LEN];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| SealError::NoRandomness)?;
        Ok(self.seal_with(random, message, timestamp, nonce))
    }

    /// Encrypts and signs with the given first 16 bytes, for test vectors and replays. Everything else takes
    /// [`CallbackCrypto::seal`]: equal random bytes make equal messages visible as equal.
    ///
    /// # Panics
    /// If the message is longer than 4 GiB.
    #[expect(
        clippy::expect_used,
        reason = "the length is documented above, and a buffer of whole blocks under a key of the right size always \
                  encrypts"
    )]
    pub fn seal_with(
        &self,
        random: [u8; RANDOM_LEN],
        message: &str,
        timestamp: &str,
        nonce: &str,
    ) -> Sealed {
        let length = u32::try_from(message.len()).expect("a message of at most 4 GiB");
        let mut buffer =
            Vec::with_capacity(HEADER_LEN + message.len() + self.receive_id.len() + PAD_BLOCK);
        buffer.extend_from_slice(&random);
        buffer.extend_from_slice(&length.to_be_bytes());
        buffer.extend_from_slice(message.as_bytes());
        buffer.extend_from_slice(self.receive_id.as_bytes());
        pad(&mut buffer);
        let context = EncryptionContext::Iv128(self.iv());
        self.encrypting
            .less_safe_encrypt(&mut buffer, context)
            .expect("whole blocks and a key of 32 bytes");
        let encrypt = BASE64_STANDARD.encode(&buffer);
        Sealed {
            msg_signature: self.sign(timestamp, nonce, &encrypt),
            encrypt,
            timestamp: timestamp.to_owned(),
            nonce: nonce.to_owned(),
        }
    }

    /// SHA-1 over the four values in byte order, without separators, as lower-case hex (WeCom doc 90968).
    fn sign(&self, timestamp: &str, nonce: &str, encrypted: &str) -> String {
        let mut parts = [self.token.expose_secret(), timestamp, nonce, encrypted];
        parts.sort_unstable();
        let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        parts.iter().for_each(|part| hash.update(part.as_bytes()));
        hex::encode(hash.finish())
    }

    /// Private, so that nothing can be decrypted that was not verified.
    fn decrypt(&self, encrypted: &str) -> Result<Vec<u8>, OpenError> {
        let mut buffer = decode_lenient(encrypted).ok_or(OpenError::NotBase64)?;
        if buffer.is_empty() || buffer.len() % AES_BLOCK != 0 {
            return Err(OpenError::WrongLength);
        }
        let context = DecryptionContext::Iv128(self.iv());
        let padded = self
            .decrypting
            .decrypt(&mut buffer, context)
            .map_err(|_| OpenError::WrongLength)?;
        let (message, receiver) = split(strip_pad(padded)?)?;
        if receiver != self.receive_id.as_bytes() {
            return Err(OpenError::ForeignReceiver);
        }
        // The buffer becomes the message: what stands around it is cut off.
        let end = HEADER_LEN + message.len();
        buffer.truncate(end);
        buffer.drain(..HEADER_LEN);
        Ok(buffer)
    }

    fn iv(&self) -> FixedLength<AES_BLOCK> {
        FixedLength::from(self.iv.expose_secret())
    }
}

impl fmt::Debug for CallbackCrypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackCrypto")
            .field("receive_id", &self.receive_id)
            .finish_non_exhaustive()
    }
}

fn decode_lenient(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

/// PKCS#7 with blocks of 32: a full block is added where the text already fills its last one.
fn pad(buffer: &mut Vec<u8>) {
    let pad = PAD_BLOCK - buffer.len() % PAD_BLOCK;
    // A pad is at most 32, so it fits a byte.
    buffer.resize(buffer.len() + pad, pad as u8);
}

fn strip_pad(padded: &[u8]) -> Result<&[u8], OpenError> {
    let pad = usize::from(*padded.last().ok_or(OpenError::WrongLength)?);
    if !(1..=PAD_BLOCK).contains(&pad) || pad > padded.len() {
        return Err(OpenError::WrongPadding);
    }
    let (text, filling) = padded.split_at(padded.len() - pad);
    if filling.iter().any(|&byte| usize::from(byte) != pad) {
        return Err(OpenError::WrongPadding);
    }
    Ok(text)
}

/// Takes `random ‖ length ‖ message ‖ receiver` apart.
fn split(text: &[u8]) -> Result<(&[u8], &[u8]), OpenError> {
    let (header, rest) = text
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(OpenError::Truncated)?;
    let [.., a, b, c, d] = *header;
    let length =
        usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| OpenError::Truncated)?;
    rest.split_at_checked(length).ok_or(OpenError::Truncated)
}
