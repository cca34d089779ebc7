//! Routes: `POST /add-checkpoint`, `GET /<hex sha256(origin)>/checkpoint`, `GET /`.

use std::{
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use audit_core::witness::{AddCheckpoint, REQUEST_MAX, Refusal, SIZE_CONTENT_TYPE, monitoring_path};

use super::{
    http::{Connection, Request, Response},
    state::{AddError, State},
};

/// Clients at once; each has a thread that waits at most a minute.
const CLIENTS_MAX: usize = 128;
/// Rest after a connection that could not be accepted, such as for want of file handles.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves until the process is ended, at any moment: nothing has to be put in order.
pub(super) fn run(listener: &TcpListener, state: &Arc<State>) -> ! {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("accepting a connection: {error}");
                thread::sleep(ACCEPT_REST);
                continue;
            }
        };
        let place = Place::take(&clients);
        if place.is_none_left() {
            Connection::new(stream).refuse();
            continue;
        }
        let state = Arc::clone(state);
        let spawned = thread::Builder::new().name("client".into()).spawn(move || client(stream, &state, place));
        if let Err(error) = spawned {
            eprintln!("no thread for a client: {error}");
        }
    }
}

/// One of the places for clients, given back when dropped.
struct Place {
    clients: Arc<AtomicUsize>,
    before: usize,
}

impl Place {
    fn take(clients: &Arc<AtomicUsize>) -> Self {
        Self { before: clients.fetch_add(1, Ordering::Relaxed), clients: Arc::clone(clients) }
    }

    fn is_none_left(&self) -> bool {
        self.before >= CLIENTS_MAX
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

fn client(stream: TcpStream, state: &State, _place: Place) {
    Connection::new(stream).serve(REQUEST_MAX, |request| answer(state, request));
}

fn answer(state: &State, request: &Request) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/add-checkpoint") => add_checkpoint(state, &request.body),
        (_, "/add-checkpoint") => Response::text(405, "POST /add-checkpoint\n"),
        ("GET" | "HEAD", "/") => Response::text(200, about(state)),
        ("GET" | "HEAD", path) => {
            let log = state.logs().iter().find(|log| path.strip_prefix('/') == Some(&monitoring_path(log.name())));
            match log.and_then(|log| state.latest_note(log.name())) {
                Some(note) => Response::text(200, note),
                None => Response::text(404, "not found\n"),
            }
        }
        _ => Response::text(405, "GET or HEAD\n"),
    }
}

fn add_checkpoint(state: &State, body: &[u8]) -> Response {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let added = AddCheckpoint::parse(body).map_err(AddError::Refused).and_then(|request| state.add(&request, now_s));
    match added {
        Ok(line) => Response::text(200, line),
        Err(AddError::Refused(refusal)) => {
            let mut response = Response::text(refusal.status(), refusal.body());
            if matches!(refusal, Refusal::Stale(_)) {
                response.content_type = SIZE_CONTENT_TYPE;
            }
            response
        }
        Err(AddError::Unwritable(error)) => {
            eprintln!("the state can't be written, nothing was cosigned: {error}");
            Response::text(500, "the state can't be written; nothing was cosigned\n")
        }
    }
}

/// The key, then what is known of each log.
fn about(state: &State) -> String {
    let mut text = format!("{}\n\n", state.vkey());
    for log in state.logs() {
        text += &format!(
            "log {log}\nsize {}\ncheckpoint /{}\n\n",
            state.latest_size(log.name()),
            monitoring_path(log.name())
        );
    }
    text
}
