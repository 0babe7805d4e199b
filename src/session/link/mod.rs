//! Share links: what is seen, as the fragment of a URL. What stands there never leaves the browser.
//!
//! ```text
//!   #room=topic-vs-ban&at=$MERGE&step=12&by=v2.1:spec&with=v2:synapse&filter=is:state&axis=depth&edges=auth
//!   #scenario=7VZNb9s4EP0rhM…&at=$Rqnc-F-dvnEYTqFyCxBSwEFaM_Oc&step=3
//!   #at=now
//!   #over=$one&over=$other&step=3
//! ```
//!
//! | parameter | meaning |
//! |---|---|
//! | `room` | a built-in room |
//! | `scenario` | a scenario: raw DEFLATE, base64url without padding |
//! | `at` | an event ID or the beginning of one, the name of an event in the scenario, or `now` |
//! | `over` | one of several events over the states after which it is resolved: instead of `at`, once for each |
//! | `step` | the step of the resolution there, from 0 |
//! | `by`, `with` | algorithm and profile in use, and those compared with |
//! | `filter`, `search`, `axis`, `edges` | as set; `edges` is `prev`, `auth` or `state` |
//! | `future` | `bright`: what comes after the cursor is not dimmed |
//! | `collapse` | `on`: linear runs are collapsed |
//! | `expanded` | a run that is not, by its first event; once for each |
//! | `selected` | an event, `now`, `key:TYPE/KEY`, `user:ID` or `server:NAME`; once for each |
//!
//! A link without a room is one to a place in a local file: whoever opens it has to open the file first. Parameters that are not
//! known are passed over, so that later versions may have more, and what a link does not tell is as it is at the beginning, so that
//! links of earlier versions mean what they meant.

mod item;
mod packed;
mod session;

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

pub use self::item::LinkedItem;
use super::{Axis, EdgeMode, Pair};

/// The largest fragment, in bytes. A Matrix event has 65,535 at most; so the link fits into a message about the room,
/// which is where links are sent. Browsers would take more.
pub const LARGEST: usize = 60_000;

/// The largest fragment that is looked at, in bytes: other programs may make larger ones than this one.
const LARGEST_READ: usize = 16 << 20;

/// What would end a parameter, or be changed on the way by programs that look for links in text.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'\\');

/// Which room a link is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LinkedRoom {
    /// The one that is open.
    #[default]
    Open,
    /// A built-in room.
    Tutorial(String),
    /// This one: the text of a scenario.
    Scenario(Vec<u8>),
}

/// A place as it stands in a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkedPlace {
    /// The last row.
    Now,
    /// An event: its ID, the beginning of it, or its name in the scenario.
    Event(String),
    /// The resolution over several events, each named as above.
    Over(Vec<String>),
}

/// What a link holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareLink {
    /// Which room.
    pub room: LinkedRoom,
    /// Where; `None`: where one begins.
    pub at: Option<LinkedPlace>,
    /// The step of the resolution there.
    pub step: Option<usize>,
    /// Algorithm and profile; `None`: those of the room version and the specification.
    pub pair: Option<Pair>,
    /// Those to compare with.
    pub compare: Option<Pair>,
    /// The filter.
    pub filter: String,
    /// What is searched for.
    pub search: String,
    /// The time axis.
    pub axis: Axis,
    /// The edges of the graph.
    pub edges: EdgeMode,
    /// What comes after the cursor is not dimmed.
    pub bright_future: bool,
    /// Linear runs are collapsed.
    pub collapse: bool,
    /// The runs that are expanded all the same: the event each begins with, named as in [`LinkedPlace::Event`].
    pub expanded: Vec<String>,
    /// What is selected, the last one selected at the end.
    pub selected: Vec<LinkedItem>,
}

/// Why a link cannot be made, or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// The room does not fit. Bytes of the link that would be needed, or of the room if it is far too large to try.
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// A fragment nobody makes.
    FarTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A parameter has a value that it cannot have.
    BadValue {
        /// The parameter.
        name: &'static str,
        /// The value, or the beginning of it.
        value: String,
    },
    /// The scenario is damaged; the text says how.
    BadScenario(String),
    /// The scenario is larger than anybody wants when it is unpacked.
    Bomb {
        /// The largest size in bytes.
        limit: usize,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => write!(
                f,
                "The room is too large for a link: {} kB, of at most {} kB. Save the scenario instead",
                bytes.div_ceil(1000),
                LARGEST / 1000
            ),
            Self::FarTooLong { bytes } => {
                write!(f, "The link is too long: {} MB", bytes.div_ceil(1_000_000))
            }
            Self::BadValue { name, value } => write!(f, "The link has a bad value for {name}: {value}"),
            Self::BadScenario(why) => {
                write!(f, "The room in the link is damaged: {why}. Was the whole link copied?")
            }
            Self::Bomb { limit } => {
                write!(f, "The room in the link is larger than {} MB", limit / 1_000_000)
            }
        }
    }
}

impl std::error::Error for LinkError {}

impl ShareLink {
    /// The fragment, without `#`.
    ///
    /// # Errors
    /// If the room does not fit.
    pub fn encode(&self) -> Result<String, LinkError> {
        let mut fragment = String::new();
        let mut put = |name: &str, value: &str| {
            if !fragment.is_empty() {
                fragment.push('&');
            }
            fragment.push_str(name);
            fragment.push('=');
            fragment.extend(utf8_percent_encode(value, ESCAPED));
        };
        match &self.room {
            LinkedRoom::Open => {}
            LinkedRoom::Tutorial(slug) => put("room", slug),
            LinkedRoom::Scenario(text) => put("scenario", &packed::pack(text)),
        }
        match &self.at {
            None => {}
            Some(LinkedPlace::Now) => put("at", "now"),
            Some(LinkedPlace::Event(id)) => put("at", &dollar(id)),
            Some(LinkedPlace::Over(ids)) => ids.iter().for_each(|id| put("over", &dollar(id))),
        }
        let pairs = [("by", self.pair), ("with", self.compare)];
        if let Some(step) = self.step {
            put("step", &step.to_string());
        }
        for (name, pair) in pairs {
            if let Some(pair) = pair {
                put(name, &pair.to_string());
            }
        }
        for (name, text) in [("filter", &self.filter), ("search", &self.search)] {
            if !text.is_empty() {
                put(name, text);
            }
        }
        if self.axis != Axis::default() {
            put("axis", self.axis.as_str());
        }
        if self.edges != EdgeMode::default() {
            put("edges", self.edges.as_str());
        }
        if self.bright_future {
            put("future", "bright");
        }
        if self.collapse {
            put("collapse", "on");
        }
        self.expanded.iter().for_each(|id| put("expanded", &dollar(id)));
        self.selected.iter().for_each(|item| put("selected", &item.text()));
        if fragment.len() > LARGEST {
            Err(LinkError::TooLarge { bytes: fragment.len() })
        } else {
            Ok(fragment)
        }
    }

    /// Reads a fragment, with or without `#`; the empty one holds nothing.
    ///
    /// # Errors
    /// If a parameter that is known has a value that makes no sense. Nobody knows who made a link: what it unpacks to is
    /// bounded.
    pub fn decode(fragment: &str) -> Result<Self, LinkError> {
        if fragment.len() > LARGEST_READ {
            return Err(LinkError::FarTooLong { bytes: fragment.len() });
        }
        let mut link = Self::default();
        let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
        for (name, value) in fragment.split('&').filter_map(|parameter| parameter.split_once('=')) {
            link.take(name, value)?;
        }
        Ok(link)
    }

    fn take(&mut self, name: &str, raw: &str) -> Result<(), LinkError> {
        match name {
            "room" => self.room = LinkedRoom::Tutorial(text("room", raw)?.into_owned()),
            "scenario" => self.room = LinkedRoom::Scenario(packed::unpack(&text("scenario", raw)?)?),
            "at" => {
                self.at = Some(match &*text("at", raw)? {
                    "now" => LinkedPlace::Now,
                    _ => LinkedPlace::Event(event("at", raw)?),
                });
            }
            "over" => {
                let id = event("over", raw)?;
                match &mut self.at {
                    Some(LinkedPlace::Over(ids)) => ids.push(id),
                    at => *at = Some(LinkedPlace::Over(vec![id])),
                }
            }
            "step" => self.step = Some(raw.parse().map_err(|_| bad("step", raw))?),
            "by" => self.pair = Some(pair("by", raw)?),
            "with" => self.compare = Some(pair("with", raw)?),
            "filter" => self.filter = text("filter", raw)?.into_owned(),
            "search" => self.search = text("search", raw)?.into_owned(),
            "future" => self.bright_future = word("future", raw, ["dim", "bright"])?,
            "collapse" => self.collapse = word("collapse", raw, ["off", "on"])?,
            "expanded" => self.expanded.push(event("expanded", raw)?),
            "selected" => self.selected.extend(LinkedItem::read(&text("selected", raw)?)),
            "axis" => self.axis = Axis::of(raw).ok_or_else(|| bad("axis", raw))?,
            "edges" => self.edges = EdgeMode::of(raw).ok_or_else(|| bad("edges", raw))?,
            _ => {}
        }
        Ok(())
    }
}

fn bad(name: &'static str, value: &str) -> LinkError {
    LinkError::BadValue { name, value: value.chars().take(40).collect() }
}

fn text<'a>(name: &'static str, raw: &'a str) -> Result<Cow<'a, str>, LinkError> {
    percent_decode_str(raw).decode_utf8().map_err(|_| bad(name, raw))
}

/// An event ID begins with a dollar sign, and nothing else in a link does.
fn dollar(id: &str) -> String {
    format!("${}", id.strip_prefix('$').unwrap_or(id))
}

fn event(name: &'static str, raw: &str) -> Result<String, LinkError> {
    let id = text(name, raw)?;
    if matches!(&*id, "" | "$") { Err(bad(name, raw)) } else { Ok(id.into_owned()) }
}

/// Which of two words.
fn word(name: &'static str, raw: &str, [no, yes]: [&str; 2]) -> Result<bool, LinkError> {
    if raw == yes || raw == no { Ok(raw == yes) } else { Err(bad(name, raw)) }
}

fn pair(name: &'static str, raw: &str) -> Result<Pair, LinkError> {
    Pair::parse(&text(name, raw)?).ok_or_else(|| bad(name, raw))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::Profile;

    fn pairs() -> impl Strategy<Value = Option<Pair>> {
        let pair = (0_usize..3, 0_usize..3)
            .prop_map(|(a, p)| Pair { algorithm: Pair::ALGORITHMS[a], profile: Profile::ALL[p] });
        prop::option::of(pair)
    }

    fn links() -> impl Strategy<Value = ShareLink> {
        let room = prop_oneof![
            Just(LinkedRoom::Open),
            "[a-z0-9&=% -]{1,20}".prop_map(LinkedRoom::Tutorial),
            prop::collection::vec(any::<u8>(), 0..2000).prop_map(LinkedRoom::Scenario),
        ];
        let at = prop::option::of(prop_oneof![
            Just(LinkedPlace::Now),
            "\\$[^$]{1,30}".prop_map(LinkedPlace::Event),
            prop::collection::vec("\\$[^$]{1,30}", 1..5).prop_map(LinkedPlace::Over),
        ]);
        let axis = (0_usize..4).prop_map(|number| Axis::ALL[number]);
        let edges = prop_oneof![Just(EdgeMode::Prev), Just(EdgeMode::Auth)];
        let expanded = prop::collection::vec("\\$[^$]{1,30}", 0..4);
        let selected = prop::collection::vec(item::tests::items(), 0..4);
        let texts = ("\\PC{0,30}", "\\PC{0,30}");
        let view = (texts, axis, edges, any::<bool>(), any::<bool>(), expanded, selected);
        (room, at, prop::option::of(any::<usize>()), pairs(), pairs(), view).prop_map(
            |(room, at, step, pair, compare, view)| {
                let ((filter, search), axis, edges, bright_future, collapse, expanded, selected) = view;
                ShareLink {
                    room,
                    at,
                    step,
                    pair,
                    compare,
                    filter,
                    search,
                    axis,
                    edges,
                    bright_future,
                    collapse,
                    expanded,
                    selected,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn links_lead_back(link in links()) {
            let fragment = link.encode().unwrap();
            prop_assert!(fragment.bytes().all(|b| b.is_ascii_graphic() && !b"\"#<>`".contains(&b)), "{fragment}");
            prop_assert_eq!(ShareLink::decode(&fragment), Ok(link.clone()));
            prop_assert_eq!(ShareLink::decode(&format!("#{fragment}&later=1")), Ok(link));
        }

        #[test]
        fn nothing_makes_it_panic(fragment in "((room|scenario|at|over|step|by|with|axis|filter|search|future|collapse|expanded|selected)=[^&]{0,20}&?){0,5}") {
            let _ = ShareLink::decode(&fragment);
        }
    }

    #[test]
    fn links_can_be_read_by_people() {
        let link = ShareLink {
            room: LinkedRoom::Tutorial("topic-vs-ban".into()),
            at: Some(LinkedPlace::Event("$MERGE".into())),
            step: Some(12),
            compare: Pair::parse("v2:synapse"),
            filter: "is:state sender:@bob".into(),
            ..ShareLink::default()
        };
        let fragment = "room=topic-vs-ban&at=$MERGE&step=12&with=v2:synapse&filter=is:state%20sender:@bob";
        assert_eq!(link.encode().as_deref(), Ok(fragment));
    }

    #[test]
    fn bad_links_are_told_as_such() {
        for (fragment, message) in [
            ("step=-1", "bad value for step: -1"),
            ("by=v3", "bad value for by: v3"),
            ("axis=sideways", "bad value for axis"),
            ("at=", "bad value for at"),
            ("over=$a&over=$", "bad value for over"),
            ("future=dark", "bad value for future"),
            ("collapse=1", "bad value for collapse"),
            ("selected=%ff", "bad value for selected"),
            ("filter=%ff", "bad value for filter"),
            ("scenario=****", "damaged"),
        ] {
            let error = ShareLink::decode(fragment).unwrap_err().to_string();
            assert!(error.contains(message), "{fragment}: {error}");
        }
        assert_eq!(ShareLink::decode(""), Ok(ShareLink::default()));
        assert!(ShareLink::decode(&"a".repeat(LARGEST_READ + 1)).is_err());
        let mut rng = crate::generate::Rng::new(1);
        let noise = (0..200_000).map(|_| rng.below(256) as u8).collect();
        let link = ShareLink { room: LinkedRoom::Scenario(noise), ..ShareLink::default() };
        assert!(matches!(link.encode(), Err(LinkError::TooLarge { bytes: 100_000.. })));
    }
}
