//! The debugger as JSON, for tests that cannot look inside.

use serde_json::{Value, json};

use super::App;
use crate::session::hook;

impl App {
    /// What is shown and what is under way: the [state of the session](crate::session::hook), and around it `loading`
    /// (null, or stage and part) and `notices`.
    pub fn state(&self) -> Value {
        let loading = self.task.as_ref().map(|task| {
            let (stage, part) = task.progress();
            json!({ "name": task.name, "stage": stage.as_str(), "part": part })
        });
        json!({
            "session": if self.session.is_empty() { Value::Null } else { hook::to_json(&self.session) },
            "loading": loading,
            "replaying": self.replays.len(),
            "notices": self.notices.texts().collect::<Vec<_>>(),
        })
    }
}
