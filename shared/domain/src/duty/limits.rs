//! A limit for one member is written once: userids ignore case, and of two spellings one would be lost.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use wecom::UserId;

type Limits = BTreeMap<UserId, u32>;

pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    struct Written;
    impl<'de> Visitor<'de> for Written {
        type Value = Limits;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of limits by userid")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Limits, A::Error> {
            let mut limits = Limits::new();
            while let Some((user, limit)) = map.next_entry::<UserId, u32>()? {
                if limits.contains_key(&user) {
                    let message = format!("`{user}` is named twice (userids ignore case)");
                    return Err(A::Error::custom(message));
                }
                limits.insert(user, limit);
            }
            Ok(limits)
        }
    }
    deserializer.deserialize_map(Written)
}
