//! The error answers of the API: one table of codes with their texts (WeCom doc 90313).

use serde_json::{Value, json};

use crate::model::BadToken;

/// An `errcode` other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) i64);

impl Refusal {
    /// The answer as WeCom words it. Its tail changes from call to call, so that nobody can match on the text.
    pub(crate) fn answer(self, hint: &str) -> Value {
        let Self(code) = self;
        let text = text(code);
        let help = format!("https://open.work.weixin.qq.com/devtool/query?e={code}");
        let errmsg = format!("{text}, hint: [{hint}], from ip: 127.0.0.1, more info at {help}");
        json!({"errcode": code, "errmsg": errmsg})
    }
}

impl From<BadToken> for Refusal {
    fn from(bad: BadToken) -> Self {
        match bad {
            BadToken::Invalid => Self(40014),
            BadToken::Expired => Self(42001),
        }
    }
}

fn text(code: i64) -> &'static str {
    match code {
        -1 => "system busy",
        40001 => "invalid credential",
        40003 => "invalid userid",
        40004 => "invalid media type",
        40005 => "invalid type parameter",
        40006 => "invalid file size",
        40007 => "invalid media_id",
        40008 => "invalid msgtype",
        40009 => "invalid image size",
        40011 => "invalid video size",
        40013 => "invalid corpid",
        40014 => "invalid access_token",
        40032 => "invalid userid list length",
        40033 => "invalid request character, \\uxxxx is not allowed",
        40035 => "invalid parameter",
        40050 => "chatid not exist",
        40056 => "invalid agentid",
        40058 => "invalid request parameter",
        40063 => "some parameters are empty",
        40066 => "invalid department list",
        40068 => "invalid tagid",
        40071 => "invalid tag name, already exists",
        40072 => "invalid tag name length",
        40096 => "invalid external userid",
        40126 => "too many corp tags",
        41001 => "access_token missing",
        41002 => "corpid missing",
        41004 => "corpsecret missing",
        41006 => "media_id missing",
        41009 => "userid missing",
        41011 => "agentid missing",
        41035 => "external userid missing",
        41037 => "contact way type missing",
        41038 => "contact way scene missing",
        41039 => "invalid contact way type",
        41040 => "invalid contact way scene",
        41041 => "invalid contact way number of users",
        41042 => "invalid contact way style",
        41043 => "contact way config_id missing",
        41044 => "invalid contact way config_id",
        41049 => "welcome code missing",
        41050 => "invalid welcome code",
        41051 => "external user has started chatting",
        41064 => "attachments exceed limit",
        41065 => "invalid attachment type",
        41096 => "welcome message is being distributed",
        41111 => "invalid tag list size",
        41200 => "business category not allowed",
        42001 => "access_token expired",
        44001 => "empty media data",
        45009 => "api freq out of limit",
        45033 => "api concurrent out of limit",
        45035 => "concurrent modification of the same data",
        48002 => "api forbidden",
        49008 => "chat is dissolved",
        50100 => "invalid cursor",
        60003 => "department not found",
        60011 => "no privilege to access/modify contact/party/agent",
        60111 => "userid not found",
        60123 => "invalid party id",
        81011 => "no permission to access this tag",
        81017 => "too many items requested",
        84061 => "not external contact",
        301_002 => "agentid does not belong to this app",
        _ => "error",
    }
}
