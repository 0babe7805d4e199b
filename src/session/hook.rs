//! The state of a session as JSON, for tests from outside.

use serde_json::{Value, json};

use super::Session;

/// What is seen.
pub fn to_json(session: &Session) -> Value {
    json!({ "name": session.source().name })
}
