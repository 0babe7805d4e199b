//! A room as text that this program, TARDIS and others read again.

mod events;
mod harmless;
mod scenario;

pub use self::events::write as write_events;
pub use self::harmless::{escape_json, is_harmful};
pub use self::scenario::{scenario_text, write as write_scenario};
