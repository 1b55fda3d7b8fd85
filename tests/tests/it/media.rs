//! Media of welcomes, renewed from their sources (defect of easywechat#2039: media ids of welcome pictures expire after
//! 3 days).
//!
//! Sources are objects of an S3 server that is part of the test: it is the only AWS endpoint here, and it forwards all
//! other requests to the tables.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::ports::WelcomeStore;
use domain::welcome::{Welcome, WelcomeOwner};
use scrm_local::operator::http_client;
use serde_json::{Value, json};
use sync::Task;
use tokio::sync::Notify;
use wecom::CorpId;
use wecom_sandbox::{Body, Fault};

use crate::external_world::ExternalWorld;
use crate::instance::{Instance, QUICK};
use crate::world::World;

const PICTURE: &str = "uploadimg";
const UPLOAD: &str = "media/upload";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

/// The response to a GET of an object.
#[derive(Clone)]
enum Object {
    Bytes(&'static [u8]),
    Refused,
    /// Answers when the test releases it.
    Held(Arc<Notify>),
}

#[derive(Clone)]
struct Aws {
    objects: Arc<Mutex<HashMap<String, Object>>>,
    dynamodb_url: String,
    http: reqwest::Client,
}

impl Aws {
    async fn serve(self) -> String {
        let router = Router::new()
            .route("/bucket/{key}", get(object))
            .fallback(table)
            .with_state(self);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn object(State(aws): State<Aws>, Path(key): Path<String>) -> Response {
    let object = aws.objects.lock().unwrap().get(&key).cloned();
    match object {
        Some(Object::Bytes(bytes)) => bytes.into_response(),
        Some(Object::Held(held)) => {
            held.notified().await;
            PNG.into_response()
        }
        Some(Object::Refused) | None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn table(State(aws): State<Aws>, headers: HeaderMap, body: Bytes) -> Response {
    let request = aws.http.post(&aws.dynamodb_url).headers(headers).body(body);
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap()).into_response()
}

/// A bundle, an S3 server, and an instance of the sync that reads from it.
struct Scene {
    world: World,
    objects: Arc<Mutex<HashMap<String, Object>>>,
    instance: Instance,
    _external: ExternalWorld,
}

impl Scene {
    async fn new() -> Self {
        let external = ExternalWorld::new(&["contact"]).await;
        let world = external.world().await;
        let objects = Arc::default();
        let aws = Aws {
            objects: Arc::clone(&objects),
            dynamodb_url: world.stack.dynamodb_url.clone(),
            http: http_client(),
        };
        let instance = Instance::at(&external, &aws.serve().await, QUICK);
        Self {
            world,
            objects,
            instance,
            _external: external,
        }
    }

    fn object(&self, key: &str, object: Object) {
        self.objects.lock().unwrap().insert(key.to_owned(), object);
    }

    /// Stores a default welcome with these attachments.
    async fn welcome(&self, attachments: Value) {
        let welcome = json!({"text": "hi", "attachments": attachments});
        let welcome: Welcome = serde_json::from_value(welcome).unwrap();
        let corp = CorpId::from(self.world.corp.id());
        let put = self
            .world
            .store()
            .put_welcome(&corp, &WelcomeOwner::Corp, Some(&welcome))
            .await;
        put.unwrap();
    }

    /// The attachments as they are stored now.
    async fn attachments(&self) -> Value {
        let corp = CorpId::from(self.world.corp.id());
        let mut welcomes = self.world.store().welcomes(&corp).await.unwrap();
        json!(welcomes.remove(0).1)["attachments"].take()
    }

    async fn tick(&self) -> Value {
        let ticked = self
            .instance
            .invoke(Task::Tick, Duration::from_secs(60))
            .await;
        ticked["corps"][self.world.corp.id()]["due"].clone()
    }
}

/// A time this many days and one second ago.
fn days_ago(days: i64) -> i64 {
    clock::START.as_second() - days * 86_400 - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn media_ids_of_welcome_pictures_never_expire() {
    let scene = Scene::new().await;
    scene.object("menu.png", Object::Bytes(PNG));
    scene.object("shop.mp4", Object::Bytes(b"a video of the shop"));
    scene
        .welcome(json!([
            {"msgtype": "image",
             "image": {"source": "s3://bucket/menu.png", "media_id": "old", "uploaded_at": days_ago(2)}},
            {"msgtype": "video", "video": {"source": "s3://bucket/shop.mp4"}},
        ]))
        .await;
    assert_eq!(scene.tick().await, 1);
    assert_eq!(
        (scene.world.calls(PICTURE), scene.world.calls(UPLOAD)),
        (1, 1)
    );
    let mut stored = scene.attachments().await;
    assert!(stored[0]["image"]["pic_url"].is_string(), "{stored}");
    assert_eq!(stored[0]["image"].get("media_id"), None, "{stored}");
    let first = stored[1]["video"]["media_id"].clone();
    assert!(first.is_string(), "{stored}");
    assert_eq!(scene.tick().await, 0, "nothing is due");

    // Two days later the video is uploaded again, before it expires; the picture is permanent.
    stored[1]["video"]["uploaded_at"] = json!(days_ago(2));
    scene.welcome(stored).await;
    scene.world.corp.expire_media();
    assert_eq!(scene.tick().await, 1);
    assert_eq!(
        (scene.world.calls(PICTURE), scene.world.calls(UPLOAD)),
        (1, 2)
    );
    assert_ne!(scene.attachments().await[1]["video"]["media_id"], first);
    let customer = scene.world.search("zhangsan");
    customer.outcome("welcome", "sent").await;
    let chat = scene.world.corp.chat(&customer.external_userid, "zhangsan");
    let has = |is: fn(&Body) -> bool| chat.iter().any(|message| is(&message.body));
    assert!(has(|body| matches!(body, Body::Image { .. })));
    assert!(has(|body| matches!(body, Body::Video { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfetchable_source_keeps_the_old_file_and_is_retried() {
    let scene = Scene::new().await;
    scene.object("shop.mp4", Object::Refused);
    scene.object("list.pdf", Object::Bytes(b"a list of prices"));
    let old = days_ago(2);
    scene
        .welcome(json!([
            {"msgtype": "video", "video": {"source": "s3://bucket/shop.mp4", "media_id": "old", "uploaded_at": old}},
            {"msgtype": "file", "file": {"source": "s3://bucket/list.pdf", "media_id": "old", "uploaded_at": old}},
        ]))
        .await;
    scene.tick().await;
    let stored = scene.attachments().await;
    assert_eq!(stored[0]["video"]["media_id"], "old");
    assert_ne!(
        stored[1]["file"]["media_id"], "old",
        "the other file is renewed"
    );
    scene.tick().await;
    assert_eq!(
        scene.world.calls(UPLOAD),
        1,
        "a fresh file is not uploaded again"
    );
    scene.object("shop.mp4", Object::Bytes(b"a video of the shop"));
    scene.tick().await;
    assert_ne!(scene.attachments().await[0]["video"]["media_id"], "old");
    assert_eq!(scene.world.calls(UPLOAD), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_done_before_a_refusal_are_not_repeated() {
    let scene = Scene::new().await;
    scene.object("menu.png", Object::Bytes(PNG));
    scene.object("shop.mp4", Object::Bytes(b"a video of the shop"));
    scene
        .welcome(json!([
            {"msgtype": "image", "image": {"source": "s3://bucket/menu.png"}},
            {"msgtype": "video", "video": {"source": "s3://bucket/shop.mp4"}},
        ]))
        .await;
    scene
        .world
        .wecom
        .faults()
        .next(UPLOAD, 1, Fault::Code(45009));
    assert!(scene.tick().await["error"].is_string());
    // The upload of videos is paused, and the picture is permanent.
    scene.tick().await;
    assert_eq!(
        (scene.world.calls(PICTURE), scene.world.calls(UPLOAD)),
        (1, 1)
    );
    assert!(scene.attachments().await[0]["image"]["pic_url"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_source_blocks_nothing_and_overwrites_no_newer_welcome() {
    let scene = Scene::new().await;
    let held = Arc::new(Notify::new());
    scene.object("menu.png", Object::Held(Arc::clone(&held)));
    scene
        .welcome(json!([{"msgtype": "image", "image": {"source": "s3://bucket/menu.png"}}]))
        .await;
    let (world, mark) = (&scene.world, "mark_tag");
    let channel = world
        .channel(json!({"tag_ids": world.tags(&["展会"])}))
        .await;
    world.wecom.faults().next(mark, 3, Fault::Code(-1));
    let customer = world.scan(&channel);
    customer.outcome("tags", "failed").await;
    assert_eq!(crate::repairs::make_due(world, "tags#").await, 1);
    // The clock stands still: otherwise the tick might run out of time while the download waits on a busy machine.
    let standstill = world.time.hold();
    let during_download = async {
        // Due tags do not wait for the picture.
        customer.outcome("tags", "tagged").await;
        world.default_welcome("another").await;
        held.notify_one();
    };
    tokio::join!(scene.tick(), during_download);
    drop(standstill);
    let welcome = world.get("welcome").await;
    assert_eq!(welcome["corp"]["text"], "another", "{welcome}");
    assert!(
        scene
            .attachments()
            .await
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    assert_eq!(world.calls(PICTURE), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_back_a_welcome_as_read_keeps_the_permanent_picture() {
    let scene = Scene::new().await;
    scene.object("menu.png", Object::Bytes(PNG));
    scene
        .welcome(json!([{"msgtype": "image", "image": {"source": "s3://bucket/menu.png"}}]))
        .await;
    scene.tick().await;
    let before = scene.attachments().await;
    let mut read = scene.world.get("welcome").await;
    read["corp"]["text"] = json!("hello");
    scene.world.operator.sets_welcomes(&read).await.is(200);
    assert_eq!(scene.attachments().await, before);
    assert_eq!(
        (scene.world.calls(PICTURE), scene.world.calls(UPLOAD)),
        (1, 0)
    );
}
