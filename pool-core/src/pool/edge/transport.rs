//! Bytes in and out of a connection's socket, plain or through TLS.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::{ServerConfig, ServerConnection};

/// A socket that does not block. Reads and writes are those of [`Read`] and [`Write`]; a read that does not fill the
/// buffer has emptied the socket.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// TLS without a socket of its own, and the socket.
#[derive(Debug)]
pub(super) struct TlsStream {
    tls: ServerConnection,
    socket: TcpStream,
}

impl Transport {
    pub(super) fn new(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> Result<Self, rustls::Error> {
        match tls {
            None => Ok(Self::Plain(socket)),
            Some(config) => Ok(Self::Tls(Box::new(TlsStream { tls: ServerConnection::new(config)?, socket }))),
        }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut stream.socket,
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    /// Whether something that was taken has not been sent; it has to wait until the socket is writable.
    pub(super) fn has_unsent(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.tls.wants_write())
    }

    /// Sends what was taken before.
    pub(super) fn send(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => stream.send(),
        }
    }

    /// Says that nothing follows.
    pub(super) fn shut(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            stream.tls.send_close_notify();
            stream.send()?;
        }
        self.socket().shutdown(Shutdown::Write)
    }
}

impl TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.tls.reader().read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(_) => match self.receive() {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock && filled > 0 => break,
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(filled)
    }

    /// Takes from the socket, and answers what TLS asks by itself.
    fn receive(&mut self) -> io::Result<usize> {
        let count = self.tls.read_tls(&mut self.socket)?;
        let processed = self.tls.process_new_packets();
        // Also after an error: the alert says which.
        let sent = self.send();
        processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        sent.map(|()| count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.tls.writer().write(bytes)?;
        self.send()?;
        if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
