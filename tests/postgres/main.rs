//! Databases of Synapse on PostgreSQL. `tests/postgres.sh run cargo test` gives the tests a server; without one they are
//! skipped.
#![cfg(feature = "synapse")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod broken;
mod import;
mod login;
#[path = "../common/program.rs"]
mod program;
mod proxy;
#[path = "../common/shared.rs"]
mod shared;
#[path = "../common/stream.rs"]
mod stream;
#[path = "../common/synapse.rs"]
mod synapse;

use std::path::PathBuf;

use postgres::{Client, NoTls};

/// The server that the tests are given.
pub(crate) struct Server {
    pub(crate) password: String,
    pub(crate) port: u16,
    /// The certificate of its authority.
    pub(crate) authority: PathBuf,
    /// Where its socket is.
    pub(crate) folder: PathBuf,
}

impl Server {
    /// `None`, and a word about it: there is none.
    pub(crate) fn get() -> Option<Self> {
        let Ok(url) = std::env::var("HINDSIGHT_POSTGRES") else {
            println!("skipped: HINDSIGHT_POSTGRES names no server (tests/postgres.sh)");
            return None;
        };
        let config: postgres::Config = url.parse().unwrap();
        let path = |name: &str| PathBuf::from(std::env::var_os(name).unwrap());
        Some(Self {
            password: String::from_utf8(config.get_password().unwrap().to_vec()).unwrap(),
            port: config.get_ports()[0],
            authority: path("HINDSIGHT_POSTGRES_CA"),
            folder: path("HINDSIGHT_POSTGRES_FOLDER"),
        })
    }

    /// The URL of a database for a user.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        self.url_at(user, "127.0.0.1", self.port, database)
    }

    pub(crate) fn url_at(&self, user: &str, host: &str, port: u16, database: &str) -> String {
        format!("postgres://{user}:{}@{host}:{port}/{database}", self.password)
    }

    /// What the role that may only read sees.
    pub(crate) fn source(&self) -> String {
        self.url("reader", "synapse")
    }

    pub(crate) fn connect(&self, user: &str, database: &str) -> Client {
        Client::connect(&format!("{}?sslmode=disable", self.url(user, database)), NoTls).unwrap()
    }
}
