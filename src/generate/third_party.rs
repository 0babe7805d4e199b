//! Invitations by e-mail address: an identity server that signs.

use ruma::CanonicalJsonObject;
use ruma::serde::Base64;
use ruma::signatures::{Ed25519KeyPair, sign_json};
use serde_json::{Value, json};

use super::Draft;

/// What precedes the seed in a PKCS #8 document of an Ed25519 key.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// An identity server with one key.
#[derive(Debug)]
pub struct IdentityServer {
    key: Ed25519KeyPair,
}

impl IdentityServer {
    /// An identity server whose key follows from `seed`.
    ///
    /// # Panics
    /// Never: the document is well-formed.
    pub fn new(seed: u8) -> Self {
        let document = [&PKCS8_PREFIX[..], &[seed; 32]].concat();
        let key = Ed25519KeyPair::from_der(&document, "1".to_owned()).expect("a well-formed document");
        Self { key }
    }

    /// `m.room.third_party_invite` by `sender`; `token` links it to the invite that follows.
    pub fn offer(&self, sender: &str, token: &str) -> Draft {
        let key = Base64::<ruma::serde::base64::Standard>::new(self.key.public_key().to_vec()).encode();
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
