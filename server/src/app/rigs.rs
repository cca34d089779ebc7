//! The sockets that rigs connect to.

use anyhow::{Context, Result};
use pool_core::{Listener, tls_from_files};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::config::PoolSettings;

/// Files and sockets that the server opens besides those of rigs.
const OTHER_FILES: u64 = 256;

/// Binds every address of `--stratum`, and makes room for the connections that may come.
pub(super) fn listen(settings: &PoolSettings) -> Result<Vec<Listener>> {
    make_room(settings.limits.sessions as u64 + OTHER_FILES);
    let tls = match (&settings.tls.tls_chain, &settings.tls.tls_key) {
        (Some(chain), Some(key)) => Some(tls_from_files(chain, key).context("the certificate for rigs")?),
        _ => None,
    };
    let mut listeners = Vec::new();
    for wanted in &settings.stratum {
        let socket = super::bind(wanted.address)?;
        socket.set_nonblocking(true)?;
        let tls = tls.clone().filter(|_| wanted.tls);
        listeners.push(Listener { socket: TcpListener::from_std(socket)?, profile: wanted.profile, tls });
    }
    Ok(listeners)
}

/// Raises the number of open files to what is wanted, as far as the system allows: shells and service managers start
/// programs with 1,024.
fn make_room(wanted: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let allowed = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if current.is_some_and(|current| current < allowed)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum })
    {
        tracing::warn!(%error, "the number of open files can't be raised");
    }
    if allowed < wanted {
        tracing::warn!(
            "the system allows {allowed} open files, {wanted} are needed for --sessions: raise the hard limit (systemd: \
             LimitNOFILE={wanted}), or expect rigs to be turned away"
        );
    }
}
