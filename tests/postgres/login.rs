//! Getting in: passwords, encryption, sockets.

use std::fs;
use std::net::TcpListener;

use crate::Server;
use crate::program::{hindsight, refusal, run};
use crate::proxy::{Manner, Proxy, SSL_REQUEST};

/// Whether the rooms of a source can be listed; `environment`: what is set.
fn is_let_in(source: &str, environment: &[(&str, &str)]) -> bool {
    let output = hindsight(&["rooms", source]).envs(environment.iter().copied()).output().unwrap();
    if output.status.success() {
        return true;
    }
    refusal(&output);
    false
}

/// Why not.
fn refused(server: &Server, source: &str) -> String {
    let text = refusal(&run(&["rooms", source]));
    assert!(!text.contains(&server.password), "a password is told: {text}");
    text
}

#[test]
fn who_does_not_get_in_is_told_why() {
    let Some(server) = Server::get() else { return };
    let good = server.source();
    assert!(is_let_in(&good, &[]));
    let wrong = good.replace(&server.password, "not-the-password");
    let text = refused(&server, &wrong);
    assert!(text.contains("wrong password") && !text.contains("not-the-password"), "{text}");
    let none = good.replace(&format!(":{}", server.password), "");
    assert!(refused(&server, &none).contains("asks for a password"));
    assert!(refused(&server, &server.url("nobody", "synapse")).contains("nobody"));
    assert!(refused(&server, &server.url("reader", "no_such_database")).contains("no_such_database"));
    let unknown = server.url_at("reader", "no-such-host.invalid", server.port, "synapse");
    assert!(refused(&server, &unknown).contains("no-such-host.invalid"));
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let text = refused(&server, &server.url_at("reader", "127.0.0.1", free, "synapse"));
    assert!(text.contains("refused") && text.contains(&free.to_string()), "{text}");
    refused(&server, &format!("{good}?sslmode=perhaps"));
    refused(&server, &format!("{good}?no_such_parameter=1"));
    // Of no Synapse.
    assert!(refused(&server, &server.url("reader", "postgres")).contains("no table"));
    let text = refusal(&run(&["import", &good, "--room", "!nothing"]));
    assert!(text.contains("hindsight rooms") && !text.contains(&server.password), "{text}");
}

#[test]
fn passwords_come_from_where_libpq_has_them() {
    let Some(server) = Server::get() else { return };
    let bare = server.source().replace(&format!(":{}", server.password), "");
    assert!(is_let_in(&bare, &[("PGPASSWORD", &server.password)]));
    assert!(!is_let_in(&bare, &[("PGPASSWORD", "wrong")]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    let by_file = |lines: &str, mode: u32| {
        fs::write(&file, lines).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        is_let_in(&bare, &[("PGPASSFILE", file.to_str().unwrap())])
    };
    let Server { password, port, .. } = &server;
    assert!(by_file(&format!("# mine\n127.0.0.1:{port}:synapse:reader:{password}\n"), 0o600));
    assert!(by_file(&format!("other:*:*:*:x\n*:*:*:*:{password}"), 0o400));
    assert!(!by_file(&format!("*:*:*:somebody:{password}\n"), 0o600));
    assert!(!by_file(&format!("*:*:*:*:x\n*:*:*:*:{password}\n"), 0o600), "the first line that fits counts");
    if cfg!(unix) {
        assert!(!by_file(&format!("*:*:*:*:{password}\n"), 0o644), "others may read it");
    }
    // The rest of the URL may come from the environment, too.
    let port = port.to_string();
    let environment = [
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", &*port),
        ("PGUSER", "reader"),
        ("PGDATABASE", "synapse"),
        ("PGPASSWORD", &*server.password),
    ];
    assert!(is_let_in("postgres://", &environment));
}

#[cfg(unix)]
#[test]
fn a_socket_will_do() {
    let Some(server) = Server::get() else { return };
    let folder = server.folder.to_str().unwrap();
    let source = format!("postgres://reader:{}@/synapse?host={folder}&port={}", server.password, server.port);
    assert!(is_let_in(&source, &[]));
    let nowhere = format!("postgres://reader@/synapse?host={folder}&port=1");
    refused(&server, &nowhere);
}

#[test]
fn encryption_is_as_strict_as_was_asked_for() {
    let Some(server) = Server::get() else { return };
    let authority = server.authority.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Of somebody else.
    let other = folder.path().join("other.pem");
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Somebody else",
            "-keyout",
        ])
        .arg(folder.path().join("other.key"))
        .arg("-out")
        .arg(&other)
        .output()
        .unwrap();
    assert!(made.status.success());
    let other = other.to_str().unwrap();
    let by_name = server.url_at("reader", "localhost", server.port, "synapse");
    let by_number = server.source();
    for (mode, root, name, number) in [
        ("disable", "", true, true),
        ("prefer", "", true, true),
        ("require", "", true, true),
        ("require", authority, true, true),
        ("require", other, false, false),
        ("verify-ca", authority, true, true),
        ("verify-ca", other, false, false),
        ("verify-ca", "", false, false),
        ("verify-full", authority, true, false),
        ("verify-full", other, false, false),
        ("verify-full", "/no/such/file", false, false),
    ] {
        for (url, expected) in [(&by_name, name), (&by_number, number)] {
            let root = if root.is_empty() { String::new() } else { format!("&sslrootcert={root}") };
            let source = format!("{url}?sslmode={mode}{root}");
            // Not what the one who tests keeps at home.
            assert_eq!(
                is_let_in(&source, &[("HOME", folder.path().to_str().unwrap())]),
                expected,
                "{source}"
            );
        }
    }
    let environment = [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", authority)];
    assert!(is_let_in(&by_name, &environment) && !is_let_in(&by_number, &environment));
}

/// What goes over the wire.
#[test]
fn nothing_is_said_in_clear_that_should_be_encrypted() {
    let Some(server) = Server::get() else { return };
    let through = |manner, mode: &str| {
        let proxy = Proxy::start(manner, server.port);
        let url = server.url_at("reader", "127.0.0.1", proxy.port, "synapse");
        let is_let_in = is_let_in(&format!("{url}?sslmode={mode}"), &[]);
        (is_let_in, proxy.heard())
    };
    let is_clear = |said: &[u8]| memchr::memmem::find(said, b"hindsight").is_some();
    for mode in ["prefer", "require"] {
        let (is_let_in, said) = through(Manner::Honest, mode);
        assert!(is_let_in && said.starts_with(&SSL_REQUEST) && !is_clear(&said), "{mode}");
    }
    let (is_let_in, said) = through(Manner::Honest, "disable");
    assert!(is_let_in && is_clear(&said));
    let (is_let_in, said) = through(Manner::NoTls, "prefer");
    assert!(is_let_in && is_clear(&said));
    let (is_let_in, said) = through(Manner::NoTls, "require");
    assert!(!is_let_in && said == SSL_REQUEST, "it goes no further");
}
