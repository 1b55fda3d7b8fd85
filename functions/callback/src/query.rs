//! The query string, percent-decoded and nothing more.
//!
//! A form decoder would turn `+` into a space; signatures and ciphertexts are base64, where `+` is a digit
//! (WeCom doc 90930 asks for percent-decoding).

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::refusal::Refusal;

/// Parameters by name; of a repeated one, the first.
pub(crate) struct Query(HashMap<String, String>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .ok()
                .map(|text| text.into_owned())
        };
        let mut parameters = HashMap::new();
        for pair in raw.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (decode(name), decode(value)) {
                parameters.entry(name).or_insert(value);
            }
        }
        Self(parameters)
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Refusal> {
        let value = self.0.get(name).filter(|value| !value.is_empty());
        value
            .map(String::as_str)
            .ok_or(Refusal::MissingParameter(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_stays_plus_and_percent_is_decoded_once() {
        let query = Query::parse(
            "echostr=P9n%2B%2F%3D%3D+x&nonce=1&nonce=2&empty=&bad=%FF&%6ea=y&twice=%252B",
        );
        for (name, value) in [
            ("echostr", "P9n+/==+x"),
            ("nonce", "1"),
            ("na", "y"),
            ("twice", "%2B"),
        ] {
            assert_eq!(query.required(name).unwrap(), value);
        }
        for missing in ["empty", "bad", "other"] {
            assert!(query.required(missing).is_err(), "{missing}");
        }
    }
}
