//! A function's answer as an HTTP response (payload format 2.0, "Lambda function response format").

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use axum::body::Body;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The response, or what is wrong with the answer.
///
/// The functions answer through `lambda_http`, which always names the status; the short form of an answer, any JSON for
/// a body with status 200, is therefore taken for a fault.
pub(super) fn into_response(answer: &[u8]) -> Result<Response, &'static str> {
    let answer: ApiGatewayV2httpResponse =
        serde_json::from_slice(answer).map_err(|_| "the answer is not of the format 2.0")?;
    let status = u16::try_from(answer.status_code).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let body = answer.body.map(|body| body.to_vec()).unwrap_or_default();
    let body = if answer.is_base64_encoded {
        STANDARD
            .decode(body)
            .map_err(|_| "the body is not base64")?
    } else {
        body
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.ok_or("the status code is none")?;
    *response.headers_mut() = answer.headers;
    for cookie in answer.cookies {
        let cookie = HeaderValue::try_from(cookie).map_err(|_| "a cookie is not a header value")?;
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
