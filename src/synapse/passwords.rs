//! The password file of PostgreSQL's own programs,
//! <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::fs;
use std::path::Path;

/// What a password is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// Reads the file. A file that is not there has no passwords.
///
/// # Errors
/// If others may read it: then it is ignored, as libpq does. What to tell the user, without a full stop.
pub(super) fn read(path: &Path, key: Key<'_>) -> Result<Option<String>, String> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
    if !metadata.is_file() {
        return Err(format!("the password file {} is not a plain file: ignored", path.display()));
    }
    if is_shared(&metadata) {
        return Err(format!(
            "the password file {0} can be read by others and is ignored: chmod 0600 {0}",
            path.display()
        ));
    }
    Ok(fs::read(path).ok().and_then(|text| find(&String::from_utf8_lossy(&text), key)))
}

#[cfg(unix)]
fn is_shared(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_shared(_: &fs::Metadata) -> bool {
    false
}

/// The password of the first line that fits: `host:port:database:user:password`, each of the first four perhaps `*`,
/// `:` and `\` escaped by `\`.
fn find(text: &str, key: Key<'_>) -> Option<String> {
    let port = key.port.to_string();
    let asked = [key.host, &port, key.database, key.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields(line);
        let [first @ .., password] = &fields[..] else { return None };
        let fits = first.len() == asked.len()
            && first.iter().zip(asked).all(|(field, asked)| *field == "*" || unescaped(field) == asked);
        (fits && !password.is_empty()).then(|| unescaped(password))
    })
}

/// The fields as they are written; the fifth is the last.
fn fields(line: &str) -> Vec<&str> {
    let (mut fields, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' if fields.len() < 5 => {
                fields.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if fields.len() < 5 {
        fields.push(&line[start..]);
    }
    fields
}

fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut characters = field.chars();
    while let Some(c) = characters.next() {
        text.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str) -> Key<'_> {
        Key { host, port: 5432, database: "synapse", user: "me" }
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let file = "# db:5432:synapse:me:no\n\ndb:5433:*:*:no\nshort:5432:synapse\ndb:5432:synapse:you:no\n\
                    db:*:synapse:me:a\\:b\\\\c:ignored\n*:*:*:*:last\n";
        assert_eq!(find(file, key("db")).unwrap(), "a:b\\c");
        assert_eq!(find(file, key("other")).unwrap(), "last");
        assert_eq!(find("\\*:5432:synapse:me:x", key("db")), None);
        assert_eq!(find("\\:\\:1:5432:synapse:me:x", key("::1")).unwrap(), "x");
        assert_eq!(find("db:5432:synapse:me:", key("db")), None);
        assert_eq!(find("db:5432:synapse:me:x\r\n", key("db")).unwrap(), "x");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_ignored() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        assert_eq!(read(&path, key("db")), Ok(None));
        fs::write(&path, "*:*:*:*:secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path, key("db")).unwrap_err().contains("chmod 0600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&path, key("db")).unwrap().unwrap(), "secret");
    }
}
