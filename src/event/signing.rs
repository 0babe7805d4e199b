//! Keys that follow from a seed: for rooms that are made, and for signatures that are made again.

use ruma::serde::{Base64, base64::Standard};
use ruma::signatures::Ed25519KeyPair;

/// What precedes the seed in a PKCS #8 document of an Ed25519 key.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The Ed25519 key of a seed; `version` follows the `ed25519:` in the names of its signatures.
///
/// # Panics
/// Never: the document is well-formed.
pub(crate) fn key_pair(seed: [u8; 32], version: &str) -> Ed25519KeyPair {
    let document = [&PKCS8_PREFIX[..], &seed].concat();
    Ed25519KeyPair::from_der(&document, version.to_owned()).expect("a well-formed document")
}

/// The public half in unpadded standard Base64, as events give it.
pub(crate) fn public_key(pair: &Ed25519KeyPair) -> String {
    Base64::<Standard>::new(pair.public_key().to_vec()).encode()
}
