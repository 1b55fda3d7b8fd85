//! Where media comes from: `https://` URLs, and objects in S3.

use std::time::Duration;

use aws_credential_types::provider::ProvideCredentials;
use aws_types::SdkConfig;
use clock::Clock;
use domain::welcome::Source;
use reqwest::{Client, Response};

mod s3;

/// The longest fetch of one source; the largest has 20 MB.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches sources.
#[derive(Debug)]
pub struct Sources {
    http: Client,
    aws: SdkConfig,
    clock: Clock,
}

impl Sources {
    /// Fetches with `http`, from S3 with the region and credentials of `aws`; requests to S3 are signed with
    /// the time of `clock`.
    pub fn new(http: Client, aws: SdkConfig, clock: Clock) -> Self {
        Self { http, aws, clock }
    }

    /// The bytes of `source`, at most `limit`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the source and what to do.
    pub async fn fetch(&self, source: &Source, limit: usize) -> Result<Vec<u8>, String> {
        let fetched = self.clock.timeout(FETCH_TIMEOUT, self.read(source, limit));
        fetched.await.unwrap_or_else(|_| {
            let seconds = FETCH_TIMEOUT.as_secs();
            Err(format!(
                "{} cannot be fetched: it took more than {seconds} s",
                source.0
            ))
        })
    }

    async fn read(&self, source: &Source, limit: usize) -> Result<Vec<u8>, String> {
        let request = match source.0.strip_prefix("s3://") {
            Some(object) => self.signed(object).await?,
            None => self.http.get(&source.0),
        };
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| format!("{} cannot be fetched: {}", source.0, why(&error)))?;
        if !answer.status().is_success() {
            let status = answer.status().as_u16();
            return Err(format!(
                "{} answers with status {status}: it has to be readable for the bundle",
                source.0
            ));
        }
        read_at_most(answer, limit)
            .await
            .map_err(|reason| format!("{} {reason}", source.0))
    }

    async fn signed(&self, object: &str) -> Result<reqwest::RequestBuilder, String> {
        let (bucket, key) = object
            .split_once('/')
            .ok_or("an S3 source is s3://bucket/key")?;
        let region = self
            .aws
            .region()
            .ok_or("there is no AWS region to read S3 in")?;
        let provider = self
            .aws
            .credentials_provider()
            .ok_or("there are no AWS credentials to read S3 with")?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|_| "there are no AWS credentials to read S3 with")?;
        let url = s3::object_url(self.aws.endpoint_url(), region.as_ref(), bucket, key);
        let headers = s3::sign(&url, region.as_ref(), credentials, self.clock.now())
            .map_err(|error| format!("s3://{object}: {error}"))?;
        let request = self.http.get(&url);
        Ok(headers.into_iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        }))
    }
}

async fn read_at_most(mut answer: Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| format!("broke off: {}", why(&error)))?
    {
        if bytes.len() + chunk.len() > limit {
            return Err(format!("has more than the {limit} bytes that WeCom takes"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn why(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    }
}

#[cfg(test)]
mod tests;
