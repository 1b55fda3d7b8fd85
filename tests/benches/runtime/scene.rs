//! The environment of the functions: WeCom's sandbox, the embedded DynamoDB behind a counting proxy, and a gateway that
//! produces the events.

use clock::Clock;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use axum::body::Bytes;
use bundle_tests::dynamodb_proxy::DynamoDbProxy;
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

/// The inbox of the other languages. It has the same layout as the bundle's, so that a write costs the database the
/// same.
pub(crate) const PEERS_TABLE: &str = "peers";
/// The timeout for an event from WeCom to the gateway.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that stays the same during a run.
pub(crate) struct Scene {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) proxy: DynamoDbProxy<Meter>,
    pub(crate) keys: Keys,
    /// Its calls go to the gateway, which only records them.
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

/// An add: the customer, and the event as API Gateway delivers it to the callback.
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
        let gateway_url = listeners.gateway.url.clone();
        let wecom = Sandbox::new(SandboxOptions {
            latency,
            ..SandboxOptions::default()
        });
        let wecom = wecom.map_err(|error| failed(&error))?;
        for corp in config.sandbox_corps(&gateway_url) {
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
        let proxy = DynamoDbProxy::start(listener, database.endpoint(), Meter::new(&secret));
        let (requests, gateway) = gateway(listeners.gateway.socket);
        let admin_key = config.admin_keys.first().ok_or("there is no admin key")?;
        Ok(Self {
            wecom,
            corp,
            proxy: proxy.map_err(|error| failed(&error))?,
            keys: Keys::of(&secret)?,
            operator: Operator::new(&gateway_url, DEMO_CORP, admin_key),
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

    /// The URL of WeCom.
    pub(crate) fn wecom_url(&self) -> &str {
        &self.served.base_url
    }

    /// A new customer scans the channel; returns the add with its callback event.
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

    /// The member changes the remark of a customer; returns the callback event.
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

    /// Waits until all events of WeCom are delivered, and discards the requests so far.
    pub(crate) async fn forget_requests(&mut self) -> Result<(), String> {
        let settled = self.wecom.settled(PATIENCE).await;
        settled.map_err(|error| error.to_string())?;
        while self.requests.try_recv().is_ok() {}
        Ok(())
    }

    async fn request(&mut self) -> Result<Bytes, String> {
        let request = tokio::time::timeout(PATIENCE, self.requests.recv()).await;
        let mut request = request.ok().flatten().ok_or("no request arrived")?;
        // API Gateway also passes the parsed query; nothing in it needs decoding.
        let query = request["rawQueryString"].as_str().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        request["queryStringParameters"] = pairs
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        Ok(request.to_string().into())
    }

    /// The inbox item of an add, as a stream batch with one record.
    pub(crate) async fn record(&self, add: &Add) -> Result<Bytes, String> {
        let contact = format!("{DEMO_CORP}#{}", add.external_userid);
        let query = json!({
            "TableName": INBOX_TABLE, "IndexName": "by_contact", "KeyConditionExpression": "contact = :contact",
            "ExpressionAttributeValues": {":contact": {"S": contact}},
        });
        let request = self.http.post(&self.database_url).body(query.to_string());
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.Query")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=bench/20261125/us-east-1/dynamodb/aws4_request, SignedHeaders=host, \
                 Signature=0",
            )
            .header("x-amz-date", "20261125T000000Z");
        let response = request.send().await.map_err(|error| error.to_string())?;
        let response = response.bytes().await.map_err(|error| error.to_string())?;
        let response: Value =
            serde_json::from_slice(&response).map_err(|error| error.to_string())?;
        let item = &response["Items"][0];
        if response["Count"] != 1 {
            return Err(format!("expected one item for an add: {response}"));
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

/// A gateway that records each request as an event, and answers 200 without a function.
fn gateway(socket: TcpListener) -> (UnboundedReceiver<Value>, JoinHandle<()>) {
    let (recorder, requests) = unbounded_channel();
    let service = service_fn(move |event: LambdaEvent<Value>| {
        // The receiver is gone when the bench is over.
        let _over = recorder.send(event.payload);
        async { Ok::<_, Diagnostic>(json!({"statusCode": 200, "cookies": []})) }
    });
    let recording = Function::new("recording", PATIENCE, Clock::system(), service);
    let routes = Routes::new()
        .route("/callback", recording.clone())
        .route("/admin", recording);
    let serving = gateway::serve(socket, routes.into_router(), std::future::pending());
    (requests, tokio::spawn(serving))
}
