//! The vectors of WeCom's documents and samples, and hostile ciphertext.

use super::Seal;

struct Keys {
    token: &'static str,
    key: &'static str,
    receive_id: &'static str,
}

/// The sample of WeCom doc 90968.
const OFFICIAL: Keys = Keys {
    token: "QDG6eK",
    key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    receive_id: "wx5823bf96d3bd56c7",
};
/// The sample of the official Python library.
const PYTHON: Keys = Keys {
    token: "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo",
    key: "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt",
    receive_id: "ww1436e0e65a779aee",
};
/// The sample of the go-workwx library.
const GO: Keys = Keys {
    token: "kz7Yx62CH8SaLN",
    key: "cD0d7jx4tYvVtzqrmh3Dm3QFCXe6f8SlHoMtMh3qQEP",
    receive_id: "ww6a112864f8022910",
};

const OFFICIAL_ECHO: &str =
    "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";
const OFFICIAL_MESSAGE: &str = "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==";
const PYTHON_ECHO: &str =
    "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA==";
const PYTHON_MESSAGE: &str = "Kl7kjoSf6DMD1zh7rtrHjFaDapSCkaOnwu3bqLc5tAybhhMl9pFeK8NslNPVdMwmBQTNoW4mY7AIjeLvEl3NyeTkAgGzBhzTtRLNshw2AEew+kkYcD+Fq72Kt00fT0WnN87hGrW8SqGc+NcT3mu87Ha3dz1pSDi6GaUA6A0sqfde0VJPQbZ9U+3JWcoD4Z5jaU0y9GSh010wsHF8KZD24YhmZH4ch4Ka7ilEbjbfvhKkNL65HHL0J6EYJIZUC2pFrdkJ7MhmEbU2qARR4iQHE7wy24qy0cRX3Mfp6iELcDNfSsPGjUQVDGxQDCWjayJOpcwocugux082f49HKYg84EpHSGXAyh+/oxwaWbvL6aSDPOYuPDGOCI8jmnKiypE+";
const GO_MESSAGE: &str = "EUCt7xMcNiyASzZj0Hjc5yDjFQrCum6AfQ3ntHiUzjGQ51xieKmbvtrZ40/EcB2W/W8yH0n4Lqx48gJl/T9HD/R309I0P/r5pIZucK3lyEn48FYMr4YdE0QdL2jIJ3xkcXUr6uzefzCxG6lMvwpAJaOyVCzN7sRRw47njfxy5EIqU6R9ZBhlTzfdnhhOhK/nTwzrZX3SoGlXFA9OBeZ6ru1NWpXFk76x9DUMe0lcxPPiUqK8ctnQcYXSGUHVqC6DfG7E7mab0OmruNN8cBZY5d3dYOBA4OgaH55Q0AJmUpdT8vNiXpXx+6TxT3TIjySXpDrHVyrsb772aYywgg/Nu4kUmGkALwFZlzhjNegR7wDwb9lr4ERXsSSS8JZ8lbBmaQ3F2Tq584xoPj5rIhXAF734ynm4no1g+SdHiNqR328=";
/// Encrypted under the random bytes `0123456789abcdef`, with the keys of the official sample.
const OURS: &str = "sKqRbbiSUnDhFHOvPjtUMUNeky1yBjV3tIYfilQwj5fN/Js8KUsEWgVXPlHti2RHT6dIU70aNopY/r2YT/zocnNvNMINRv0id5aSeETI1s02SAEnZMIWt6fVqyK7irt5+LzsEgzU2+PBfYup8ovuaCu+9taHYr8YVF6U9Up9iZ16WlEmu/k1FJF4bI/LICkN8lVX/Q33kLnZ0DWcKwZMCKslSAq62JMlRf5YNUk+bnuHVW/OYk8e92Pbspu05Vey6KyBtAXHdWns7Z5HM4ri+Dx/5SqvZu0AjtIIoicwqzeadA2JeFdbjpMgCRTSX6F2ADH/rio9XbaiCvgpmF1qyjxSH4zOz32BCgpC46a07fWlqpD/+PxtMiWcMwSlrD+t";
/// The same random bytes with the keys of the Python sample, where the padding is a full 32 bytes.
const FULL_PAD: &str = "scEag1243Fmy/fYz4Ux8D5qlE1LLwpysJYA0A4J1OhHk2O9PNxIF9aNVjYD4Nf0yb8DneoGKweWU8wpfGPFzVCc8p7hej3mXv+s495wRIxOBLZHh8TG7uDQ95Uho7jwV";
const OURS_PLAIN: &str = "<xml><ToUserName><![CDATA[mycreate]]></ToUserName><FromUserName><![CDATA[wx5823bf96d3bd56c7]]></FromUserName><CreateTime>1348831860</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[this is a test]]></Content></xml>";
const PYTHON_PLAIN: &str = "<xml><ToUserName>ww1436e0e65a779aee</ToUserName><FromUserName>ChenJiaShun</FromUserName><CreateTime>1476422779</CreateTime><MsgType>text</MsgType><Content>你好</Content><MsgId>1456453720</MsgId><AgentID>1000002</AgentID></xml>";

fn seal(keys: &Keys) -> Seal {
    Seal::new(keys.token, keys.key, keys.receive_id).expect("the keys of a sample are good")
}

#[test]
fn signatures_are_those_of_the_samples() {
    for (keys, timestamp, nonce, encrypted, expected) in [
        (
            &OFFICIAL,
            "1409659589",
            "263014780",
            OFFICIAL_ECHO,
            "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        ),
        (
            &OFFICIAL,
            "1409659813",
            "1372623149",
            OFFICIAL_MESSAGE,
            "477715d11cdb4164915debcba66cb864d751f3e6",
        ),
        (
            &OFFICIAL,
            "1409659813",
            "1372623149",
            OURS,
            "68f5dc43743f9cc82ad8ea2a52b524c675af7803",
        ),
        (
            &PYTHON,
            "1476416373",
            "47744683",
            PYTHON_ECHO,
            "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb",
        ),
        (
            &PYTHON,
            "1476422779",
            "1597212914",
            PYTHON_MESSAGE,
            "0c3914025cb4b4d68103f6bfc8db550f79dcf48e",
        ),
        (
            &GO,
            "1583995625",
            "1584392382",
            GO_MESSAGE,
            "f265ae551b1932727204c3d707628d01376a6940",
        ),
    ] {
        assert_eq!(seal(keys).signature(timestamp, nonce, encrypted), expected);
    }
}

#[test]
fn what_the_samples_encrypted_is_decrypted() {
    for (keys, encrypted, expected) in [
        (&OFFICIAL, OFFICIAL_ECHO, "1616140317555161061"),
        (&OFFICIAL, OURS, OURS_PLAIN),
        (&PYTHON, PYTHON_ECHO, "1288432023552776189"),
        (&PYTHON, PYTHON_MESSAGE, PYTHON_PLAIN),
        (&PYTHON, FULL_PAD, "xxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ] {
        assert_eq!(seal(keys).decrypt(encrypted).as_deref(), Some(expected));
    }
    for (keys, encrypted, bytes, part) in [
        (&OFFICIAL, OFFICIAL_MESSAGE, 284, "<![CDATA[hello]]>"),
        (&GO, GO_MESSAGE, 269, "x123"),
    ] {
        let message = seal(keys).decrypt(encrypted).expect("the sample is good");
        assert_eq!(message.len(), bytes);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_same_random_bytes_give_the_same_ciphertext() {
    let random = *b"0123456789abcdef";
    for (keys, message, expected) in [
        (&OFFICIAL, OURS_PLAIN, OURS),
        (&PYTHON, "xxxxxxxxxxxxxxxxxxxxxxxxxx", FULL_PAD),
    ] {
        assert_eq!(seal(keys).encrypt(random, message), expected);
    }
}

#[test]
fn what_is_not_for_this_seal_is_refused() {
    let foreign =
        Seal::new(OFFICIAL.token, OFFICIAL.key, "ww0000000000000001").expect("a good key");
    for (seal, encrypted) in [
        (&foreign, OURS),
        (&seal(&PYTHON), OURS),
        (&seal(&OFFICIAL), "no base64"),
        (&seal(&OFFICIAL), "AAAA"),
        (&seal(&OFFICIAL), ""),
        (&seal(&OFFICIAL), &OURS[..64]),
    ] {
        assert_eq!(seal.decrypt(encrypted), None, "{encrypted}");
    }
}

#[test]
fn a_key_is_43_characters_of_base64() {
    for key in [
        "",
        "short",
        &OFFICIAL.key[1..],
        &format!("{}=", OFFICIAL.key),
        &"!".repeat(43),
    ] {
        assert!(Seal::new("token", key, "ww1").is_none(), "{key}");
    }
}
