//! Media: uploaded, read, used in a welcome, and gone.

use serde_json::{Value, json};
use wecom_sandbox::{Body, Scan};

use crate::support::{World, code, world};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand some more";

async fn upload(world: &World, path: &str, part: &'static str, bytes: &[u8]) -> Value {
    let token = world.token("contact").await;
    let join = if path.contains('?') { '&' } else { '?' };
    let url = format!(
        "{}/cgi-bin/{path}{join}access_token={token}",
        world.served.base_url
    );
    let file = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name("a.png");
    let form = reqwest::multipart::Form::new().part(part, file);
    let answer = world
        .http
        .post(url)
        .multipart(form)
        .send()
        .await
        .expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn uploads_are_checked() {
    let world = world().await;
    let large = [PNG, &vec![0; 2 * 1024 * 1024]].concat();
    for (path, part, bytes, expected) in [
        ("media/upload?type=image", "media", PNG, 0),
        ("media/upload?type=file", "media", b"plain text", 0),
        ("media/upload?type=picture", "media", PNG, 40005),
        ("media/upload", "media", PNG, 40005),
        ("media/upload?type=image", "file", PNG, 41006),
        ("media/upload?type=file", "media", b"tiny", 40006),
        (
            "media/upload?type=image",
            "media",
            b"GIF89a and more",
            40004,
        ),
        ("media/uploadimg", "anything", PNG, 0),
        ("media/uploadimg", "anything", &large, 40009),
    ] {
        let answer = upload(&world, path, part, bytes).await;
        assert_eq!(code(&answer), expected, "{path} {part}: {answer}");
    }
}

#[tokio::test]
async fn a_medium_is_read_shown_and_expires() {
    let world = world().await;
    let uploaded = upload(&world, "media/upload?type=image", "media", PNG).await;
    assert!(
        uploaded["created_at"].is_string(),
        "a string here, a number elsewhere"
    );
    let media_id = uploaded["media_id"].as_str().expect("a media id");
    let token = world.token("contact").await;
    let url = format!(
        "{}/cgi-bin/media/get?access_token={token}&media_id={media_id}",
        world.served.base_url
    );
    let read = world.http.get(url).send().await.expect("an answer");
    assert_eq!(read.headers()["content-type"], "image/png");
    assert_eq!(read.bytes().await.expect("a body"), PNG);

    let picture = upload(&world, "media/uploadimg", "media", PNG).await;
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    let image = |body: Value| json!({"msgtype": "image", "image": body});
    let attachments = json!([
        image(json!({"media_id": media_id})),
        image(json!({"pic_url": picture["url"]}))
    ]);
    let body = json!({"welcome_code": welcome_code, "attachments": attachments});
    assert_eq!(
        code(
            &world
                .post("externalcontact/send_welcome_msg", body.clone())
                .await
        ),
        0
    );
    for message in world.corp.chat(&customer.external_userid, "zhangsan") {
        let Body::Image { url } = message.body else {
            panic!("a picture");
        };
        let shown = world
            .http
            .get(format!("{}/{url}", world.served.base_url))
            .send()
            .await
            .expect("an answer");
        assert_eq!(shown.bytes().await.expect("a body"), PNG);
    }

    world.corp.expire_media();
    let (_, welcome_code) = world.scanned(&Scan::default()).await;
    let body = json!({"welcome_code": welcome_code, "attachments": attachments});
    assert_eq!(
        code(&world.post("externalcontact/send_welcome_msg", body).await),
        40007
    );
    let wrong_kind = json!({"msgtype": "video", "video": {"media_id": media_id}});
    let body = json!({"welcome_code": welcome_code, "attachments": [wrong_kind]});
    assert_eq!(
        code(&world.post("externalcontact/send_welcome_msg", body).await),
        40007
    );
}
