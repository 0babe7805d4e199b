//! What stands between the program and the server, and does to the connection what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a proxy does.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// Hangs up after so many bytes of the server's.
    CutAfter(usize),
    /// Says to whoever asks for TLS that there is none, and passes on the rest.
    NoTls,
    /// Passes everything on.
    Honest,
    /// Never says a word.
    Mute,
    /// Answers with something else.
    Stranger,
}

/// A proxy that listens.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// What the program said, on all connections.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub(crate) fn start(manner: Manner, server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { port, heard: Arc::clone(&heard) };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let heard = Arc::clone(&heard);
                thread::spawn(move || serve(manner, client, server, &heard));
            }
        });
        proxy
    }

    /// Everything that the program sent until now.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }
}

/// What asks for TLS: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
pub(crate) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

fn serve(manner: Manner, mut client: TcpStream, server: u16, heard: &Arc<Mutex<Vec<u8>>>) -> Option<()> {
    match manner {
        Manner::Mute => {
            let mut rest = [0; 1024];
            while client.read(&mut rest).ok()? > 0 {}
            return None;
        }
        Manner::Stranger => {
            let mut first = [0; 8];
            client.read_exact(&mut first).ok()?;
            client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok()?;
            return client.shutdown(Shutdown::Both).ok();
        }
        Manner::NoTls => {
            let mut first = [0; 8];
            client.read_exact(&mut first).ok()?;
            heard.lock().unwrap().extend(first);
            if first == SSL_REQUEST {
                client.write_all(b"N").ok()?;
                return pass(client, server, &[], usize::MAX, heard);
            }
            return pass(client, server, &first, usize::MAX, heard);
        }
        Manner::Honest | Manner::CutAfter(_) => {}
    }
    let limit = if let Manner::CutAfter(limit) = manner { limit } else { usize::MAX };
    pass(client, server, &[], limit, heard)
}

/// Passes on what both sides say, of the server at most so many bytes.
fn pass(
    client: TcpStream,
    server: u16,
    first: &[u8],
    limit: usize,
    heard: &Arc<Mutex<Vec<u8>>>,
) -> Option<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).ok()?;
    server.write_all(first).ok()?;
    let (mut from_client, mut to_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(count @ 1..) = from_client.read(&mut some) {
            heard.lock().unwrap().extend(&some[..count]);
            if to_server.write_all(&some[..count]).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let mut to_client = client;
    let mut left = limit;
    let mut some = [0; 4096];
    while left > 0 {
        let Ok(count @ 1..) = server.read(&mut some) else { break };
        let count = count.min(left);
        left -= count;
        if to_client.write_all(&some[..count]).is_err() {
            break;
        }
    }
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    None
}
