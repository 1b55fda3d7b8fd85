//! What is around the functions: WeCom's sandbox, the embedded DynamoDB behind a door that counts, and a gateway that
//! makes the events.

use clock::Clock;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use axum::body::Bytes;
use bundle_tests::door::Door;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use platform::layout;
use scrm_local::config::{ConfigFile, DEMO_APP, DEMO_CORP};
use scrm_local::embedded::{Embedded, Place};
use scrm_local::gateway::{self, Routes};
use scrm_local::invoke::Function;
use scrm_local::operator::Operator;
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, aws_config};
use scrm_local::start::Listeners;
use scrm_local::tables;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use wecom_sandbox::{Corp, MemberEdit, Sandbox, SandboxOptions, Scan, Served, serve_on};

use crate::meter::Meter;

/// The inbox of the others. It is made like the bundle's, so that a write is the same work for the database.
pub(crate) const PEERS_TABLE: &str = "peers";
/// How long an event may take from WeCom to the gateway.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that stands still.
pub(crate) struct Scene {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) door: Door<Meter>,
    pub(crate) keys: Keys,
    /// Calls whatever it calls through the gateway, which only notes it.
    operator: Operator,
    database_url: String,
    http: reqwest::Client,
    requests: UnboundedReceiver<Value>,
    customers: u32,
    _database: Embedded,
    served: Served,
    gateway: JoinHandle<()>,
    _directory: TempDir,
}

/// The keys of the callback.
pub(crate) struct Keys {
    pub(crate) token: String,
    pub(crate) encoding_aes_key: String,
}

/// An add: who it is, and the event about it as API Gateway hands it to the callback.
pub(crate) struct Add {
    pub(crate) external_userid: String,
    pub(crate) userid: String,
    pub(crate) name: String,
    pub(crate) event: Bytes,
}

impl Scene {
    pub(crate) async fn open(latency: Duration) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let directory = TempDir::new().map_err(|error| failed(&error))?;
        let path = directory.path().join("config.json");
        let config = ConfigFile::make(&path).map_err(|error| failed(&error))?;
        let config = config.keys().map_err(|error| failed(&error))?;
        let secret = fs::read_to_string(&path).map_err(|error| failed(&error))?;

        let listeners = Listeners::bind(0).await.map_err(|error| failed(&error))?;
        let front_door = listeners.gateway.url.clone();
        let wecom = Sandbox::new(SandboxOptions {
            latency,
            ..SandboxOptions::default()
        });
        let wecom = wecom.map_err(|error| failed(&error))?;
        for corp in config.sandbox_corps(&front_door) {
            wecom.add_corp(corp).map_err(|error| failed(&error))?;
        }
        let corp = wecom.corp(DEMO_CORP).ok_or("the sandbox has no corp")?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let served = serve_on(&wecom, any).await;
        let served = served.map_err(|error| failed(&error))?;

        let database = Embedded::start(Place::Memory, listeners.dynamodb).await;
        let database = database.map_err(|error| failed(&error))?;
        let aws = aws_config(database.endpoint()).map_err(|error| failed(&error))?;
        let client = Client::new(&aws);
        for (name, table) in [
            (INBOX_TABLE, &layout::INBOX),
            (DATA_TABLE, &layout::DATA),
            (PEERS_TABLE, &layout::INBOX),
        ] {
            let made = tables::ensure(&client, name, table).await;
            made.map_err(|error| failed(&error))?;
        }
        let listener = TcpListener::bind(any).await;
        let listener = listener.map_err(|error| failed(&error))?;
        let door = Door::open(listener, database.endpoint(), Meter::new(&secret));
        let (requests, gateway) = gateway(listeners.gateway.socket);
        let admin_key = config.admin_keys.first().ok_or("there is no admin key")?;
        Ok(Self {
            wecom,
            corp,
            door: door.map_err(|error| failed(&error))?,
            keys: Keys::of(&secret)?,
            operator: Operator::new(&front_door, DEMO_CORP, admin_key),
            database_url: database.endpoint().to_owned(),
            http: reqwest::Client::new(),
            requests,
            customers: 0,
            _database: database,
            served,
            gateway,
            _directory: directory,
        })
    }

    /// Where WeCom is.
    pub(crate) fn wecom_url(&self) -> &str {
        &self.served.base_url
    }

    /// A new customer scans the channel, and WeCom tells of it.
    pub(crate) async fn scan(&mut self, channel: &str) -> Result<Add, String> {
        self.customers += 1;
        let name = format!("客户{}", self.customers);
        let scan = Scan {
            name: Some(name.clone()),
            ..Scan::default()
        };
        let happening = self.corp.scan(channel, &scan);
        let happening = happening.map_err(|error| error.to_string())?;
        Ok(Add {
            external_userid: happening.external_userid,
            userid: happening.userid,
            name,
            event: self.request().await?,
        })
    }

    /// The member changes the remark of a customer, and WeCom tells of it.
    pub(crate) async fn edit(&mut self, add: &Add) -> Result<Bytes, String> {
        let edit = MemberEdit {
            remark: Some(format!("{}-老客户", add.name)),
            ..MemberEdit::default()
        };
        let edited = self
            .corp
            .member_edits(&add.external_userid, &add.userid, &edit);
        edited.map_err(|error| error.to_string())?;
        self.request().await
    }

    /// The event of a request `GET path` of the operator.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Bytes, String> {
        self.operator.get(path).await?;
        self.request().await
    }

    /// The event of a request `POST path` of the operator.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Bytes, String> {
        self.operator.post(path, body).await?;
        self.request().await
    }

    /// Forgets the requests that came so far, once all events of WeCom are among them.
    pub(crate) async fn forget_requests(&mut self) -> Result<(), String> {
        let settled = self.wecom.settled(PATIENCE).await;
        settled.map_err(|error| error.to_string())?;
        while self.requests.try_recv().is_ok() {}
        Ok(())
    }

    async fn request(&mut self) -> Result<Bytes, String> {
        let request = tokio::time::timeout(PATIENCE, self.requests.recv()).await;
        let mut request = request.ok().flatten().ok_or("no request came")?;
        // API Gateway hands the query over in this form as well; nothing in it needs decoding.
        let query = request["rawQueryString"].as_str().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        request["queryStringParameters"] = pairs
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        Ok(request.to_string().into())
    }

    /// The inbox's item about an add, as the one record of a batch of the stream.
    pub(crate) async fn record(&self, add: &Add) -> Result<Bytes, String> {
        let contact = format!("{DEMO_CORP}#{}", add.external_userid);
        let query = json!({
            "TableName": INBOX_TABLE, "IndexName": "by_contact", "KeyConditionExpression": "contact = :contact",
            "ExpressionAttributeValues": {":contact": {"S": contact}},
        });
        let asked = self.http.post(&self.database_url).body(query.to_string());
        let asked = asked
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.Query")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=bench/20261125/us-east-1/dynamodb/aws4_request, SignedHeaders=host, \
                 Signature=0",
            )
            .header("x-amz-date", "20261125T000000Z");
        let told = asked.send().await.map_err(|error| error.to_string())?;
        let told = told.bytes().await.map_err(|error| error.to_string())?;
        let told: Value = serde_json::from_slice(&told).map_err(|error| error.to_string())?;
        let item = &told["Items"][0];
        if told["Count"] != 1 {
            return Err(format!("not one item about an add: {told}"));
        }
        let record = json!({
            "eventID": "c4ca4238a0b923820dcc509a6f75849b", "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "eventVersion": "1.1", "awsRegion": "us-east-1",
            "eventSourceARN":
                format!("arn:aws:dynamodb:us-east-1:000000000000:table/{INBOX_TABLE}/stream/2026-11-25T00:00:00.000"),
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_564_800, "Keys": {"id": item["id"]}, "NewImage": item,
                "SequenceNumber": "000000000000000000001", "SizeBytes": 1024, "StreamViewType": "NEW_IMAGE",
            },
        });
        Ok(json!({"Records": [record]}).to_string().into())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.gateway.abort();
    }
}

impl Keys {
    fn of(secret: &str) -> Result<Self, String> {
        let secret: Value = serde_json::from_str(secret).map_err(|error| error.to_string())?;
        let app = &secret["corps"][0]["apps"][DEMO_APP];
        let text = |name: &str| app[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            token: text("token"),
            encoding_aes_key: text("encoding_aes_key"),
        })
    }
}

/// A gateway that makes an event of each request, and answers 200 without a function.
fn gateway(socket: TcpListener) -> (UnboundedReceiver<Value>, JoinHandle<()>) {
    let (notes, requests) = unbounded_channel();
    let service = service_fn(move |event: LambdaEvent<Value>| {
        // Nobody takes notes any more when the bench is over.
        let _over = notes.send(event.payload);
        async { Ok::<_, Diagnostic>(json!({"statusCode": 200, "cookies": []})) }
    });
    let noting = Function::new("noting", PATIENCE, Clock::system(), service);
    let routes = Routes::new()
        .route("/callback", noting.clone())
        .route("/admin", noting);
    let serving = gateway::serve(socket, routes.into_router(), std::future::pending());
    (requests, tokio::spawn(serving))
}
