//! The users and servers of a room, as numbers.

use std::io::Write as _;

/// A user, counted from 0 in the order in which they are first heard of.
pub(super) type UserIx = u32;
/// A server, counted from 0.
pub(super) type ServerIx = u16;

/// Everybody who was ever heard of.
#[derive(Debug, Default)]
pub(super) struct People {
    servers: Vec<String>,
    homes: Vec<ServerIx>,
}

impl People {
    /// Nobody yet, on `servers` servers.
    pub(super) fn new(servers: usize) -> Self {
        Self { servers: (0..servers).map(|number| format!("s{number}.example")).collect(), homes: Vec::new() }
    }

    /// A user nobody has heard of.
    pub(super) fn add(&mut self, home: ServerIx) -> UserIx {
        self.homes.push(home);
        UserIx::try_from(self.homes.len() - 1).unwrap_or(UserIx::MAX)
    }

    /// The server of a user.
    pub(super) fn home(&self, user: UserIx) -> ServerIx {
        self.homes[user as usize]
    }

    /// The name of a server.
    pub(super) fn server(&self, server: ServerIx) -> &str {
        &self.servers[usize::from(server)]
    }

    /// The name of a user's server.
    pub(super) fn server_of(&self, user: UserIx) -> &str {
        self.server(self.home(user))
    }

    /// The user ID.
    pub(super) fn id(&self, user: UserIx) -> String {
        format!("@user{user}:{}", self.server_of(user))
    }

    /// Writes the user ID as a JSON string.
    pub(super) fn write_id(&self, out: &mut Vec<u8>, user: UserIx) {
        let _ = write!(out, "\"@user{user}:{}\"", self.server_of(user));
    }
}
