//! A report on a room as one page: for a bug report, to read in a browser, and to print.
//!
//! The page needs nothing but itself: no script, no font, no picture from elsewhere, and its policy forbids all of that. It is
//! HTML and well-formed XML. What a dump says is only ever text in it.
//!
//! However large the room, the page stays bearable: of long lists it shows the beginning, says so, and names the command that
//! shows the rest.

mod events;
pub(super) mod markup;
mod resets;
mod resolution;
mod summary;
mod words;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use self::markup::escape;
use self::words::Writer;
use super::chosen::Chosen;
use super::graph::Picture;
use crate::describe::{Describer, text};
use crate::diagnose::resets::Diagnosis;
use crate::dump::Dump;
use crate::replay::Replay;
use crate::report::Finding;

/// How the page looks.
const STYLE: &str = concat!(include_str!("page.css"), include_str!("../graph.css"));

/// What the report is about.
pub(super) struct Report<'t, 'a> {
    pub(super) dump: &'a Dump,
    pub(super) replay: &'t Replay<'a>,
    pub(super) describer: &'t Describer<'a>,
    pub(super) diagnosis: &'t Diagnosis,
    pub(super) chosen: &'t Chosen,
}

impl Report<'_, '_> {
    /// Writes the page.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut findings: Vec<Finding> = self.dump.findings.clone();
        findings.extend(self.replay.findings());
        self.head(out)?;
        let mut page = Writer::new(self.describer);
        self.header(&mut page, !findings.is_empty());
        page.out.open("main", &[]);
        summary::verdict(&mut page, self.diagnosis);
        summary::write(&mut page, self.dump, self.replay, self.diagnosis, &findings);
        resets::write(&mut page, self.replay, self.diagnosis);
        self.graph(&mut page);
        resolution::write(&mut page, self.replay, self.chosen);
        summary::findings(&mut page, &self.dump.room, &findings);
        events::write(&mut page, self.replay);
        page.out.close("main");
        footer(&mut page);
        out.write_all(page.out.as_str().as_bytes())?;
        writeln!(out, "\n</body>\n</html>")
    }

    fn room_id(&self) -> String {
        text::shorten(self.dump.room.room_id().unwrap_or("a room"), 255)
    }

    fn head(&self, out: &mut impl Write) -> io::Result<()> {
        // A browser reads line breaks of any kind as `\n`, before it takes the hash.
        let style = format!("\n{}", STYLE.replace('\r', ""));
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        let policy =
            format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
        writeln!(out, "<!DOCTYPE html>")?;
        writeln!(out, "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>")?;
        writeln!(out, "<meta charset=\"utf-8\"/>")?;
        writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"/>")?;
        writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>")?;
        writeln!(out, "<meta name=\"referrer\" content=\"no-referrer\"/>")?;
        writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\"/>")?;
        writeln!(out, "<title>State resolution of {}</title>", escape(&self.room_id()))?;
        writeln!(out, "<style>{style}</style>\n</head>\n<body>")
    }

    fn header(&self, page: &mut Writer<'_>, has_findings: bool) {
        page.out.open("header", &[]);
        page.out.open("h1", &[]);
        page.out.text("State resolution of ");
        page.out.leaf("bdi", &[], &self.room_id());
        page.out.close("h1");
        page.out.open("nav", &[("aria-label", "Parts of this page")]);
        page.out.raw("<ul>");
        let parts = [
            ("#summary", "Summary", true),
            ("#resets", "State resets", true),
            ("#graph", "Graph", true),
            ("#resolution", "The resolution", true),
            ("#findings", "Findings", has_findings),
            ("#events", "Events", true),
        ];
        for (target, name, _) in parts.into_iter().filter(|(_, _, is_there)| *is_there) {
            page.out.raw("<li>");
            page.out.leaf("a", &[("href", target)], name);
            page.out.raw("</li>");
        }
        page.out.raw("</ul>");
        page.out.close("nav");
        page.out.close("header");
        page.out.raw("\n");
    }

    fn graph(&self, page: &mut Writer<'_>) {
        let picture = Picture::new(self.replay, self.describer, self.chosen, self.diagnosis);
        page.section("graph", "Graph", |page| {
            page.paragraph("weak", |page| {
                let excerpt = match picture.left_out {
                    0 => "All events, the oldest at the top.".to_owned(),
                    some => format!(
                        "The events with a part in the resolution below, and some around them, the oldest at the top; \
                         {} are left out.",
                        text::count(some, "other")
                    ),
                };
                page.out.text(&excerpt);
                page.out.text(
                    " ● a state event, • another event, × a rejected one; dashed: a path through events that are left out; \
                     dotted: to an event that is not in the dump.",
                );
            });
            let label = [("class", "wide"), ("role", "region"), ("aria-label", "Graph"), ("tabindex", "0")];
            page.out.open("div", &label);
            let mut svg = markup::Markup::default();
            picture.write(&mut svg, false, &mut |ix| page.mention(ix).then(|| format!("#{}", page.anchor(ix))));
            page.out.raw(svg.as_str());
            page.out.close("div");
        });
    }
}

fn footer(page: &mut Writer<'_>) {
    page.out.open("footer", &[]);
    page.paragraph("weak", |page| {
        let version = env!("CARGO_PKG_VERSION");
        page.out
            .text(&format!("Written by hindsight {version}. Times are those that senders claim, in UTC."));
    });
    page.out.close("footer");
}
