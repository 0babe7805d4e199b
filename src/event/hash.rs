//! Reference hashes, content hashes and event IDs, computed by ruma over canonical JSON.

use ruma::canonical_json::{CanonicalJsonObject, redact as redact_standard};
use ruma::serde::{Base64, base64::UrlSafe};
use ruma::signatures;
use sha2::{Digest, Sha256};

use super::room_version::Rules;

/// Why a hash cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhashable(pub String);

impl std::fmt::Display for Unhashable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unhashable {}

fn canonical(json: &str) -> Result<CanonicalJsonObject, Unhashable> {
    serde_json::from_str(json).map_err(|error| Unhashable(format!("no canonical JSON form: {error}")))
}

/// The event ID that follows from the event itself: `$` and its reference hash.
/// A member `event_id` of the JSON is not part of the PDU and is left out of the hash.
///
/// Meaningful where [`Rules::event_ids_are_hashes`]; in versions 1 and 2 an event ID is chosen by
/// its server.
///
/// Source: <https://spec.matrix.org/latest/server-server-api/#calculating-the-reference-hash-for-an-event>
///
/// # Errors
/// If the JSON has no canonical form (floats, integers beyond 2⁵³−1, nested too deep) or is larger
/// than a PDU may be.
pub fn event_id(json: &str, rules: &Rules) -> Result<String, Unhashable> {
    let mut object = canonical(json)?;
    if rules.event_ids_are_hashes() {
        object.remove("event_id");
    }
    event_id_of(&object, rules)
}

/// As [`event_id`], of an object that is already in canonical form and has no `event_id` member.
///
/// # Errors
/// As [`event_id`].
pub fn event_id_of(object: &CanonicalJsonObject, rules: &Rules) -> Result<String, Unhashable> {
    if rules.has_state_dag() {
        return state_dag_id(object, rules);
    }
    signatures::reference_hash(object, &rules.ruma())
        .map(|hash| format!("${hash}"))
        .map_err(|error| Unhashable(error.to_string()))
}

/// As [`event_id_of`], where redaction is not what the library takes it for.
fn state_dag_id(object: &CanonicalJsonObject, rules: &Rules) -> Result<String, Unhashable> {
    let mut redacted =
        redact(object.clone(), rules).map_err(|error| Unhashable(format!("cannot be redacted: {error}")))?;
    redacted.remove("signatures");
    redacted.remove("unsigned");
    let text = serde_json::to_string(&redacted).map_err(|error| Unhashable(error.to_string()))?;
    if text.len() > MAX_PDU {
        return Err(Unhashable(format!("larger than {MAX_PDU} bytes")));
    }
    Ok(format!("${}", Base64::<UrlSafe>::new(Sha256::digest(text).to_vec()).encode()))
}

/// The size no PDU may exceed (<https://spec.matrix.org/latest/client-server-api/#size-limits>).
const MAX_PDU: usize = 65_535;

/// The event as redaction leaves it, without a note of what redacted it.
///
/// MSC4242 does not speak of redaction. Here it keeps `prev_state_events` in place of `auth_events`, as in Synapse:
/// otherwise an event ID would not cover where the event stands in the state DAG.
///
/// # Errors
/// If the event has members of wrong types; the text says which.
pub(crate) fn redact(object: CanonicalJsonObject, rules: &Rules) -> Result<CanonicalJsonObject, String> {
    let kept = object.get("prev_state_events").cloned().filter(|_| rules.has_state_dag());
    let mut redacted =
        redact_standard(object, &rules.ruma().redaction, None).map_err(|error| error.to_string())?;
    if let Some(parents) = kept {
        redacted.insert("prev_state_events".to_owned(), parents);
        redacted.remove("auth_events");
    }
    Ok(redacted)
}

/// The content hash of the event in unpadded standard Base64, to be compared with
/// `hashes.sha256`.
///
/// Source: <https://spec.matrix.org/latest/server-server-api/#calculating-the-content-hash-for-an-event>
///
/// # Errors
/// As [`event_id`].
pub fn content_hash(json: &str, rules: &Rules) -> Result<String, Unhashable> {
    let mut object = canonical(json)?;
    if rules.event_ids_are_hashes() {
        object.remove("event_id");
    }
    signatures::content_hash(&object).map(|hash| hash.encode()).map_err(|error| Unhashable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The event and its ID come from the room `rv11-calm-136` of the conformance corpus.
    const CREATE: &str = include_str!("testdata/create-v11.json");

    #[test]
    fn ids_and_hashes_are_those_synapse_computes() {
        let rules = Rules::of("11").unwrap();
        let event: serde_json::Value = serde_json::from_str(CREATE).unwrap();
        assert_eq!(event_id(CREATE, rules).unwrap(), event["event_id"].as_str().unwrap());
        assert_eq!(content_hash(CREATE, rules).unwrap(), event["hashes"]["sha256"].as_str().unwrap());
    }

    // From `scene-reset-by-merge` of the corpus of state DAG rooms.
    const STATE_DAG_JOIN: &str = include_str!("testdata/join-msc4242.json");

    #[test]
    fn the_id_covers_the_parents_in_the_state_dag() {
        let rules = Rules::of("org.matrix.msc4242.12").unwrap();
        let event: serde_json::Value = serde_json::from_str(STATE_DAG_JOIN).unwrap();
        let id = event_id(STATE_DAG_JOIN, rules).unwrap();
        assert_eq!(id, event["event_id"].as_str().unwrap());
        assert_eq!(content_hash(STATE_DAG_JOIN, rules).unwrap(), event["hashes"]["sha256"].as_str().unwrap());
        let mut other = event;
        other["prev_state_events"][0] = "$another".into();
        assert_ne!(event_id(&other.to_string(), rules).unwrap(), id);
    }

    #[test]
    fn what_has_no_canonical_form_has_no_hash() {
        let rules = Rules::of("11").unwrap();
        assert!(event_id(r#"{"type":"x","content":{"level":1.5}}"#, rules).is_err());
        let deep = format!(r#"{{"type":"x","content":{}{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
        assert!(event_id(&deep, rules).is_err());
    }
}
