//! Third-party invites: tokens, keys and signatures, made again so that what was signed still is.

use std::collections::BTreeMap;

use ruma::CanonicalJsonObject;
use ruma::signatures::{Ed25519KeyPair, sign_json};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Masks;
use crate::auth::{decode_key, is_signature, signed_message};
use crate::event::content::Content;
use crate::event::{json, signing};
use crate::room::Room;

/// The public keys of a room and the pairs in place of them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// By the public key as written: its bytes and its number.
    known: BTreeMap<Box<str>, (Vec<u8>, usize)>,
}

/// What stands in place of a signature that is none.
const NO_SIGNATURE: &str =
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Keys {
    /// All public keys that invites of the room offer.
    pub(super) fn of(room: &Room) -> Self {
        let mut keys = Self::default();
        for ix in room.events() {
            let Content::ThirdPartyInvite(content) = room.event(ix).content() else { continue };
            let many = content.public_keys.iter().filter_map(Value::as_array).flatten();
            let many = many.filter_map(|key| key.get("public_key"));
            for key in content.public_key.iter().chain(many).filter_map(Value::as_str) {
                let number = keys.known.len();
                if let Some(bytes) = decode_key(key) {
                    keys.known.entry(key.into()).or_insert((bytes, number));
                }
            }
        }
        keys
    }

    fn pair(number: usize, version: &str) -> Ed25519KeyPair {
        signing::key_pair(Sha256::digest(format!("key {number}")).into(), version)
    }

    /// The public key in place of one; `None` if that is none.
    fn public(&self, old: &str) -> Option<String> {
        let (bytes, number) = self.known.get(old)?;
        // Of another length it is no key that could have signed, and none it stays.
        Some(if bytes.len() == 32 {
            signing::public_key(&Self::pair(*number, "1"))
        } else {
            "AAAA".to_owned()
        })
    }

    /// The number of the key by which this is a signature.
    fn signer(&self, message: &str, key_id: &str, signature: &str) -> Option<usize> {
        let found = self.known.values().find(|(bytes, _)| is_signature(message, key_id, signature, bytes));
        found.map(|(_, number)| *number)
    }
}

impl Masks<'_> {
    /// The content of `m.room.third_party_invite`.
    pub(super) fn offer(&mut self, content: &str) -> String {
        let keys = |masks: &mut Self, old: &str, name: &str| match json::string(old) {
            Some(key) => {
                let public = masks.keys.public(&key);
                json::quote(&public.unwrap_or_else(|| masks.names().text(&key)))
            }
            None => masks.value(old, name, 1),
        };
        self.members(content, |masks, name, old| match name {
            "public_key" => keys(masks, old, name),
            "public_keys" if old.starts_with('[') => {
                let elements = json::elements(old).unwrap_or_default();
                let elements: Vec<String> = elements
                    .into_iter()
                    .map(|element| match element.as_bytes().first() {
                        Some(b'{') => masks.members(element, |masks, name, old| match name {
                            "public_key" => keys(masks, old, name),
                            _ => masks.value(old, name, 1),
                        }),
                        _ => masks.value(element, name, 1),
                    })
                    .collect();
                format!("[{}]", elements.join(","))
            }
            _ => masks.value(old, name, 1),
        })
    }

    /// `third_party_invite` of a membership.
    pub(super) fn accepted(&mut self, invite: &str) -> String {
        if !invite.starts_with('{') {
            return self.value(invite, "third_party_invite", 1);
        }
        self.members(invite, |masks, name, old| match name {
            "signed" if old.starts_with('{') => masks.signed(old),
            _ => masks.value(old, name, 1),
        })
    }

    /// The signed part: another user, another token, so other signatures; by the keys in place of those that signed.
    fn signed(&mut self, old: &str) -> String {
        let bare = self.members(old, |masks, name, old| match (name, json::string(old)) {
            ("mxid", Some(user)) => json::quote(&masks.names().user(&user)),
            ("token", Some(token)) => json::quote(&masks.names().token(&token)),
            ("signatures", _) if old.starts_with('{') => "{}".to_owned(),
            _ => masks.value(old, name, 1),
        });
        let Ok(before) = serde_json::from_str::<Map<String, Value>>(old) else { return bare };
        let Ok(mut after) = serde_json::from_str::<CanonicalJsonObject>(&bare) else { return bare };
        let message = signed_message(&before);
        let servers = before.get("signatures").and_then(Value::as_object);
        let mut others: Vec<(String, String, Value)> = Vec::new();
        for (server, signatures) in servers.into_iter().flatten() {
            let server = self.names().server(server);
            for (number, (key_id, signature)) in signatures.as_object().into_iter().flatten().enumerate() {
                let (kind, _) = key_id.split_once(':').unwrap_or((key_id, ""));
                let version = (number + 1).to_string();
                let signer = message
                    .as_deref()
                    .zip(signature.as_str())
                    .and_then(|(message, signature)| self.keys.signer(message, key_id, signature));
                match signer {
                    // Made from what is signed alone, so one after the other does no harm.
                    Some(number) => drop(sign_json(&server, &Keys::pair(number, &version), &mut after)),
                    None => {
                        let kind = if kind == "ed25519" { "ed25519" } else { "unknown" };
                        let signature = if signature.is_string() { NO_SIGNATURE.into() } else { Value::Null };
                        others.push((server.clone(), format!("{kind}:{version}"), signature));
                    }
                }
            }
        }
        let Ok(mut signed) = serde_json::to_value(after) else { return bare };
        for (server, key_id, signature) in others {
            signed["signatures"][server][key_id] = signature;
        }
        signed.to_string()
    }
}
