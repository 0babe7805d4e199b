//! States by event ID: `precalculated_state_after` of a scenario and the file of asserted states.

use std::collections::BTreeMap;

use super::findings::Findings;
use crate::event::json;
use crate::report::{Code, Finding};
use crate::room::{Assertion, Provenance, When};

/// `{event_id: [IDs of state events]}`, and the entries that are not so.
#[derive(Debug, Default)]
pub(super) struct StateMap {
    states: Vec<(Box<str>, Vec<Box<str>>)>,
    bad: Vec<Finding>,
}

/// Reads the map from the bytes of a file.
pub(super) fn parse(file: &[u8]) -> Result<StateMap, String> {
    let text = std::str::from_utf8(file).map_err(|error| format!("not UTF-8: {error}"))?;
    let text = text.trim_start_matches('\u{feff}').trim_ascii();
    // `pick` looks at the whole text, `members` stops at the closing brace.
    json::pick(text, []).map_err(|error| error.to_string())?;
    StateMap::read(text).map_err(|error| error.to_string())
}

impl StateMap {
    /// Reads the map from JSON.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        let mut map = Self::default();
        for (event_id, state) in json::members(text)? {
            let ids: Option<Vec<Box<str>>> = json::elements(state)
                .and_then(|ids| ids.into_iter().map(|id| json::string(id).map(Box::from)).collect());
            match ids {
                Some(ids) => map.states.push((event_id, ids)),
                None => map.bad.push(
                    Finding::new(
                        Code::BadAssertedState,
                        "the asserted state is not an array of event IDs: left out",
                    )
                    .event(event_id),
                ),
            }
        }
        Ok(map)
    }

    /// Hands over the findings about entries that were left out.
    pub(super) fn report(&mut self, findings: &mut Findings) {
        findings.extend(std::mem::take(&mut self.bad));
    }

    /// The states as assertions, placeholders replaced.
    pub(super) fn assertions<'a>(
        &'a self,
        placeholders: &'a BTreeMap<String, String>,
        provenance: Provenance,
    ) -> impl Iterator<Item = Assertion> + 'a {
        // A name of the scenario may lack its sigil, as in everything the command line prints.
        let real = |id: &str| -> Box<str> {
            let name = placeholders.get(id).or_else(|| placeholders.get(&format!("${id}")));
            name.map_or(id, String::as_str).into()
        };
        self.states.iter().map(move |(event_id, state)| Assertion {
            event_id: real(event_id),
            when: When::After,
            state: state.iter().map(|id| real(id)).collect(),
            provenance,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_no_lists_are_left_out() {
        let mut map = parse(b"\xef\xbb\xbf {\"$a\":[\"$x\",\"$y\"],\"$b\":5,\"$c\":[1]}\n").unwrap();
        let placeholders = BTreeMap::from([("$x".to_owned(), "$real".to_owned())]);
        let assertions: Vec<_> = map.assertions(&placeholders, Provenance::File).collect();
        assert_eq!(assertions.len(), 1);
        assert_eq!(assertions[0].state, ["$real".into(), "$y".into()]);
        let mut findings = Findings::default();
        map.report(&mut findings);
        let bad: Vec<_> = findings.finish().into_iter().filter_map(|finding| finding.event).collect();
        assert_eq!(bad, ["$b".into(), "$c".into()]);
    }

    #[test]
    fn other_files_are_refused() {
        for file in [&b"[]"[..], b"", b"{} {}", b"\xff", b"{\"a\":"] {
            assert!(parse(file).is_err());
        }
    }
}
