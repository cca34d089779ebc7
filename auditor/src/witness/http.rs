//! HTTP/1.1 for a few small requests: keep-alive, bodies of stated length, every wait bounded.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// A connection may be silent this long between two requests.
const IDLE: Duration = Duration::from_secs(60);
/// A request, once begun, is complete after this long or given up.
const REQUEST: Duration = Duration::from_secs(15);
/// An answer is taken after this long or given up.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest request line with headers, in bytes.
const HEAD_MAX: usize = 16_384;
const HEADERS_MAX: usize = 64;
const READ_AT_ONCE: usize = 8_192;

/// A request, its body read.
pub(super) struct Request {
    pub(super) method: String,
    /// Without query.
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    /// Whether the client wants another request on this connection.
    keep_alive: bool,
}

/// An answer.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// A client's connection with what was read ahead.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Why a request could not be read.
enum Broken {
    /// Nobody to answer: the client is gone or silent.
    Gone,
    /// Answered with this status, then closed.
    Bad(u16),
}

struct Head {
    request: Request,
    /// Bytes of the head, its empty line included.
    head: usize,
    body: usize,
    expects_continue: bool,
}

impl Response {
    /// Plain text.
    pub(super) fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Answers requests until the client is done; `body_max` bounds their bodies.
    pub(super) fn serve(mut self, body_max: usize, answer: impl Fn(&Request) -> Response) {
        // A lost option costs some milliseconds, nothing else.
        let _ = self.stream.set_nodelay(true);
        loop {
            let (response, goes_on, is_head) = match self.read_request(body_max) {
                Ok(request) => (answer(&request), request.keep_alive, request.method == "HEAD"),
                Err(Broken::Gone) => return,
                Err(Broken::Bad(status)) => (Response::text(status, format!("{}\n", reason(status))), false, false),
            };
            if self.write(&response, goes_on, is_head).is_err() || !goes_on {
                return;
            }
        }
    }

    /// Refuses a client for which there is no thread.
    pub(super) fn refuse(mut self) {
        let _ = self.write(&Response::text(503, "too many connections\n"), false, false);
    }

    fn read_request(&mut self, body_max: usize) -> Result<Request, Broken> {
        if self.buffer.is_empty() {
            self.read_more(Instant::now() + IDLE)?;
        }
        let deadline = Instant::now() + REQUEST;
        let Head { mut request, head, body, expects_continue } = loop {
            if let Some(head) = parse_head(&self.buffer, body_max)? {
                break head;
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Broken::Bad(431));
            }
            self.read_more(deadline)?;
        };
        if expects_continue && self.buffer.len() < head + body {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Broken::Gone)?;
        }
        while self.buffer.len() < head + body {
            self.read_more(deadline)?;
        }
        request.body = self.buffer[head..head + body].to_vec();
        self.buffer.drain(..head + body);
        Ok(request)
    }

    fn read_more(&mut self, deadline: Instant) -> Result<(), Broken> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Broken::Bad(408));
        }
        self.stream.set_read_timeout(Some(left)).map_err(|_| Broken::Gone)?;
        let mut bytes = [0; READ_AT_ONCE];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(Broken::Gone),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(if self.buffer.is_empty() { Broken::Gone } else { Broken::Bad(408) })
            }
            Err(_) => Err(Broken::Gone),
        }
    }

    fn write(&mut self, response: &Response, goes_on: bool, is_head: bool) -> io::Result<()> {
        let connection = if goes_on { "keep-alive" } else { "close" };
        let Response { status, content_type, body } = response;
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Access-Control-Allow-Origin: *\r\nConnection: {connection}\r\n\r\n",
            reason(*status),
            body.len()
        );
        let body: &[u8] = if is_head { &[] } else { body };
        self.stream.set_write_timeout(Some(ANSWER))?;
        self.stream.write_all(&[head.as_bytes(), body].concat())
    }
}

/// The head, when it is complete.
fn parse_head(bytes: &[u8], body_max: usize) -> Result<Option<Head>, Broken> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Broken::Bad(400)),
    };
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let mut keep_alive = parsed.version == Some(1);
    let (mut length, mut expects_continue) = (None, false);
    for header in parsed.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| Broken::Bad(400))?.trim();
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let value: usize = value.parse().ok().filter(|_| digits).ok_or(Broken::Bad(400))?;
            // Two lengths that differ are how requests are smuggled past proxies.
            if length.replace(value).is_some_and(|before| before != value) {
                return Err(Broken::Bad(400));
            }
        } else if is("transfer-encoding") {
            return Err(Broken::Bad(411));
        } else if is("connection") {
            let mut words = value.split(',').map(str::trim);
            keep_alive &= !words.any(|word| word.eq_ignore_ascii_case("close"));
        } else if is("expect") {
            expects_continue = value.eq_ignore_ascii_case("100-continue");
        }
    }
    if method == "POST" && length.is_none() {
        return Err(Broken::Bad(411));
    }
    let body = length.unwrap_or(0);
    if body > body_max {
        return Err(Broken::Bad(413));
    }
    let request = Request { method: method.into(), path, body: Vec::new(), keep_alive };
    Ok(Some(Head { request, head, body, expects_continue }))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
