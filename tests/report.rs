//! The report of `hindsight export --as html`, and the picture of `--as svg`: what they say, and that what a dump says stays
//! text in them. How the page looks and prints is tested in a browser (`web/test/report.test.mjs`).
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use sha2::{Digest as _, Sha256};

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hindsight"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A program that ends early does not read on.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn export(form: &str, room: &str, more: &[&str]) -> String {
    let args = [&["export", "--as", form, room], more].concat();
    let output = run(&args, b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("scenario.json5").is_file())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What is in a page that may have an effect.
#[derive(Debug, Default)]
struct Markup {
    elements: BTreeSet<String>,
    attributes: BTreeSet<String>,
    ids: Vec<String>,
    links: BTreeSet<String>,
    policy: String,
    style: String,
    text: String,
}

impl Markup {
    /// Panics if the text is not well-formed XML.
    fn of(page: &str) -> Self {
        let mut markup = Self::default();
        let mut reader = Reader::from_str(page);
        reader.config_mut().check_end_names = true;
        let mut open: Vec<String> = Vec::new();
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{error}\n{page}")) {
                Event::Start(start) => {
                    markup.element(&start);
                    open.push(name(&start));
                }
                Event::Empty(start) => markup.element(&start),
                Event::End(_) => drop(open.pop()),
                Event::Text(text) => {
                    let text = String::from_utf8(text.to_vec()).unwrap();
                    if open.last().is_some_and(|name| name == "style") {
                        markup.style.push_str(&text);
                    } else {
                        markup.text.push_str(&text);
                    }
                }
                Event::GeneralRef(entity) => {
                    let entity = String::from_utf8(entity.to_vec()).unwrap();
                    assert!(["amp", "lt", "gt", "quot"].contains(&&*entity), "{entity}");
                    markup.text.push_str(&format!("&{entity};"));
                }
                Event::DocType(_) => {}
                Event::Eof => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        markup
    }

    fn element(&mut self, start: &BytesStart<'_>) {
        self.elements.insert(name(start));
        let mut is_policy = false;
        for attribute in start.attributes() {
            let attribute = attribute.unwrap();
            let name = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
            let value = String::from_utf8(attribute.value.to_vec()).unwrap();
            match &*name {
                "id" => self.ids.push(value.clone()),
                "href" => self.links.extend([value.clone()]),
                "http-equiv" => is_policy = true,
                "content" if is_policy => self.policy = value.clone(),
                _ => {}
            }
            self.attributes.insert(name);
        }
    }

    /// Nothing runs, nothing is fetched, every link leads to a place in the page.
    fn assert_inert(&self) {
        let harmless = [
            "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "nav", "ul", "ol",
            "li", "a", "main", "section", "article", "div", "p", "span", "bdi", "b", "strong", "code", "pre",
            "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer", "svg",
            "desc", "path", "circle", "rect", "text",
        ];
        for element in &self.elements {
            assert!(harmless.contains(&&**element), "{element}");
        }
        for attribute in &self.attributes {
            let name = attribute.as_str();
            assert!(
                !name.starts_with("on") && !["src", "style", "srcdoc", "action"].contains(&name),
                "{name}"
            );
        }
        let ids: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
        assert_eq!(ids.len(), self.ids.len(), "IDs are unique: {:?}", self.ids);
        for link in &self.links {
            let target = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads away"));
            assert!(ids.contains(target), "{link} leads nowhere");
        }
        let is_harmful = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
        assert!(!self.text.contains(is_harmful));
    }
}

fn name(start: &BytesStart<'_>) -> String {
    String::from_utf8(start.name().as_ref().to_vec()).unwrap()
}

/// The page without what changes with the version and the looks.
fn told(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let policy = format!("'{}'", head.split('\'').find(|part| part.starts_with("sha256-")).unwrap());
    let version = format!("hindsight {}", env!("CARGO_PKG_VERSION"));
    format!("{head}<style>…</style>{body}").replace(&policy, "'sha256-…'").replace(&version, "hindsight …")
}

#[test]
fn a_page_tells_the_reset_and_how_it_came_about() {
    let page = export("html", "fixtures/r0-join-rule-twin", &[]);
    insta::assert_snapshot!("report_r0-join-rule-twin", told(&page));
    assert_eq!(page, export("html", "fixtures/r0-join-rule-twin", &[]));
}

#[test]
fn every_page_is_whole_and_inert() {
    for room in fixtures() {
        let page = export("html", &room, &[]);
        let markup = Markup::of(&page);
        markup.assert_inert();
        let hash = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(markup.style.as_bytes())));
        assert!(markup.policy.starts_with("default-src 'none';"), "{}", markup.policy);
        assert!(markup.policy.contains(&format!("style-src {hash};")), "{}", markup.policy);
        let drawn = Markup::of(&export("svg", &room, &[]));
        drawn.assert_inert();
    }
}

#[test]
fn the_resolution_is_that_of_the_worst_reset_or_the_one_asked_for() {
    let room = "fixtures/r3-priority-inversion";
    assert!(export("html", room, &[]).contains("The worst state reset is there."));
    let asked = Markup::of(&export("html", room, &["--at", "ERIN_SAYS", "--at", "KICK"]));
    assert!(asked.text.contains("How the states after ERIN_SAYS, KICK, resolved"), "{}", asked.text);
    let before = Markup::of(&export("html", room, &["--at", "KICK"]));
    assert!(before.text.contains("How the state before KICK"), "{}", before.text);
    before.assert_inert();
    let without = Markup::of(&export("html", "fixtures/topic-vs-ban", &[]));
    assert!(without.text.contains("No state reset was found"), "{}", without.text);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for (args, says) in [
        (["export", "--as", "dot", "--at", "KICK", "fixtures/r3-priority-inversion"], "--at is for"),
        (["export", "--as", "html", "--at", "NOBODY", "fixtures/r3-priority-inversion"], "no event"),
    ] {
        let output = run(&args, b"");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
        assert!(output.stdout.is_empty());
    }
}

/// A room of version 1, where servers choose IDs, whose every name and word is hostile.
fn hostile_room() -> String {
    let evil = [
        "</script><script>alert(1)</script>",
        "\\\"><img src=x onerror=alert(1)>",
        "</style></svg></pre>]]><!--",
        "javascript:alert(1)",
        "\\u202eevil\\u2066\\u0000\\u001b[2J\\uffff",
        "&lt;b&gt; &#60;script&#62; ' \\\" `",
    ];
    let mut lines = Vec::new();
    let mut event = |id: &str,
                     sender: &str,
                     kind: &str,
                     key: &str,
                     content: &str,
                     prev: &str,
                     depth: usize| {
        let refs: Vec<String> = prev.split_whitespace().map(|id| format!("[\"{id}\",{{}}]")).collect();
        let refs = refs.join(",");
        lines.push(format!(
            "{{\"event_id\":\"{id}\",\"room_id\":\"!<b>:x\",\"sender\":\"{sender}\",\"type\":\"{kind}\",\"state_key\":\"{key}\",\
             \"content\":{content},\"prev_events\":[{refs}],\"auth_events\":[{refs}],\"origin_server_ts\":{depth},\"depth\":{depth}}}"
        ));
    };
    event("$c:x", "@a:x", "m.room.create", "", "{\"creator\":\"@a:x\"}", "", 1);
    event(
        "$j:x",
        "@a:x",
        "m.room.member",
        "@a:x",
        "{\"membership\":\"join\",\"displayname\":\"<script>\"}",
        "$c:x",
        2,
    );
    let mut heads = String::new();
    for (place, evil) in evil.iter().enumerate() {
        let id = format!("$<svg\\u0020onload={place}>\\\"'#%41:x");
        let content = format!("{{\"topic\":\"{evil}\",\"{evil}\":\"{evil}\"}}");
        event(&id, "@a:x", "m.room.topic", "", &content, "$j:x", 3 + place);
        let other = format!("$other{place}:x");
        event(&other, "@a:x", evil, evil, &content, "$j:x", 3 + place);
        heads.push_str(&format!("{other} "));
    }
    event("$merge:x", "@a:x", "m.room.name", "", "{\"name\":\"</title>\"}", &heads, 20);
    lines.join("\n")
}

#[test]
fn hostile_rooms_stay_text() {
    for form in ["html", "svg"] {
        let output = run(&["export", "--as", form, "-"], hostile_room().as_bytes());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let page = String::from_utf8(output.stdout).unwrap();
        let markup = Markup::of(&page);
        markup.assert_inert();
        assert!(markup.text.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "{page}");
    }
}

/// A merge of many branches, each with a topic of its own and a member.
fn wide_room(branches: usize) -> String {
    let mut lines = Vec::new();
    let mut event = |id: &str, kind: &str, key: &str, content: &str, prev: &[String], depth: usize| {
        let prev: Vec<String> = prev.iter().map(|id| format!("[\"{id}\",{{}}]")).collect();
        let auth = match depth {
            1 => "",
            2 => "[\"$c:x\",{}]",
            _ => "[\"$c:x\",{}],[\"$a:x\",{}]",
        };
        lines.push(format!(
            "{{\"event_id\":\"{id}\",\"room_id\":\"!r:x\",\"sender\":\"@a:x\",\"type\":\"{kind}\",\"state_key\":\"{key}\",\
             \"content\":{content},\"prev_events\":[{}],\"auth_events\":[{auth}],\"origin_server_ts\":{depth},\"depth\":{depth}}}",
            prev.join(",")
        ));
    };
    event("$c:x", "m.room.create", "", "{\"creator\":\"@a:x\",\"room_version\":\"2\"}", &[], 1);
    event("$a:x", "m.room.member", "@a:x", "{\"membership\":\"join\"}", &["$c:x".to_owned()], 2);
    let mut heads = Vec::new();
    for branch in 0..branches {
        let (topic, own) = (format!("$t{branch}:x"), format!("$o{branch}:x"));
        let content = format!("{{\"topic\":\"{branch}\"}}");
        event(&topic, "m.room.topic", "", &content, &["$a:x".to_owned()], 3);
        event(&own, "m.custom", &branch.to_string(), "{}", &[topic], 4 + branch);
        heads.push(own);
    }
    event("$merge:x", "m.room.name", "", "{\"name\":\"all\"}", &heads, 5 + branches);
    lines.join("\n")
}

#[test]
fn wide_merges_leave_room_for_every_phase() {
    // By this profile the auth difference tells of every event how each of the states reaches it.
    let args = ["export", "--as", "html", "--profile", "synapse", "-"];
    let output = run(&args, wide_room(150).as_bytes());
    let page = String::from_utf8(output.stdout).unwrap();
    let markup = Markup::of(&page);
    markup.assert_inert();
    for phase in [
        "Split: ",
        "Auth difference: ",
        "Full conflicted set: ",
        "Mainline ordering",
        "Iterative auth checks over the mainline",
        "Result: ",
    ] {
        let (_, rest) = page.split_once(&format!("<summary>{phase}")).unwrap_or_else(|| panic!("{phase}"));
        let (phase, _) = rest.split_once("</details>").unwrap();
        assert!(phase.contains("<li>"), "{phase}");
    }
    assert!(markup.text.contains("hindsight resolve --steps"));
    assert!(page.len() < 1_500_000, "{}", page.len());
}

#[test]
fn large_rooms_give_pages_that_can_be_read() {
    let room = run(&["generate", "--events", "6000", "--seed", "5"], b"").stdout;
    assert!(room.len() > 2_000_000, "{}", room.len());
    let page = String::from_utf8(run(&["export", "--as", "html", "-"], &room).stdout).unwrap();
    let markup = Markup::of(&page);
    markup.assert_inert();
    assert!(page.len() < 1_500_000, "{}", page.len());
    assert!(markup.text.contains("are left out"));
    assert!(markup.elements.contains("circle"));
}
