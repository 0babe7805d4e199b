//! Connecting, without waiting for ever.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ::postgres::{Client, Config, NoTls};

use super::super::address::Complete;
use super::super::error::Error;
use super::super::tls::{self, Verify};
use super::trouble::{silence, translate};

/// How long to wait for a server that does not answer at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon a server is asked whether it is still there, how often again, and after what pause: without that an answer
/// that never comes is awaited for hours.
const ALIVE: (Duration, u32, Duration) = (Duration::from_secs(60), 5, Duration::from_secs(10));

/// Connects. What listens may be no PostgreSQL, and never say a word: that takes no longer than a server that is not there.
pub(super) fn connect(mut config: Config, complete: &Complete) -> Result<Client, Error> {
    // As libpq has it, 0 is without end.
    let seconds = complete.connect_timeout.map_or(PATIENCE, Duration::from_secs);
    let patience = Some(seconds).filter(|patience| !patience.is_zero());
    if let Some(patience) = patience {
        config.connect_timeout(patience);
    }
    let (idle, retries, interval) = ALIVE;
    config.keepalives_idle(idle).keepalives_retries(retries).keepalives_interval(interval);
    let connector = match &complete.verify {
        Verify::Plain => None,
        verify => Some(tls::connector(verify)?),
    };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let connected = match connector {
            None => config.connect(NoTls),
            Some(connector) => config.connect(connector),
        };
        // Nobody listens any more if it took too long.
        let _ = sender.send(connected);
    });
    // One time for each host, and one for what they have to say.
    let hosts = u32::try_from(complete.hosts.len()).unwrap_or(u32::MAX);
    let connected = match patience {
        None => receiver.recv().ok(),
        Some(patience) => receiver.recv_timeout(patience.saturating_mul(hosts.saturating_add(1))).ok(),
    };
    match connected {
        Some(connected) => connected.map_err(|error| translate(&error, Some(complete))),
        None => Err(silence(complete)),
    }
}
