//! The data of the benches: one encrypted add event with realistic lengths, and the rows of its customer.

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::relation::{Observation, Reading, Relation};
use domain::welcome::{Candidates, ChannelWelcome, Welcome};
use jiff::Timestamp;
use wecom::{AppName, CallbackCrypto, CorpId, Sealed, Signature};

const TOKEN: &str = "QDG6eKjWmYm7qr5nMoAUwZRjGtBxmz3K";
const KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2A";
const CORP: &str = "ww5823bf96d3bd56c7";
const TIMESTAMP: &str = "1700000003";
const NONCE: &str = "1372623149";
const RANDOM: [u8; 16] = *b"0123456789abcdef";

/// An add by a channel's code, with ids and codes as long as WeCom's: the body is 1 KB.
const PLAINTEXT: &str = "<xml><ToUserName><![CDATA[ww5823bf96d3bd56c7]]></ToUserName>\
<FromUserName><![CDATA[sys]]></FromUserName>\
<CreateTime>1700000000</CreateTime>\
<MsgType><![CDATA[event]]></MsgType>\
<Event><![CDATA[change_external_contact]]></Event>\
<ChangeType><![CDATA[add_external_contact]]></ChangeType>\
<UserID><![CDATA[ZhangSan.Sales-East_China.Shanghai.Exhibition.0000000000000123]]></UserID>\
<ExternalUserID><![CDATA[wmqfasd1e1927831291723123109rAAA]]></ExternalUserID>\
<State><![CDATA[ch7k3m9x2p4q8wz]]></State>\
<WelcomeCode><![CDATA[Qw3rTy5uIo9pAs1dFg7hJk2lZx8cVb4nM6QwErTyUiOpAsDfGhJkLzXcVbNm1234]]></WelcomeCode>\
</xml>";

/// A welcome as an operator writes it: each placeholder, about 100 characters.
const TEXT: &str = "{customer}您好，欢迎添加{member}！您是通过「{channel}」找到我们的，现在回复任意内容即可领取新人礼包，\
如需了解产品介绍、价格和售后政策，请直接留言，{member}会在工作时间内尽快回复您。祝您生活愉快，期待为您服务。";

/// One delivery, and the keys to decrypt it.
pub(super) struct Delivery {
    pub(super) crypto: CallbackCrypto,
    pub(super) sealed: Sealed,
    /// The body as WeCom posts it.
    pub(super) body: String,
    pub(super) plaintext: &'static str,
    pub(super) corp: CorpId,
    pub(super) app: AppName,
    raw_key: DecryptingKey,
    iv: [u8; 16],
}

impl Delivery {
    pub(super) fn new() -> Result<Self, String> {
        let crypto = CallbackCrypto::new(TOKEN, KEY, CORP).map_err(|error| error.to_string())?;
        let sealed = crypto.seal_with(RANDOM, PLAINTEXT, TIMESTAMP, NONCE);
        let key = BASE64_STANDARD
            .decode(format!("{KEY}="))
            .map_err(|error| error.to_string())?;
        let iv = *key.first_chunk().ok_or("the key is too short")?;
        let raw_key = UnboundCipherKey::new(&AES_256, &key).and_then(DecryptingKey::cbc);
        Ok(Self {
            crypto,
            body: sealed.to_delivery_xml(CORP, Some("1000002")),
            sealed,
            plaintext: PLAINTEXT,
            corp: CorpId::from(CORP),
            app: AppName::from("contact"),
            raw_key: raw_key.map_err(|error| error.to_string())?,
            iv,
        })
    }

    pub(super) fn signature(&self) -> Signature<'_> {
        Signature {
            msg_signature: &self.sealed.msg_signature,
            timestamp: TIMESTAMP,
            nonce: NONCE,
        }
    }

    /// The work that no implementation can avoid, with the libraries alone: SHA-1 over the parameters, base64,
    /// AES-256-CBC.
    pub(super) fn raw(&self) -> Result<Vec<u8>, Unspecified> {
        let mut parts = [TOKEN, TIMESTAMP, NONCE, &self.sealed.encrypt];
        parts.sort_unstable();
        let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        parts.iter().for_each(|part| hash.update(part.as_bytes()));
        std::hint::black_box(hash.finish());
        let mut buffer = BASE64_STANDARD
            .decode(&self.sealed.encrypt)
            .map_err(|_| Unspecified)?;
        let context = DecryptionContext::Iv128(FixedLength::from(&self.iv));
        self.raw_key.decrypt(&mut buffer, context)?;
        Ok(buffer)
    }
}

/// The welcome of a channel, its text with every placeholder.
pub(super) fn candidates() -> Candidates {
    let welcome = Welcome {
        text: Some(TEXT.to_owned()),
        ..Welcome::default()
    };
    let channel = ChannelWelcome {
        name: "上海展会 A12".to_owned(),
        welcome: Some(welcome),
    };
    Candidates {
        channel: Some(channel),
        ..Candidates::default()
    }
}

/// A stored relation, and two readings of it: one without changes, and one with another remark and an additional tag.
pub(super) struct Rows {
    pub(super) stored: Relation,
    pub(super) unchanged: Observation,
    pub(super) changed: Observation,
    pub(super) later: Reading,
}

impl Rows {
    pub(super) fn new() -> Result<Self, String> {
        let unchanged = Observation {
            contact: read(
                r#"{"external_userid":"wmqfasd1e1927831291723123109rAAA","name":"李四","type":1,"gender":2,
                    "avatar":"https://wx.qlogo.cn/mmhead/Q3auHgzwzM7Rr3uGkVvKqQn8tXxW0JcYbZ1uLrT5eBk/0",
                    "unionid":"ozynqsulJFCZ2z1aYeS8h-nuasdAAA"}"#,
            )?,
            follow: read(
                r#"{"userid":"zhangsan","remark":"李部长-上海展会","description":"对接采购事务","createtime":1700000000,
                    "tag_id":["etAJ2GCAAAXtWyujaWJHDDGi0mACHAAA","etAJ2GCAAAXtWyujaWJHDDGi0mACHBBB"],
                    "remark_corp_name":"腾讯科技","remark_mobiles":["13600000001"],"oper_userid":"zhangsan",
                    "add_way":1,"state":"ch7k3m9x2p4q8wz"}"#,
            )?,
        };
        let mut changed = unchanged.clone();
        changed.follow.remark = "李部长-上海展会-已签约".into();
        changed
            .follow
            .tag_id
            .push("etAJ2GCAAAXtWyujaWJHDDGi0mACHCCC".into());
        let reading = |at| Reading {
            at: Timestamp::from_second(at).unwrap_or_default(),
            trigger: domain::relation::Trigger::Scheduled,
        };
        let stored = Relation::read(None, &unchanged, reading(1_700_000_010));
        // Otherwise a relation without a channel would be measured.
        stored
            .channel()
            .ok_or("the state is not the id of a channel")?;
        Ok(Self {
            stored,
            unchanged,
            changed,
            later: reading(1_700_090_000),
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}
