//! Evidence on a server.

use std::{io::Read, time::Duration};

use audit_core::audit::FetchError;
use ureq::{Agent, Error};

/// Give up on a server that is silent this long.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Connections that are kept open: each thread has its own.
const CONNECTIONS: usize = 64;
const PARTIAL: u16 = 206;
const NOT_FOUND: u16 = 404;
const BEHIND_THE_END: u16 = 416;

/// A log's base URL with its connections.
pub(crate) struct Server {
    base: String,
    agent: Agent,
}

impl Server {
    pub(super) fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .build();
        Self { base: url.trim_end_matches('/').into(), agent: config.into() }
    }

    /// GETs a file, at most `limit` bytes.
    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let unreadable = |error| unreadable(error, limit);
        let mut response = self.agent.get(self.url(path)).call().map_err(unreadable)?;
        // ureq refuses a body that reaches the limit; one byte more lets a body of just that length pass.
        let read = response.body_mut().with_config().limit(limit.saturating_add(1)).read_to_vec();
        read.map_err(unreadable)
    }

    /// GETs `length` bytes of a file from `start` on, or up to its end (RFC 9110, section 14). A server that knows no
    /// ranges sends the whole file: what is before and behind is skipped.
    pub(super) fn read_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        let Some(last) = start.saturating_add(length).checked_sub(1).filter(|_| length > 0) else {
            return Ok(Vec::new());
        };
        let request = self.agent.get(self.url(path)).header("Range", format!("bytes={start}-{last}"));
        let mut response = match request.call() {
            Ok(response) => response,
            Err(Error::StatusCode(BEHIND_THE_END)) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(error, length)),
        };
        let skip = if response.status().as_u16() == PARTIAL { 0 } else { start };
        let mut body = response.body_mut().as_reader();
        let failed = |error: std::io::Error| FetchError::Unreadable(error.to_string());
        std::io::copy(&mut (&mut body).take(skip), &mut std::io::sink()).map_err(failed)?;
        let mut bytes = Vec::new();
        body.take(length).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }
}

fn unreadable(error: Error, limit: u64) -> FetchError {
    match error {
        Error::StatusCode(NOT_FOUND) => FetchError::NotFound,
        Error::BodyExceedsLimit(_) => FetchError::TooLong(limit),
        error => FetchError::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        thread,
    };

    const FILE: &[u8] = b"0123456789";

    /// A server that answers one request with this head and body, and checks the range that is asked for.
    #[track_caller]
    fn check(wanted: (u64, u64), range: &'static str, head: &'static str, body: &'static [u8], expected: &[u8]) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::new(&format!("http://{}/", listener.local_addr().unwrap()));
        let answering = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut asked = String::new();
            while !asked.ends_with("\r\n\r\n") {
                reader.read_line(&mut asked).unwrap();
            }
            let answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            (&stream).write_all(&[answer.as_bytes(), body].concat()).unwrap();
            asked.to_lowercase().contains(&format!("range: bytes={range}\r\n"))
        });
        assert_eq!(server.read_range("epoch/1/shares", wanted.0, wanted.1).unwrap(), expected);
        assert!(answering.join().unwrap(), "asked for the range {range}");
    }

    #[test]
    fn a_range_is_read_from_servers_that_know_ranges_and_from_others() {
        check((2, 3), "2-4", "206 Partial Content", b"234", b"234");
        check((2, 3), "2-4", "200 OK", FILE, b"234");
        check((8, 5), "8-12", "206 Partial Content", b"89", b"89");
        check((8, 5), "8-12", "200 OK", FILE, b"89");
        check((10, 1), "10-10", "416 Range Not Satisfiable", b"", b"");
        check((10, 1), "10-10", "200 OK", FILE, b"");
    }

    #[test]
    fn a_server_that_sends_more_than_was_asked_for_is_cut_off() {
        check((2, 3), "2-4", "206 Partial Content", b"23456789", b"234");
    }
}
