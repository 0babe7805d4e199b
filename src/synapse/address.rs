//! Where a PostgreSQL server is and who asks, as libpq's URLs, environment and defaults say it:
//! <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::error::Error;
use super::passwords::{self, Key};
use super::tls::{Roots, Verify};

const PORT: u16 = 5432;
/// Where servers put their sockets.
const SOCKET_FOLDERS: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];
/// What libpq knows and makes no difference here.
const IGNORED: [&str; 11] = [
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "sslcompression",
    "sslsni",
    "tcp_user_timeout",
];

/// Where a server is, and who asks. What is left out is found in the environment when it is [`complete`](Self::complete).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Names, numbers, or folders with a socket; each perhaps with a port.
    hosts: Vec<(String, Option<u16>)>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    passfile: Option<String>,
    options: Option<String>,
    connect_timeout: Option<u64>,
}

/// All that is needed to connect.
pub(super) struct Complete {
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) verify: Verify,
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Option<u64>,
    /// What to tell the user.
    pub(super) notes: Vec<String>,
}

impl Address {
    /// Reads `postgres://[user[:password]@][host[:port],…][/database][?name=value&…]`.
    ///
    /// # Errors
    /// If it is not of this form, or asks for something that is not known here.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (_, rest) = url.split_once("://").ok_or_else(|| Error::new("this is no URL"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password that is not escaped may have an @ of its own; a host has none.
        let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let mut address = Self::default();
        if let Some(login) = login {
            let (user, password) = login.split_once(':').map_or((login, None), |(u, p)| (u, Some(p)));
            address.user = filled(decoded(user)?);
            address.password = password.map(decoded).transpose()?;
        }
        for host in hosts.split(',').filter(|host| !host.is_empty()) {
            address.hosts.push(host_and_port(host)?);
        }
        address.database = filled(decoded(database)?);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            address.set(&decoded(name)?, decoded(value)?)?;
        }
        Ok(address)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        match name {
            "user" => self.user = filled(value),
            "password" => self.password = Some(value),
            "dbname" => self.database = filled(value),
            "host" => {
                let ports: Vec<Option<u16>> = self.hosts.iter().map(|(_, port)| *port).collect();
                let port = |at: usize| ports.get(at).or(ports.first()).copied().flatten();
                self.hosts =
                    value.split(',').enumerate().map(|(at, host)| (host.to_owned(), port(at))).collect();
            }
            "hostaddr" => {
                let addresses = value.split(',').map(|address| (address.to_owned(), None));
                self.hosts = addresses.collect();
            }
            "port" => {
                let ports = value.split(',').map(port).collect::<Result<Vec<_>, _>>()?;
                if self.hosts.is_empty() {
                    self.hosts.push((String::new(), None));
                }
                for (at, host) in self.hosts.iter_mut().enumerate() {
                    host.1 = ports.get(at).or(ports.last()).copied();
                }
            }
            "sslmode" => self.sslmode = filled(value),
            "sslrootcert" => self.sslrootcert = filled(value),
            "passfile" => self.passfile = filled(value),
            "options" => self.options = filled(value),
            "connect_timeout" => {
                let seconds =
                    value.parse().map_err(|_| Error::new("connect_timeout is no number of seconds"))?;
                self.connect_timeout = Some(seconds);
            }
            // It is known who asks.
            "application_name" => {}
            "sslcert" | "sslkey" => {
                return Err(
                    Error::new("client certificates are not supported").hint("log in with a password")
                );
            }
            other if IGNORED.contains(&other) => {}
            other => {
                return Err(Error::new(format!("the URL has an unknown parameter: {other}")).hint(
                    "known are user, password, host, port, dbname, sslmode, sslrootcert, passfile, options and \
                     connect_timeout",
                ));
            }
        }
        Ok(())
    }

    /// Fills in what is left out, from the environment and by libpq's defaults. `env` looks up a variable.
    pub(super) fn complete(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Complete, Error> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let default_port = env("PGPORT").map_or(Ok(PORT), |text| port(&text))?;
        let mut hosts = self.hosts.clone();
        if hosts.iter().all(|(host, _)| host.is_empty()) {
            let given = hosts.first().and_then(|(_, port)| *port);
            let default = || default_host(given.unwrap_or(default_port));
            hosts = vec![(env("PGHOST").unwrap_or_else(default), given)];
        }
        let hosts: Vec<(String, u16)> =
            hosts.into_iter().map(|(host, port)| (host, port.unwrap_or(default_port))).collect();
        let user =
            self.user.clone().or_else(|| env("PGUSER")).or_else(|| env("USER")).or_else(|| env("USERNAME"));
        let user = user.ok_or_else(|| {
            Error::new("who asks is not known")
                .hint("name the user: postgres://USER@HOST/DATABASE, or PGUSER")
        })?;
        let database = self.database.clone().or_else(|| env("PGDATABASE")).unwrap_or_else(|| user.clone());
        let (password, notes) = self.password(&hosts, &user, &database, &env);
        Ok(Complete {
            verify: self.verify(&hosts, &env)?,
            hosts,
            user,
            password,
            database,
            options: self.options.clone().or_else(|| env("PGOPTIONS")),
            connect_timeout: self.connect_timeout,
            notes,
        })
    }

    fn password(
        &self,
        hosts: &[(String, u16)],
        user: &str,
        database: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Option<String>, Vec<String>) {
        if let Some(password) = self.password.clone().or_else(|| env("PGPASSWORD")) {
            return (Some(password), Vec::new());
        }
        let file = self.passfile.clone().or_else(|| env("PGPASSFILE")).map(PathBuf::from);
        let Some(file) = file.or_else(|| default_password_file(env)) else { return (None, Vec::new()) };
        let mut notes = Vec::new();
        for (host, port) in hosts {
            let names = [&**host, "localhost"];
            // A socket has no host; its lines say localhost, or its folder.
            for host in names.iter().take(if is_socket(host) { 2 } else { 1 }) {
                match passwords::read(&file, Key { host, port: *port, database, user }) {
                    Ok(Some(password)) => return (Some(password), notes),
                    Ok(None) => {}
                    Err(note) => notes = vec![note],
                }
            }
        }
        (None, notes)
    }

    fn verify(&self, hosts: &[(String, u16)], env: &dyn Fn(&str) -> Option<String>) -> Result<Verify, Error> {
        if hosts.iter().all(|(host, _)| is_socket(host)) {
            return Ok(Verify::Plain);
        }
        let home = home_file(env, "root.crt");
        let named = self.sslrootcert.clone().or_else(|| env("PGSSLROOTCERT"));
        let roots = match named {
            Some(system) if system == "system" => Some(Roots::System),
            Some(file) => Some(Roots::File(file.into())),
            None => home.clone().filter(|file| file.is_file()).map(Roots::File),
        };
        let mode = self.sslmode.clone().or_else(|| env("PGSSLMODE"));
        let needed = |roots: Option<Roots>| {
            roots.ok_or_else(|| {
                let file = home.as_deref().unwrap_or(Path::new("~/.postgresql/root.crt")).display();
                Error::new(format!("there is no root certificate to verify the server by: {file} is missing"))
                    .hint("name the file of the certificate authority (sslrootcert=FILE, or sslrootcert=system)")
            })
        };
        match (mode.as_deref(), roots) {
            (Some("disable"), _) => Ok(Verify::Plain),
            (None, Some(Roots::System)) => Ok(Verify::Full(Roots::System)),
            (None | Some("prefer" | "allow"), _) => Ok(Verify::Prefer),
            (Some("require"), None) => Ok(Verify::Nothing),
            (Some("require"), Some(roots)) => Ok(Verify::Authority(roots)),
            (Some("verify-ca"), roots) => Ok(Verify::Authority(needed(roots)?)),
            (Some("verify-full"), roots) => Ok(Verify::Full(needed(roots)?)),
            (Some(other), _) => Err(Error::new(format!("sslmode={other} is not known"))
                .hint("known are disable, prefer, require, verify-ca and verify-full")),
        }
    }
}

/// The URL without its password and parameters.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        let is_socket = self.hosts.iter().any(|(host, _)| is_socket(host));
        let named = self.hosts.iter().filter(|_| !is_socket);
        for (at, (host, port)) in named.enumerate() {
            f.write_str(if at > 0 { "," } else { "" })?;
            if host.contains(':') {
                write!(f, "[{host}]")?;
            } else {
                f.write_str(host)?;
            }
            if let Some(port) = port {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.database.as_deref().unwrap_or_default())?;
        if let Some((host, port)) = self.hosts.first().filter(|_| is_socket) {
            write!(f, "?host={host}")?;
            if let Some(port) = port {
                write!(f, "&port={port}")?;
            }
        }
        Ok(())
    }
}

/// As it is displayed: a password is in neither.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Whether the host is a folder with a socket in it.
pub(super) fn is_socket(host: &str) -> bool {
    host.starts_with('/')
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn decoded(text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Error::new("the URL has a % escape in it that is not UTF-8"))
}

fn port(text: &str) -> Result<u16, Error> {
    let port = if text.is_empty() { Ok(PORT) } else { text.parse() };
    port.map_err(|_| Error::new(format!("{} is no port", super::room::shown(text))))
}

fn host_and_port(text: &str) -> Result<(String, Option<u16>), Error> {
    let (host, rest) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, rest)) => (address, rest),
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port = rest.strip_prefix(':').map(port).transpose()?;
    Ok((decoded(host)?, port))
}

/// The folder of the socket of a server that runs here, or else localhost.
fn default_host(port: u16) -> String {
    let folder =
        SOCKET_FOLDERS.iter().find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists());
    folder.map_or_else(|| "localhost".to_owned(), |folder| (*folder).to_owned())
}

fn default_password_file(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if cfg!(windows) { home_file(env, "pgpass.conf") } else { Some(Path::new(&env("HOME")?).join(".pgpass")) }
}

/// A file in the folder that libpq has in everybody's home.
fn home_file(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        Path::new(&env("APPDATA")?).join("postgresql")
    } else {
        Path::new(&env("HOME")?).join(".postgresql")
    };
    Some(folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(url: &str, variables: &[(&str, &str)]) -> Result<Complete, Error> {
        let env = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Address::parse(url)?.complete(&env)
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        let all =
            complete("postgresql://us%40er:p@ss%2F%3Aw@db.x:5433/syn%20apse?sslmode=disable", &[]).unwrap();
        assert_eq!(all.hosts, [("db.x".to_owned(), 5433)]);
        assert_eq!((&*all.user, &*all.database), ("us@er", "syn apse"));
        assert_eq!(all.password.as_deref(), Some("p@ss/:w"));
        let six = complete("postgres://[::1]:5433,other/x", &[("PGUSER", "me"), ("PGPORT", "7")]).unwrap();
        assert_eq!(six.hosts, [("::1".to_owned(), 5433), ("other".to_owned(), 7)]);
        let socket =
            complete("postgres:///x?host=/run/pg&port=5434&user=me", &[("PGPASSWORD", "p")]).unwrap();
        assert_eq!(socket.hosts, [("/run/pg".to_owned(), 5434)]);
        assert_eq!((socket.verify, socket.password.as_deref()), (Verify::Plain, Some("p")));
        let host = complete("postgres://me@/", &[("PGHOST", "h"), ("PGDATABASE", "d")]).unwrap();
        assert_eq!((host.hosts, &*host.database), (vec![("h".to_owned(), 5432)], "d"));
        let by_socket = complete("postgres://me@%2Frun%2Fpg/x", &[]).unwrap();
        assert_eq!(by_socket.hosts, [("/run/pg".to_owned(), 5432)]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let error = |url: &str| complete(url, &[("USER", "me")]).err().unwrap().to_string();
        assert!(error("postgres://h:port/x").contains("no port"));
        assert!(error("postgres://h/x?magic=1").contains("magic"));
        assert!(error("postgres://h/x?sslmode=full").contains("sslmode=full"));
        assert!(error("postgres://h/x?sslcert=x").contains("client certificates"));
        assert!(error("postgres://h/%ff").contains("UTF-8"));
        assert!(complete("postgres://h/x", &[]).err().unwrap().to_string().contains("who asks"));
    }

    #[test]
    fn passwords_are_never_shown() {
        for url in [
            "postgres://me:secret@h:1/x",
            "postgres://me@h:1/x?password=secret",
            "postgres://me:se@secret@h:1/x",
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), "postgres://me@h:1/x");
            assert!(!format!("{address:?}").contains("secret"));
        }
        let socket = Address::parse("postgres://me:secret@/x?host=/run/pg&port=5").unwrap();
        assert_eq!(socket.to_string(), "postgres://me@/x?host=/run/pg&port=5");
    }

    #[test]
    fn how_the_server_is_verified_follows_libpq() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let verify = |url: &str, more: &[(&str, &str)]| {
            let mut variables = vec![("USER", "me"), ("HOME", &*home), ("APPDATA", &*home)];
            variables.extend(more);
            complete(url, &variables).map(|all| all.verify)
        };
        assert_eq!(verify("postgres://h/", &[]).unwrap(), Verify::Prefer);
        assert_eq!(verify("postgres://h/", &[("PGSSLMODE", "require")]).unwrap(), Verify::Nothing);
        let file = || Roots::File("ca.pem".into());
        let named = [("PGSSLROOTCERT", "ca.pem")];
        assert_eq!(verify("postgres://h/?sslmode=require", &named).unwrap(), Verify::Authority(file()));
        assert_eq!(verify("postgres://h/?sslmode=verify-full", &named).unwrap(), Verify::Full(file()));
        assert_eq!(verify("postgres://h/?sslrootcert=system", &[]).unwrap(), Verify::Full(Roots::System));
        assert!(verify("postgres://h/?sslmode=verify-ca", &[]).unwrap_err().to_string().contains("root.crt"));
        let own = home_file(&|_| Some(home.clone()), "root.crt").unwrap();
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        assert_eq!(
            verify("postgres://h/?sslmode=require", &[]).unwrap(),
            Verify::Authority(Roots::File(own))
        );
    }
}
