//! Invitations by e-mail address: an identity server that signs.

use ruma::CanonicalJsonObject;
use ruma::signatures::{Ed25519KeyPair, sign_json};
use serde_json::{Value, json};

use super::Draft;
use crate::event::signing;

/// An identity server with one key.
#[derive(Debug)]
pub struct IdentityServer {
    key: Ed25519KeyPair,
}

impl IdentityServer {
    /// An identity server whose key follows from `seed`.
    pub fn new(seed: u8) -> Self {
        Self { key: signing::key_pair([seed; 32], "1") }
    }

    /// `m.room.third_party_invite` by `sender`; `token` links it to the invite that follows.
    pub fn offer(&self, sender: &str, token: &str) -> Draft {
        let key = signing::public_key(&self.key);
        let content = json!({
            "display_name": "somebody",
            "key_validity_url": "https://identity/valid",
            "public_key": key,
            "public_keys": [{ "public_key": key }],
        });
        Draft::state("m.room.third_party_invite", token, sender, content)
    }

    /// The invite of `target`, signed, after the address was confirmed.
    pub fn invite(&self, sender: &str, target: &str, token: &str) -> Draft {
        let mut draft = Draft::invite(sender, target);
        draft.content["third_party_invite"] =
            json!({ "display_name": "somebody", "signed": self.signed(target, token) });
        draft
    }

    fn signed(&self, target: &str, token: &str) -> Value {
        let signed = json!({ "mxid": target, "token": token });
        let Ok(mut object) = serde_json::from_value::<CanonicalJsonObject>(signed) else {
            return Value::Null;
        };
        match sign_json("identity", &self.key, &mut object) {
            Ok(()) => serde_json::to_value(object).unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }
}
