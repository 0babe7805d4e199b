//! Share links: what is seen, as a URL fragment.

use std::fmt;

use super::Session;

/// What a link holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareLink;

/// Why a link cannot be made, or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkError {
    /// The room does not fit into a link.
    TooLarge,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links are not made yet")
    }
}

impl std::error::Error for LinkError {}

impl ShareLink {
    /// The fragment, without `#`.
    ///
    /// # Errors
    /// If the room does not fit.
    pub fn encode(&self) -> Result<String, LinkError> {
        Err(LinkError::TooLarge)
    }
}

impl Session {
    /// A link to what is seen.
    pub fn link(&self) -> ShareLink {
        ShareLink
    }
}
