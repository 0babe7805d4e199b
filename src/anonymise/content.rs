//! JSON values of which nothing is known: their shape stays, their words go.

use super::Masks;
use crate::event::json;

/// Deeper values are cut off.
const DEEPEST: usize = 32;

/// Keys of `content` that say what stands there, not what somebody thinks. Others are replaced.
const KEYS: &[&str] = &[
    "ad",
    "algorithm",
    "alias",
    "aliases",
    "allow",
    "allow_ip_literals",
    "alt_aliases",
    "avatar_url",
    "ban",
    "body",
    "ciphertext",
    "content",
    "creator",
    "additional_creators",
    "deny",
    "device_id",
    "display_name",
    "displayname",
    "duration",
    "event_id",
    "events",
    "events_default",
    "ext",
    "file",
    "filename",
    "format",
    "formatted_body",
    "guest_access",
    "h",
    "hashes",
    "history_visibility",
    "historical",
    "info",
    "invite",
    "is_direct",
    "iv",
    "join_authorised_via_users_server",
    "join_rule",
    "k",
    "key",
    "key_ops",
    "key_validity_url",
    "kick",
    "kty",
    "m.federate",
    "m.in_reply_to",
    "m.mentions",
    "m.new_content",
    "m.relates_to",
    "membership",
    "mimetype",
    "msgtype",
    "mxid",
    "name",
    "new_content",
    "notifications",
    "order",
    "pinned",
    "predecessor",
    "public_key",
    "public_keys",
    "reason",
    "redact",
    "redacts",
    "rel_type",
    "replacement_room",
    "room",
    "room_id",
    "room_ids",
    "room_version",
    "rotation_period_ms",
    "rotation_period_msgs",
    "sender",
    "sender_key",
    "server",
    "servers",
    "session_id",
    "sha256",
    "signatures",
    "signed",
    "size",
    "state_default",
    "state_key",
    "suggested",
    "third_party_invite",
    "thumbnail_file",
    "thumbnail_info",
    "thumbnail_url",
    "token",
    "topic",
    "type",
    "url",
    "user_id",
    "user_ids",
    "users",
    "users_default",
    "v",
    "via",
    "w",
];

/// Keys below which a word is one of a list, not free text.
const WORDS: &[(&str, &[&str])] = &[
    ("membership", &["join", "invite", "leave", "ban", "knock"]),
    ("join_rule", &["public", "invite", "knock", "restricted", "knock_restricted", "private"]),
    ("history_visibility", &["world_readable", "shared", "invited", "joined"]),
    ("guest_access", &["can_join", "forbidden"]),
];
/// Keys below which a word beginning with `m.` is one of the specification.
const SPECIFIED: &[&str] = &["algorithm", "msgtype", "rel_type", "type"];
/// Keys below which a word is a server name.
const SERVERS: &[&str] = &["allow", "deny", "server", "servers", "via"];

impl Masks<'_> {
    /// The value `old`, which stands under `key` (or in an array there), with everything replaced that could tell
    /// something. Of the same kind as before.
    pub(super) fn value(&mut self, old: &str, key: &str, depth: usize) -> String {
        match old.as_bytes().first() {
            Some(b'"') => {
                let text = json::string(old).unwrap_or_default();
                json::quote(&self.word(&text, key))
            }
            Some(b'{') if depth < DEEPEST => self.object(old, depth),
            Some(b'{') => "{}".to_owned(),
            Some(b'[') if depth < DEEPEST => {
                let elements = json::elements(old).unwrap_or_default();
                let elements: Vec<String> =
                    elements.into_iter().map(|element| self.value(element, key, depth + 1)).collect();
                format!("[{}]", elements.join(","))
            }
            Some(b'[') => "[]".to_owned(),
            Some(b't' | b'f' | b'n') => old.to_owned(),
            // A number.
            _ => "0".to_owned(),
        }
    }

    fn object(&mut self, old: &str, depth: usize) -> String {
        let members = json::members(old).unwrap_or_default();
        let members = members
            .into_iter()
            .map(|(key, json)| {
                let value = self.value(json, &key, depth + 1);
                (self.key(&key).into(), value)
            })
            .collect();
        json::object::<String>(&members)
    }

    /// The key of an object.
    pub(super) fn key(&mut self, old: &str) -> String {
        if KEYS.contains(&old) {
            return old.to_owned();
        }
        self.identifier(old).unwrap_or_else(|| self.names().key(old))
    }

    /// A string that stands under `key`.
    pub(super) fn word(&mut self, old: &str, key: &str) -> String {
        if let Some((_, words)) = WORDS.iter().find(|(name, _)| *name == key) {
            return if words.contains(&old) { old.to_owned() } else { self.names().text(old) };
        }
        if SPECIFIED.contains(&key) && old.starts_with("m.") && !old.contains(['@', ':', ' ', '/']) {
            return self.names().event_type(old);
        }
        if let Some(identifier) = self.identifier(old) {
            return identifier;
        }
        if SERVERS.contains(&key) { self.names().server(old) } else { self.names().text(old) }
    }

    /// The identifier in place of one, if it is one.
    pub(super) fn identifier(&mut self, old: &str) -> Option<String> {
        let has_server = old.contains(':') && !old.contains(char::is_whitespace);
        let is_hash = old.len() == 44 && old.is_ascii();
        match old.as_bytes().first()? {
            b'@' if has_server => Some(self.names().user(old)),
            b'#' if has_server => Some(self.names().alias(old)),
            b'!' if has_server || is_hash => Some(self.room_id(old)),
            b'$' if has_server || is_hash || self.knows(old) => Some(self.writer.id(old)),
            b'm' if old.starts_with("mxc://") => Some(self.names().media(old)),
            _ => None,
        }
    }
}
