//! What payment servers tell by themselves.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};

use super::State;
use crate::payments::WebhookRefused;
use crate::problem::{Code, Problem, ProblemBody};

/// BTCPay's deliveries are about 1 KiB, with metadata that this server gave.
const BODY_LIMIT: usize = 64 * 1024;
/// Header with the signature.
const SIGNATURE: &str = "BTCPay-Sig";

/// A delivery of a BTCPay Server's webhook: lets the invoice be read again soon. Whatever it says of the invoice is not
/// believed. Repeats are answered like the first one.
#[utoipa::path(tag = "payments", request_body(content_type = "application/json"),
    params(("BTCPay-Sig" = String, Header, description = "sha256= and the HMAC-SHA256 of the body in lower-case hex")),
    responses(
        (status = 204, description = "taken in"),
        (status = 400, description = "bad_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "wrong_signature", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "unavailable: no BTCPay Server is configured", body = ProblemBody,
         content_type = "application/problem+json"),
    ))]
#[post("/payments/btcpay")]
pub(crate) async fn take_btcpay_delivery(
    request: HttpRequest,
    state: Data<State>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let off = || Problem::new(Code::Unavailable, "this server takes no payments through a BTCPay Server");
    let webhook = state.paying.webhook.as_ref().ok_or_else(off)?;
    let too_large = |_| Problem::new(Code::BodyTooLarge, format!("deliveries have at most {BODY_LIMIT} bytes"));
    let body = body.to_bytes_limited(BODY_LIMIT).await.map_err(too_large)?;
    let body = body.map_err(|error| Problem::new(Code::BadJson, error.to_string()))?;
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok());
    match webhook.take_in(&body, signature.unwrap_or_default()).await {
        Ok(_) => Ok(HttpResponse::NoContent().finish()),
        Err(error @ WebhookRefused::Signature) => Err(Problem::new(Code::WrongSignature, error.to_string())),
        Err(error @ WebhookRefused::Unreadable(_)) => Err(Problem::new(Code::BadJson, error.to_string())),
        Err(WebhookRefused::Db(error)) => Err(error.into()),
    }
}
