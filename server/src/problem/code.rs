//! Every code the API can answer with. Codes are part of the API: they are added, never changed.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The stable name of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The body is no JSON document of the described shape.
    BadJson,
    /// The query string is not of the described shape.
    BadQuery,
    IdempotencyKeyMissing,
    IdempotencyKeyInvalid,
    /// No valid session came with the request.
    Unauthenticated,
    WrongCredentials,
    /// The route is the operator's and the token isn't.
    OperatorOnly,
    /// The route is the approver's and the token isn't.
    ApproverOnly,
    /// A webhook's delivery is not signed with its secret.
    WrongSignature,
    NotFound,
    MethodNotAllowed,
    EmailTaken,
    NameTaken,
    /// Another request with the same Idempotency-Key is at work.
    IdempotencyInFlight,
    /// The offer has less capacity left than asked for.
    SoldOut,
    TooManyReservations,
    TooManyQuotes,
    /// The quote was used, or its time has run out.
    QuoteExpired,
    /// What the quote was made of has changed.
    QuoteChanged,
    /// The price follows the hashprice, and the log has no recent one.
    NoHashprice,
    /// The account may not be paid to this address before it is put on its list.
    AddressNotListed,
    /// The address was put on the list a short while ago.
    AddressOnHold,
    AddressListed,
    TooManyAddresses,
    /// The customer has not said where refunds are wanted.
    NoRefundAddress,
    /// The output is recorded as a refund already.
    RefundRecorded,
    /// The contract is not waiting for a payment.
    ContractNotReserved,
    /// The contract was never opened, or its life is over.
    ContractNotRunning,
    /// The contract's terms do not allow to close it early.
    NoRefund,
    /// The payout has come too far for this, or not far enough.
    PayoutState,
    /// The server has neither a payout key nor a descriptor.
    PayoutsOff,
    BodyTooLarge,
    UnsupportedMediaType,
    /// The body was read, but fields have to change: see `errors`.
    InvalidRequest,
    IdempotencyKeyReused,
    PaymentShort,
    /// The node refused the transaction.
    TransactionRefused,
    RateLimited,
    Internal,
    /// Something the server depends on is not there yet.
    Unavailable,
    /// What takes payments does not answer, so nothing is sold.
    PaymentsUnavailable,
}

impl Code {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    pub fn status(self) -> StatusCode {
        self.row().1
    }

    pub fn title(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadJson => ("bad_json", StatusCode::BAD_REQUEST, "The body can't be read"),
            Self::BadQuery => ("bad_query", StatusCode::BAD_REQUEST, "The query string can't be read"),
            Self::IdempotencyKeyMissing => {
                ("idempotency_key_missing", StatusCode::BAD_REQUEST, "An Idempotency-Key is needed")
            }
            Self::IdempotencyKeyInvalid => {
                ("idempotency_key_invalid", StatusCode::BAD_REQUEST, "The Idempotency-Key can't be used")
            }
            Self::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED, "Not signed in"),
            Self::WrongCredentials => ("wrong_credentials", StatusCode::UNAUTHORIZED, "Wrong e-mail or password"),
            Self::OperatorOnly => ("operator_only", StatusCode::UNAUTHORIZED, "For the operator only"),
            Self::ApproverOnly => ("approver_only", StatusCode::UNAUTHORIZED, "For the approver only"),
            Self::WrongSignature => ("wrong_signature", StatusCode::UNAUTHORIZED, "Wrong signature"),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Wrong method"),
            Self::EmailTaken => ("email_taken", StatusCode::CONFLICT, "An account has this e-mail"),
            Self::NameTaken => ("name_taken", StatusCode::CONFLICT, "The name is taken"),
            Self::IdempotencyInFlight => ("idempotency_in_flight", StatusCode::CONFLICT, "Still at work"),
            Self::SoldOut => ("sold_out", StatusCode::CONFLICT, "Sold out"),
            Self::TooManyReservations => ("too_many_reservations", StatusCode::CONFLICT, "Too many unpaid contracts"),
            Self::TooManyQuotes => ("too_many_quotes", StatusCode::CONFLICT, "Too many quotes"),
            Self::QuoteExpired => ("quote_expired", StatusCode::CONFLICT, "The quote has run out"),
            Self::QuoteChanged => ("quote_changed", StatusCode::CONFLICT, "Price or terms have changed"),
            Self::NoHashprice => ("no_hashprice", StatusCode::CONFLICT, "No recent hashprice"),
            Self::AddressNotListed => ("address_not_listed", StatusCode::CONFLICT, "The address is not on the list"),
            Self::AddressOnHold => ("address_on_hold", StatusCode::CONFLICT, "The address can't be used yet"),
            Self::AddressListed => ("address_listed", StatusCode::CONFLICT, "The address is on the list"),
            Self::TooManyAddresses => ("too_many_addresses", StatusCode::CONFLICT, "Too many addresses"),
            Self::NoRefundAddress => ("no_refund_address", StatusCode::CONFLICT, "No address for refunds"),
            Self::RefundRecorded => ("refund_recorded", StatusCode::CONFLICT, "The refund is recorded"),
            Self::ContractNotReserved => {
                ("contract_not_reserved", StatusCode::CONFLICT, "The contract is not waiting for a payment")
            }
            Self::ContractNotRunning => ("contract_not_running", StatusCode::CONFLICT, "The contract is not running"),
            Self::NoRefund => ("no_refund", StatusCode::CONFLICT, "The terms refund nothing"),
            Self::PayoutState => ("payout_state", StatusCode::CONFLICT, "Not possible in the payout's state"),
            Self::PayoutsOff => ("payouts_off", StatusCode::CONFLICT, "This server makes no payouts"),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be JSON")
            }
            Self::InvalidRequest => ("invalid_request", StatusCode::UNPROCESSABLE_ENTITY, "Fields have to change"),
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", StatusCode::UNPROCESSABLE_ENTITY, "The Idempotency-Key was used before")
            }
            Self::PaymentShort => ("payment_short", StatusCode::UNPROCESSABLE_ENTITY, "Less than the price"),
            Self::TransactionRefused => {
                ("transaction_refused", StatusCode::UNPROCESSABLE_ENTITY, "The node refused the transaction")
            }
            Self::RateLimited => ("rate_limited", StatusCode::TOO_MANY_REQUESTS, "Too many attempts"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "The server failed"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Not available right now"),
            Self::PaymentsUnavailable => {
                ("payments_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Payments can't be taken right now")
            }
        }
    }
}
