//! One signed GET of an object, which is all of S3 that the bundle needs.

use std::error::Error;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign as sigv4,
};
use aws_sigv4::sign::v4;
use jiff::Timestamp;

/// The URL of an object: in the path of an endpoint that was configured, else at the bucket's own host in
/// the partition of `region`.
pub(super) fn object_url(endpoint: Option<&str>, region: &str, bucket: &str, key: &str) -> String {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    match endpoint {
        Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
        None => format!("https://{bucket}.s3.{region}.{suffix}/{key}"),
    }
}

/// The headers that sign a GET of `url` at `now`.
pub(super) fn sign(
    url: &str,
    region: &str,
    credentials: Credentials,
    now: Timestamp,
) -> Result<Vec<(String, String)>, Box<dyn Error + Send + Sync>> {
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::Headers;
    // S3 takes paths as they are.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = aws_sigv4::http_request::PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(now.into())
        .settings(settings)
        .build()?;
    let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sigv4(request, &parameters.into())?.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers
        .into_iter()
        .map(|header| (header.name().to_owned(), header.value().to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_in_both_partitions_and_at_an_endpoint() {
        for (endpoint, region, url) in [
            (
                None,
                "ap-east-1",
                "https://b.s3.ap-east-1.amazonaws.com/d/k.png",
            ),
            (
                None,
                "cn-north-1",
                "https://b.s3.cn-north-1.amazonaws.com.cn/d/k.png",
            ),
            (
                Some("http://127.0.0.1:4566/"),
                "us-east-1",
                "http://127.0.0.1:4566/b/d/k.png",
            ),
        ] {
            assert_eq!(object_url(endpoint, region, "b", "d/k.png"), url);
        }
    }

    #[test]
    fn the_signature_is_in_the_headers() {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            Some("session".into()),
            None,
            "test",
        );
        let headers = sign(
            "https://b.s3.us-east-1.amazonaws.com/k.png",
            "us-east-1",
            credentials,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap();
        let value = |name: &str| {
            headers
                .iter()
                .find(|(header, _)| header == name)
                .map(|(_, value)| value.as_str())
        };
        assert!(
            value("authorization")
                .unwrap()
                .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        );
        assert_eq!(value("x-amz-security-token"), Some("session"));
        assert!(value("x-amz-content-sha256").is_some());
        assert!(!headers.iter().any(|(_, value)| value.contains("secret")));
    }
}
