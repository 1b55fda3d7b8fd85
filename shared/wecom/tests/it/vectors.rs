//! Vectors of the callback encryption: Tencent's own samples (A and B, WeCom doc 90968), an envelope seen in another
//! SDK's tests (C), and two made with known random bytes (D), so that sealing is checked byte for byte.

use wecom::CallbackCrypto;

/// One delivery that is known to be good.
pub(crate) struct Vector {
    pub(crate) name: &'static str,
    pub(crate) keys: Keys,
    pub(crate) msg_signature: &'static str,
    pub(crate) timestamp: &'static str,
    pub(crate) nonce: &'static str,
    pub(crate) encrypt: &'static str,
    pub(crate) plain: Plain,
}

/// What the message is known to be.
pub(crate) enum Plain {
    Exactly(&'static str),
    /// Its length in bytes and a part of it.
    About(usize, &'static str),
}

#[derive(Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) token: &'static str,
    pub(crate) aes_key: &'static str,
    pub(crate) receive_id: &'static str,
}

impl Keys {
    pub(crate) fn crypto(self) -> CallbackCrypto {
        CallbackCrypto::new(self.token, self.aes_key, self.receive_id).unwrap()
    }
}

pub(crate) const A: Keys = Keys {
    token: "QDG6eK",
    aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    receive_id: "wx5823bf96d3bd56c7",
};
pub(crate) const B: Keys = Keys {
    token: "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo",
    aes_key: "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt",
    receive_id: "ww1436e0e65a779aee",
};
const C: Keys = Keys {
    token: "kz7Yx62CH8SaLN",
    aes_key: "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP",
    receive_id: "ww6a112864f8022910",
};

pub(crate) const OPENED: &[Vector] = &[
    Vector {
        name: "A1",
        keys: A,
        msg_signature: "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        timestamp: "1409659589",
        nonce: "263014780",
        encrypt: "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
        plain: Plain::Exactly("1616140317555161061"),
    },
    Vector {
        name: "A2",
        keys: A,
        msg_signature: "477715d11cdb4164915debcba66cb864d751f3e6",
        timestamp: "1409659813",
        nonce: "1372623149",
        encrypt: "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
        plain: Plain::Exactly(
            "<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName><![CDATA[mycreate]]></FromUserName>\n<CreateTime>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[hello]]></Content>\n<MsgId>4561255354251345929</MsgId>\n<AgentID>218</AgentID>\n</xml>",
        ),
    },
    Vector {
        name: "B1",
        keys: B,
        msg_signature: "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb",
        timestamp: "1476416373",
        nonce: "47744683",
        encrypt: "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA==",
        plain: Plain::Exactly("1288432023552776189"),
    },
    Vector {
        name: "B2",
        keys: B,
        msg_signature: "0c3914025cb4b4d68103f6bfc8db550f79dcf48e",
        timestamp: "1476422779",
        nonce: "1597212914",
        encrypt: "Kl7kjoSf6DMD1zh7rtrHjFaDapSCkaOnwu3bqLc5tAybhhMl9pFeK8NslNPVdMwmBQTNoW4mY7AIjeLvEl3NyeTkAgGzBhzTtRLNshw2AEew+kkYcD+Fq72Kt00fT0WnN87hGrW8SqGc+NcT3mu87Ha3dz1pSDi6GaUA6A0sqfde0VJPQbZ9U+3JWcoD4Z5jaU0y9GSh010wsHF8KZD24YhmZH4ch4Ka7ilEbjbfvhKkNL65HHL0J6EYJIZUC2pFrdkJ7MhmEbU2qARR4iQHE7wy24qy0cRX3Mfp6iELcDNfSsPGjUQVDGxQDCWjayJOpcwocugux082f49HKYg84EpHSGXAyh+/oxwaWbvL6aSDPOYuPDGOCI8jmnKiypE+",
        plain: Plain::Exactly(
            "<xml><ToUserName>ww1436e0e65a779aee</ToUserName><FromUserName>ChenJiaShun</FromUserName><CreateTime>1476422779</CreateTime><MsgType>text</MsgType><Content>你好</Content><MsgId>1456453720</MsgId><AgentID>1000002</AgentID></xml>",
        ),
    },
    Vector {
        name: "B3",
        keys: B,
        msg_signature: "e3647471e395139e2308c1fa963f2d648a00b90e",
        timestamp: "1409659813",
        nonce: "1372623149",
        encrypt: "cjhLUX7UU4yCSelv1vz7T0zT8huF51bAMVWriNvO1FMegHrQZNrtvRxbwf0fUPsFvwqR0U0fgiJNEA5Y30F2MoI2S7vv3EjVQ68C0cjw9frBoUE2Hj0BvFp9h3u6Vbsg4lc1C8AtHdaN8orKuNKkLRLuYEL52R1J3v8olJGZRLnRdVKIivixmX/eQpzgeExtp20jI1HxRP1AAZ6xZoILdqDPO549LO4WeG+685JRUTdiwcY5fjZlqeMxuT4PpMn1X9OWsS7NRj06Wa5E3Tvg4twjWp39KPfOdRte6P1T4JU=",
        plain: Plain::About(176, ":mycreate"),
    },
    Vector {
        name: "C",
        keys: C,
        msg_signature: "f265ae551b1932727204c3d707628d01376a6940",
        timestamp: "1583995625",
        nonce: "1584392382",
        encrypt: "EUCt7xMcNiyASzZj0Hjc5yDjFQrCum6AfQ3ntHiUzjGQ51xieKmbvtrZ40/EcB2W/W8yH0n4Lqx48gJl/T9HD/R309I0P/r5pIZucK3lyEn48FYMr4YdE0QdL2jIJ3xkcXUr6uzefzCxG6lMvwpAJaOyVCzN7sRRw47njfxy5EIqU6R9ZBhlTzfdnhhOhK/nTwzrZX3SoGlXFA9OBeZ6ru1NWpXFk76x9DUMe0lcxPPiUqK8ctnQcYXSGUHVqC6DfG7E7mab0OmruNN8cBZY5d3dYOBA4OgaH55Q0AJmUpdT8vNiXpXx+6TxT3TIjySXpDrHVyrsb772aYywgg/Nu4kUmGkALwFZlzhjNegR7wDwb9lr4ERXsSSS8JZ8lbBmaQ3F2Tq584xoPj5rIhXAF734ynm4no1g+SdHiNqR328=",
        plain: Plain::About(269, "x123"),
    },
    Vector {
        name: "D1",
        keys: A,
        msg_signature: "68f5dc43743f9cc82ad8ea2a52b524c675af7803",
        timestamp: "1409659813",
        nonce: "1372623149",
        encrypt: "sKqRbbiSUnDhFHOvPjtUMUNeky1yBjV3tIYfilQwj5fN/Js8KUsEWgVXPlHti2RHT6dIU70aNopY/r2YT/zocnNvNMINRv0id5aSeETI1s02SAEnZMIWt6fVqyK7irt5+LzsEgzU2+PBfYup8ovuaCu+9taHYr8YVF6U9Up9iZ16WlEmu/k1FJF4bI/LICkN8lVX/Q33kLnZ0DWcKwZMCKslSAq62JMlRf5YNUk+bnuHVW/OYk8e92Pbspu05Vey6KyBtAXHdWns7Z5HM4ri+Dx/5SqvZu0AjtIIoicwqzeadA2JeFdbjpMgCRTSX6F2ADH/rio9XbaiCvgpmF1qyjxSH4zOz32BCgpC46a07fWlqpD/+PxtMiWcMwSlrD+t",
        plain: Plain::Exactly(D1_MESSAGE),
    },
];

/// Messages sealed with the random bytes `0123456789abcdef`; the second fills its last block, so a whole block of
/// padding follows.
pub(crate) const SEALED: [(Keys, &str, &str); 2] = [
    (
        A,
        D1_MESSAGE,
        "sKqRbbiSUnDhFHOvPjtUMUNeky1yBjV3tIYfilQwj5fN/Js8KUsEWgVXPlHti2RHT6dIU70aNopY/r2YT/zocnNvNMINRv0id5aSeETI1s02SAEnZMIWt6fVqyK7irt5+LzsEgzU2+PBfYup8ovuaCu+9taHYr8YVF6U9Up9iZ16WlEmu/k1FJF4bI/LICkN8lVX/Q33kLnZ0DWcKwZMCKslSAq62JMlRf5YNUk+bnuHVW/OYk8e92Pbspu05Vey6KyBtAXHdWns7Z5HM4ri+Dx/5SqvZu0AjtIIoicwqzeadA2JeFdbjpMgCRTSX6F2ADH/rio9XbaiCvgpmF1qyjxSH4zOz32BCgpC46a07fWlqpD/+PxtMiWcMwSlrD+t",
    ),
    (
        B,
        "xxxxxxxxxxxxxxxxxxxxxxxxxx",
        "scEag1243Fmy/fYz4Ux8D5qlE1LLwpysJYA0A4J1OhHk2O9PNxIF9aNVjYD4Nf0yb8DneoGKweWU8wpfGPFzVCc8p7hej3mXv+s495wRIxOBLZHh8TG7uDQ95Uho7jwV",
    ),
];

const D1_MESSAGE: &str = "<xml><ToUserName><![CDATA[mycreate]]></ToUserName><FromUserName><![CDATA[wx5823bf96d3bd56c7]]></FromUserName><CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[this is a test]]></Content></xml>";
