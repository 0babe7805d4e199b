//! What is remembered from one day to the next, beside what egui remembers: sizes of panels and windows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How many files are remembered.
const RECENT: usize = 12;
const KEY: &str = "hindsight";

/// What is remembered.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    /// Files that were open, the last one first. Never in a browser, which does not tell paths.
    pub(super) recent: Vec<PathBuf>,
    /// The tab that is in front, by region.
    pub(super) tabs: std::collections::BTreeMap<String, String>,
}

impl Remembered {
    /// What was saved; nothing if that cannot be read any more.
    pub(super) fn load(storage: Option<&dyn eframe::Storage>) -> Self {
        let text = storage.and_then(|storage| storage.get_string(KEY));
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Saves it.
    pub(super) fn save(&self, storage: &mut dyn eframe::Storage) {
        if let Ok(text) = serde_json::to_string(self) {
            storage.set_string(KEY, text);
        }
    }

    /// Notes that a file was opened.
    pub(super) fn opened(&mut self, path: PathBuf) {
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_file_comes_first_and_none_twice() {
        let mut remembered = Remembered::default();
        for name in 0..20 {
            remembered.opened(format!("{name}").into());
        }
        remembered.opened("15".into());
        assert_eq!(remembered.recent.len(), RECENT);
        assert_eq!(remembered.recent[..3], ["15", "19", "18"].map(PathBuf::from));
    }
}
