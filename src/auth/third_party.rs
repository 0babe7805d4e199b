//! The part of the invite rule about third-party invites. Signatures are verified, through ruma.

use ruma::serde::{Base64, base64::Standard};
use ruma::signatures::verify_canonical_json_bytes;
use ruma::third_party_invite::IdentityServerBase64PublicKey;
use ruma::{AnyKeyName, CanonicalJsonObject, SigningKeyId};
use serde_json::{Map, Value};

use super::dependent::Check;
use super::operand::{Operand, Recorder, Role};
use super::profile::Errors;
use super::{Refusal, Rule, Verdict};
use crate::event::content::{Content, Member, Membership, ThirdPartyInvite};
use crate::room::{EventIx, KeyIx};

pub(super) fn check_third_party_invite<S, R>(
    check: &mut Check<'_, S, R>,
    key: KeyIx,
    member: &Member,
) -> Verdict
where
    S: Fn(KeyIx) -> Option<EventIx>,
    R: Recorder,
{
    if *check.membership(key, Role::Target)? == Membership::Ban {
        return Err(Refusal::Rule(Rule::Invite3pidBanned));
    }
    let signed = member.third_party_invite.as_ref().and_then(|invite| invite.get("signed"));
    let Some(signed) = signed else {
        return Err(Refusal::Rule(Rule::Invite3pidUnsigned));
    };
    let Some(signed) = signed.as_object() else {
        return Err(Refusal::Rule(Rule::Invite3pidFields));
    };
    let text = |name: &str| signed.get(name).and_then(Value::as_str);
    let (Some(mxid), Some(token)) = (text("mxid"), text("token")) else {
        return Err(Refusal::Rule(Rule::Invite3pidFields));
    };
    if mxid != check.user(key) {
        return Err(Refusal::Rule(Rule::Invite3pidMxid));
    }
    let invite = check.room.find_key("m.room.third_party_invite", token).and_then(|key| (check.state)(key));
    check.recorder.record(|| Operand::ThirdPartyInvite { token: token.into(), event: invite });
    let Some(invite) = invite.map(|invite| check.room.event(invite)) else {
        return Err(Refusal::Rule(Rule::Invite3pidNoInvite));
    };
    if invite.sender() != check.event.sender() {
        return Err(Refusal::Rule(Rule::Invite3pidSender));
    }
    let Content::ThirdPartyInvite(content) = invite.content() else {
        return Err(Refusal::Rule(Rule::Invite3pidNoMatch));
    };
    if check.switches.errors == Errors::RumaErrors && !are_readable(content) {
        let text = "malformed `public_key` or `public_keys`".to_owned();
        return Err(Refusal::Unreadable(Rule::Invite3pidNoMatch, text));
    }
    if is_signed(signed, content, check.switches.errors == Errors::Raise) {
        Ok(Rule::Invite3pidSigned)
    } else {
        Err(Refusal::Rule(Rule::Invite3pidNoMatch))
    }
}

/// The public keys of an `m.room.third_party_invite`.
fn public_keys(content: &ThirdPartyInvite) -> Vec<Vec<u8>> {
    let many = content.public_keys.as_ref().and_then(Value::as_array).into_iter().flatten();
    content
        .public_key
        .iter()
        .chain(many.filter_map(|key| key.get("public_key")))
        .filter_map(Value::as_str)
        .filter_map(decode_key)
        .collect()
}

/// Whether ruma can read all keys; one that it cannot read spoils the others.
fn are_readable(content: &ThirdPartyInvite) -> bool {
    let one = content.public_key.as_ref().is_none_or(|key| key.is_null() || key.is_string());
    let is_key = |key: &Value| key.get("public_key").is_some_and(Value::is_string);
    let many = content.public_keys.as_ref();
    one && many.is_none_or(|keys| keys.as_array().is_some_and(|keys| keys.iter().all(is_key)))
}

/// Whether any signature in `signed` is by any of the keys. Synapse tries only the first signature against each
/// key (`first_only`).
fn is_signed(signed: &Map<String, Value>, content: &ThirdPartyInvite, first_only: bool) -> bool {
    let signatures = signed.get("signatures").and_then(Value::as_object);
    let signatures: Vec<(&String, &Value)> = signatures
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(key_id, _)| !first_only || key_id.starts_with("ed25519:"))
        .take(if first_only { 1 } else { usize::MAX })
        .collect();
    let Some(message) = signed_message(signed) else { return false };
    let keys = public_keys(content);
    signatures.into_iter().any(|(key_id, signature)| {
        let Some(signature) = signature.as_str() else { return false };
        keys.iter().any(|key| is_signature(&message, key_id, signature, key))
    })
}

/// What is signed: canonical JSON without signatures.
pub(crate) fn signed_message(signed: &Map<String, Value>) -> Option<String> {
    let mut message = signed.clone();
    message.remove("signatures");
    message.remove("unsigned");
    let message = serde_json::from_value::<CanonicalJsonObject>(Value::Object(message)).ok()?;
    serde_json::to_string(&message).ok()
}

/// Whether `signature` under the name `key_id` is one of the message by the public key.
pub(crate) fn is_signature(message: &str, key_id: &str, signature: &str, key: &[u8]) -> bool {
    let Ok(key_id) = <&SigningKeyId<AnyKeyName>>::try_from(key_id) else { return false };
    let Ok(signature) = Base64::<Standard>::parse(signature) else { return false };
    verify_canonical_json_bytes(&key_id.algorithm(), key, signature.as_bytes(), message.as_bytes()).is_ok()
}

/// The bytes of a public key as events give it; `None` if it is none.
pub(crate) fn decode_key(key: &str) -> Option<Vec<u8>> {
    IdentityServerBase64PublicKey(key.to_owned()).decode().ok()
}
