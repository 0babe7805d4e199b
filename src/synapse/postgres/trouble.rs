//! What an error of the server, or of the way to it, means to somebody who has a URL before them.

use std::error::Error as _;
use std::io;

use ::postgres::error::SqlState;

use super::super::address::Complete;
use super::super::error::Error;

const GONE: &str = "look at the server's log, and try again when it runs";

/// In plain words. `complete`: what one tried to connect with, if this is about connecting.
pub(super) fn translate(error: &::postgres::Error, complete: Option<&Complete>) -> Error {
    if let Some(db) = error.as_db_error() {
        return refusal(db.code(), db.message(), complete);
    }
    if let Some(error) = cause::<io::Error>(error) {
        return network(error, complete);
    }
    if let Some(error) = cause::<rustls::Error>(error) {
        return handshake(error);
    }
    let chain = chain(error);
    if error.is_closed() {
        return Error::new("the server closed the connection").hint(GONE);
    }
    if chain.contains("password missing") {
        return Error::new("the server asks for a password").hint(
            "put it into PGPASSWORD, into ~/.pgpass (or the file that PGPASSFILE names), or into the URL",
        );
    }
    if chain.contains("does not support TLS") {
        return Error::new("the server has no TLS, which sslmode asks for")
            .hint("with sslmode=disable the connection is not encrypted");
    }
    if chain.contains("timeout") || chain.contains("timed out") {
        return Error::new("the server does not answer")
            .hint("is the host right, and may one reach it from here?");
    }
    Error::new(chain)
}

/// What the server itself says.
fn refusal(code: &SqlState, message: &str, complete: Option<&Complete>) -> Error {
    let user = complete.map_or("…", |complete| &*complete.user);
    match *code {
        SqlState::INVALID_PASSWORD => Error::new(format!("wrong password: {message}"))
            .hint("check PGPASSWORD, the password file, or the password in the URL"),
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Error::new(format!("not let in: {message}"))
            .hint("the server's pg_hba.conf says who may come from where, and how"),
        SqlState::INVALID_CATALOG_NAME => Error::new(message.to_owned())
            .hint(format!("psql -U {user} -l lists the databases of the server")),
        SqlState::QUERY_CANCELED => Error::new("the database took too long to answer")
            .hint("allow more with --statement-timeout SECONDS, or look at a restored backup"),
        SqlState::INSUFFICIENT_PRIVILEGE => Error::new(message.to_owned()).hint(
            "the user needs to read Synapse's tables: GRANT SELECT ON ALL TABLES IN SCHEMA public TO …",
        ),
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            Error::new(format!("the server went away: {message}")).hint(GONE)
        }
        SqlState::TOO_MANY_CONNECTIONS => {
            Error::new(message.to_owned()).hint("try again when fewer are connected")
        }
        _ => Error::new(format!("the server says: {message} ({})", code.code())),
    }
}

fn network(error: &io::Error, complete: Option<&Complete>) -> Error {
    // rustls speaks through these, too.
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return handshake(error);
    }
    let Some(complete) = complete else {
        return Error::new(format!("the connection to the server broke: {error}")).hint(GONE);
    };
    let (host, port) = complete.hosts.first().map_or(("", 0), |(host, port)| (&**host, *port));
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Error::new(format!("the connection is refused: nobody listens at {host}, port {port}"))
                .hint("does PostgreSQL run there, and listen to others (listen_addresses)?")
        }
        io::ErrorKind::NotFound => Error::new(format!("there is no socket for port {port} in {host}"))
            .hint("does PostgreSQL run there? Else name a host"),
        io::ErrorKind::TimedOut => silence(complete),
        io::ErrorKind::PermissionDenied => Error::new(format!("no access to the socket in {host}: {error}")),
        _ if error.to_string().contains("lookup") => {
            Error::new(format!("the host {host} is not known: {error}")).hint("check its name in the URL")
        }
        _ => Error::new(format!("cannot connect to {host}, port {port}: {error}"))
            .hint("is it a PostgreSQL server?"),
    }
}

/// Nobody answers.
pub(super) fn silence(complete: &Complete) -> Error {
    let (host, port) = complete.hosts.first().map_or(("", 0), |(host, port)| (&**host, *port));
    Error::new(format!("{host}, port {port}, does not answer"))
        .hint("is the host right, may one reach it from here, and is it PostgreSQL?")
}

fn handshake(error: &rustls::Error) -> Error {
    let hint = match error {
        rustls::Error::InvalidCertificate(_) => {
            "sslrootcert names the file of the authority that signed it; the name in it must be that of the host (in \
             subjectAltName) for sslmode=verify-full"
        }
        _ => "is it a PostgreSQL server with TLS?",
    };
    Error::new(format!("no encrypted connection: {error}")).hint(hint)
}

/// The first cause of a type.
fn cause<T: std::error::Error + 'static>(error: &::postgres::Error) -> Option<&T> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The error and its causes as one sentence.
fn chain(error: &::postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
