//! What a merge lost, in words for people who run a server.

use super::{
    Branch, ButFor, Cause, Code, Counterfactual, Damage, Deciding, Inversion, InversionBy, Loss, LostTip,
    Placement, StaleInput, Supposition, Verdict,
};
use crate::event::content::Membership;
use crate::event::{Kind, server_name};
use crate::explain::{Node, Sentence, Span, Tone, count, operand_nodes, sentence};
use crate::replay::{Footing, Place};
use crate::resolve::Algorithm;
use crate::resolve::step::{Decider, Source};
use crate::room::{EventIx, Link, Room};

/// So many branches, keys or users are told of one by one.
const SHOWN: usize = 8;

/// What became of the key, in one sentence.
pub fn loss_title(loss: &Loss) -> Sentence {
    let lost =
        sentence![].list(loss.lost.iter().take(SHOWN).map(|tip| Span::Described(tip.event)), "nothing");
    match loss.after {
        None => sentence![loss.key, " is gone; it was "].and(lost),
        Some(after) if loss.class == super::Class::Foreign => sentence![loss.key, " went from "]
            .and(lost)
            .with(" to ")
            .with(Span::Described(after))
            .with(", which no branch had"),
        Some(after) => {
            sentence![loss.key, " went back from "].and(lost).with(" to ").with(Span::Described(after))
        }
    }
}

/// A loss with its evidence: where, between whom, which event did it, whether that is legitimate, what it did, and what to
/// do about it. `counterfactuals` may be empty.
pub fn explain_loss(room: &Room, loss: &Loss, damage: &Damage, counterfactuals: &[Counterfactual]) -> Node {
    let teller = Teller { room, loss };
    let tone = match loss.verdict {
        Verdict::Reset => Tone::Bad,
        Verdict::Undecided => Tone::Note,
        Verdict::Legitimate => Tone::Plain,
    };
    let mut children = vec![teller.place()];
    children.extend(loss.lost.iter().take(SHOWN).map(|tip| teller.lost(tip)));
    if loss.lost.len() > SHOWN {
        children.push(plain(sentence!["… and others"]));
    }
    children.extend(loss.stale.iter().map(|stale| teller.stale(stale)));
    children.push(teller.verdict());
    children.extend(teller.damage(damage));
    if !counterfactuals.is_empty() {
        children.push(teller.what_if(counterfactuals));
    }
    if loss.verdict == Verdict::Reset && loss.repeats.is_none() {
        children.extend(teller.advice(damage, counterfactuals));
    }
    Node::new(tone, loss_title(loss)).with(children)
}

fn plain(sentence: Sentence) -> Node {
    Node::new(Tone::Plain, sentence)
}

fn note(sentence: Sentence) -> Node {
    Node::new(Tone::Note, sentence)
}

fn described(event: Option<EventIx>) -> Sentence {
    match event {
        Some(event) => sentence![Span::Described(event)],
        None => sentence!["nothing"],
    }
}

struct Teller<'a> {
    room: &'a Room,
    loss: &'a Loss,
}

impl Teller<'_> {
    fn server(&self, event: EventIx) -> Span {
        Span::Value(server_name(self.room.event(event).sender()).into())
    }

    fn sent(&self, event: EventIx) -> Sentence {
        sentence![Span::Time(self.room.event(event).origin_server_ts()), " by ", self.server(event)]
    }

    /// Where it happened, and what was merged there.
    fn place(&self) -> Node {
        let branches = &self.loss.branches;
        let count = format!(", which joins {} branches", branches.len());
        let head = match self.loss.at {
            Place::Event(arrived) if self.loss.arrival => sentence![
                "where: in the current state once ",
                Span::Described(arrived),
                format!(" had arrived, which {} forward extremities made up", branches.len())
            ],
            Place::Event(merge) => {
                sentence!["where: in the state before ", Span::Described(merge), ", sent "]
                    .and(self.sent(merge))
                    .with(count)
            }
            Place::Now => sentence![format!(
                "where: in the current state, which {} forward extremities make up",
                branches.len()
            )],
        };
        let mut nodes: Vec<Node> = branches
            .iter()
            .enumerate()
            .take(SHOWN)
            .map(|(place, branch)| self.branch(branch, self.loss.values.get(place)))
            .collect();
        if let Some(more) = branches.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            nodes.push(plain(sentence![format!("… and {more} more")]));
        }
        plain(head).with(nodes)
    }

    fn branch(&self, branch: &Branch, value: Option<EventIx>) -> Node {
        let mut sentence = match branch.head {
            Link::Event(head) => sentence!["the branch of ", head, " (", self.server(head), ") had "],
            Link::Missing(head) => sentence!["the branch of ", Span::Missing(head), " had "],
        };
        sentence = sentence.and(described(value));
        match branch.footing {
            Footing::Asserted => note(sentence.with("; that state was asserted, not computed")),
            Footing::Computed | Footing::Undefined | Footing::Unknown => plain(sentence),
        }
    }

    /// How one value was lost.
    fn lost(&self, tip: &LostTip) -> Node {
        let head = sentence!["how ", Span::Described(tip.event), ", sent "]
            .and(self.sent(tip.event))
            .with(", was lost:");
        let mut nodes: Vec<Node> = tip.chain.iter().map(|cause| self.cause(cause)).collect();
        if let Some(but_for) = &tip.but_for {
            nodes.push(but_for_node(but_for));
        }
        if tip.verdict != Verdict::Legitimate {
            nodes.push(self.search(tip));
        }
        plain(head).with(nodes)
    }

    fn search(&self, tip: &LostTip) -> Node {
        let replayed = count(self.loss.search.searched, "event");
        let concurrent = self.loss.bystanders(self.room, tip);
        if concurrent.is_empty() {
            let text = "were replayed; none that was sent at the same time takes anything back";
            return plain(sentence![format!("{replayed} {text}")]);
        }
        let text = format!(
            "{replayed} were replayed; sent at the same time, and able to take something back, but without a part in this: "
        );
        let more = if concurrent.len() > SHOWN { ", …" } else { "" };
        plain(sentence![text].list(concurrent.into_iter().take(SHOWN), "none").with(more))
    }

    fn cause(&self, cause: &Cause) -> Node {
        let code = Span::Value(cause.code.as_str().into());
        let mut node = plain(sentence![code, ": "].and(self.cause_sentence(cause)));
        if let Some(refusal) = &cause.refusal {
            let number = refusal.rule().number(self.room.rules().numbering);
            let refused = sentence!["refused by rule ", Span::Rule(number), ": ", refusal.reason()];
            node.children.push(plain(refused).with(operand_nodes(&cause.operands)));
        }
        for deciding in &cause.deciding {
            node.children.push(plain(deciding_sentence(deciding)));
        }
        if cause.together {
            let text = "either of these alone refuses it: they stand in its way together";
            node.children.push(note(sentence![text]));
        }
        node.children.extend(cause.placement.as_ref().map(|placement| self.placement(placement)));
        node.children.extend(cause.inversion.as_ref().map(|inversion| self.inversion(inversion)));
        if cause.uncertain {
            let text = "something is missing from the dump that might connect these events";
            node.children.push(note(sentence![text]));
        }
        node
    }

    fn cause_sentence(&self, cause: &Cause) -> Sentence {
        let by = described(cause.by);
        let event = cause.event;
        match cause.code {
            Code::Revoked => {
                by.with(" was sent at the same time and takes away what ").with(event).with(" needs")
            }
            Code::SelfRevoked => {
                let sender = Span::User(self.room.event(event).sender().into());
                by.with(" was sent at the same time by ")
                    .with(sender)
                    .with(" too, and takes away what ")
                    .with(event)
                    .with(" needs")
            }
            Code::Retroactive => by
                .with(" was sent later, by somebody who knew of ")
                .with(event)
                .with(" and left it in force; the replay puts it first and holds it against ")
                .with(event),
            Code::StaleAuthority => sentence![event, " was judged by "]
                .and(by)
                .with(", which had been superseded when it was sent"),
            Code::MissingAuthority if cause.by.is_some_and(|by| self.is_leave(by)) => {
                sentence!["the replay begins in a state in which the sender of ", event, " has left: "]
                    .and(by)
                    .with(" was sent later, and no state that was merged has the sender in the room")
            }
            Code::MissingAuthority => {
                sentence!["what ", event, " needs was not there when it was replayed: "].and(by)
            }
            Code::Cascade => sentence![event, " rests on "].and(by).with(", which was lost itself"),
            Code::OrderInversion => sentence![event, " was allowed; then the older "]
                .and(by)
                .with(" was replayed after it and took its place"),
            Code::Overwritten => sentence![event, " was allowed; then "]
                .and(by)
                .with(", sent at the same time, took its place"),
            Code::Rejected => {
                sentence![event, " had been rejected on receipt and should not have been state"]
            }
            Code::Unexplained => sentence!["the resolution does not tell what became of ", event],
        }
    }

    fn is_leave(&self, event: EventIx) -> bool {
        let member = self.room.event(event).as_member();
        member.is_some_and(|member| member.membership.value() == Some(&Membership::Leave))
    }

    fn placement(&self, placement: &Placement) -> Node {
        match placement {
            Placement::Power { number, key, decider, ready, blocked } => {
                let why = match decider {
                    Decider::Alone => "the only one ready",
                    Decider::Level => "by the level of its sender",
                    Decider::Timestamp => "by its timestamp",
                    Decider::EventId | Decider::Position => "by its event ID",
                };
                let head = sentence![
                    format!("taken as number {number} of the power events, {why}; level "),
                    key.level,
                    ", ",
                    Span::Time(key.timestamp)
                ];
                let ready = ready.iter().map(|(event, key)| {
                    let time = Span::Time(key.timestamp);
                    plain(sentence![
                        "also ready: ",
                        Span::Described(*event),
                        ", level ",
                        key.level,
                        ", ",
                        time
                    ])
                });
                let blocked = blocked.iter().map(|(event, by)| {
                    let waits = sentence!["blocked: ", Span::Described(*event), ", waits for "];
                    plain(waits.list(by.iter().copied(), "nothing"))
                });
                plain(head).with(ready.chain(blocked))
            }
            Placement::Mainline { number, position, timestamp, decider } => {
                let why = match decider {
                    Decider::Alone => "the first",
                    Decider::Position => "after the one before by position",
                    Decider::Timestamp => "after the one before by timestamp",
                    Decider::EventId | Decider::Level => "after the one before by event ID",
                };
                let position = position.map_or("∞".to_owned(), |position| position.to_string());
                let text = format!(
                    "taken as number {number} of the events ordered by mainline, {why}; position {position}, "
                );
                plain(sentence![text, Span::Time(*timestamp)])
            }
        }
    }

    fn inversion(&self, inversion: &Inversion) -> Node {
        let (older, newer) = (inversion.older, inversion.newer);
        let times = |event: EventIx| Span::Time(self.room.event(event).origin_server_ts());
        let sentence = sentence![newer, " came before ", older, ", although it knows of it: "];
        note(match inversion.by {
            InversionBy::Round => sentence.with("it is a power event, and those come before all others"),
            InversionBy::Key(Decider::Level) => sentence.with("its sender has more power"),
            InversionBy::Key(Decider::Position) => sentence.with(
                "it hangs on older power levels of the mainline, or on none of them, and those come first",
            ),
            InversionBy::Key(Decider::Timestamp) => sentence
                .with("by the clocks it was sent at ")
                .with(times(newer))
                .with(" and the older one at ")
                .with(times(older)),
            InversionBy::Key(Decider::EventId | Decider::Alone) => sentence.with("its event ID is smaller"),
            InversionBy::Blocked => sentence
                .with("the older one had to wait for ")
                .list(inversion.waits_for.iter().copied(), "others"),
            InversionBy::Depth => sentence.with("by the depth that the senders claim"),
        })
    }

    fn stale(&self, stale: &StaleInput) -> Node {
        let since = match stale.since {
            Link::Event(event) => sentence![Span::Described(event)],
            Link::Missing(missing) => sentence![Span::Missing(missing)],
        };
        let sentence = sentence!["INPUT_STALE: the root of it is the state after "]
            .and(since)
            .with(", which was asserted: for ")
            .with(stale.key)
            .with(" it has ")
            .and(described(stale.has))
            .with(", although that branch knows of ")
            .with(Span::Described(stale.knows));
        note(sentence)
    }

    fn verdict(&self) -> Node {
        let leaf = self.loss.cause();
        match self.loss.verdict {
            Verdict::Reset => {
                let text = "verdict: a state reset. Nobody took this value back; state resolution lost it";
                Node::new(Tone::Bad, sentence![text])
            }
            Verdict::Undecided => {
                let text =
                    "verdict: undecided, because a part of the room that could tell is not in the dump";
                note(sentence![text])
            }
            Verdict::Legitimate if leaf.code == Code::Overwritten => plain(sentence![
                "verdict: legitimate. Two values were set at the same time, and one of them stays"
            ]),
            Verdict::Legitimate if leaf.code == Code::Rejected => {
                plain(sentence!["verdict: legitimate. An event that had been rejected is not state"])
            }
            Verdict::Legitimate => {
                plain(sentence!["verdict: legitimate. It was taken back by "].and(described(leaf.by)))
            }
        }
    }

    fn damage(&self, damage: &Damage) -> Vec<Node> {
        let mut nodes = Vec::new();
        if damage.keys.len() > 1 {
            let others = damage.keys.iter().filter(|key| **key != self.loss.key);
            let text = format!("lost together with {}: ", count(damage.keys.len() - 1, "other key"));
            let mut sentence = sentence![text].list(others.take(SHOWN).copied(), "none");
            if damage.keys.len() - 1 > SHOWN {
                sentence = sentence.with(", …");
            }
            nodes.push(plain(sentence));
        }
        if !damage.members.is_empty() {
            let users = damage.members.iter().map(|key| Span::User(self.room.key(*key).1.into()));
            nodes.push(plain(sentence!["no longer in the room: "].list(users.take(SHOWN), "nobody")));
        }
        for lost in damage.powers.iter().take(SHOWN) {
            let text = format!(" has level {} instead of {}", lost.after, lost.before);
            nodes.push(plain(sentence![Span::User(lost.user.clone()), text]));
        }
        match damage.repaired {
            Some(event) => nodes.push(plain(
                sentence!["it stayed so until "]
                    .with(Span::Described(event))
                    .with(", ")
                    .and(self.sent(event)),
            )),
            None if self.loss.at != Place::Now && self.loss.verdict == Verdict::Reset => {
                nodes.push(plain(sentence!["no later event of the dump changed that"]));
            }
            None => {}
        }
        nodes
    }

    fn what_if(&self, counterfactuals: &[Counterfactual]) -> Node {
        let nodes = counterfactuals.iter().map(|counterfactual| {
            let tone = if counterfactual.heals { Tone::Good } else { Tone::Plain };
            let outcome = match counterfactual.after {
                after if after == self.loss.after => sentence!["no difference"],
                Some(after) => sentence![Span::Described(after)],
                None => sentence!["the key would be gone"],
            };
            Node::new(tone, self.supposition(counterfactual.supposition).with(": ").and(outcome))
        });
        plain(sentence!["what if"]).with(nodes)
    }

    fn supposition(&self, supposition: Supposition) -> Sentence {
        match supposition {
            Supposition::Algorithm(algorithm) => sentence![format!("resolved by {algorithm}")],
            Supposition::Profile(profile) => {
                sentence![format!("resolved in the manner of the profile {profile}")]
            }
            Supposition::WithoutBranch(place) => {
                match self.loss.branches.get(place).map(|branch| branch.head) {
                    Some(Link::Event(head)) => sentence!["without the branch of ", head],
                    Some(Link::Missing(head)) => sentence!["without the branch of ", Span::Missing(head)],
                    None => sentence!["without a branch"],
                }
            }
            Supposition::MonotoneClocks => sentence!["with no clock behind what its event knows of"],
            Supposition::UndisputedMainline => sentence!["with the undisputed power levels as mainline"],
            Supposition::Corrected(place) => match self.loss.stale.get(place) {
                Some(stale) => sentence!["with ", stale.knows, " in the stale state"],
                None => sentence!["with the stale state corrected"],
            },
        }
    }

    /// What to do about a reset.
    fn advice(&self, damage: &Damage, counterfactuals: &[Counterfactual]) -> Vec<Node> {
        let mut advice = Vec::new();
        if damage.repaired.is_none() {
            advice.push(note(sentence!["what to do: "].and(self.repair())));
        }
        if let Some(stale) = self.loss.stale.first() {
            let server = match stale.since {
                Link::Event(event) => self.server(event),
                Link::Missing(_) => Span::Value("that server".into()),
            };
            let sentence = sentence![
                "what to do: let ",
                server,
                " fetch its state anew (leave the room and join it again): as long as it builds on a stale state, this comes back"
            ];
            advice.push(note(sentence));
        }
        let heals = |wanted: Supposition| {
            counterfactuals.iter().any(|other| other.supposition == wanted && other.heals)
        };
        if heals(Supposition::Algorithm(Algorithm::V2_1)) {
            let text =
                "what to do: upgrade the room to version 12; its algorithm (v2.1) would have kept the value";
            advice.push(note(sentence![text]));
        }
        if let Some(inversion) = &self.loss.cause().inversion
            && inversion.by == InversionBy::Key(Decider::Timestamp)
        {
            let (older, newer) = (self.server(inversion.older), self.server(inversion.newer));
            advice.push(note(if older == newer {
                sentence!["what to do: check the clock of ", older, ": it ran backwards"]
            } else {
                sentence![
                    "what to do: compare the clocks of ",
                    older,
                    " and ",
                    newer,
                    ": one of them is wrong"
                ]
            }));
        }
        advice
    }

    fn repair(&self) -> Sentence {
        let lost = self.loss.worst().event;
        let event = self.room.event(lost);
        let user = || Span::User(event.state_key().unwrap_or_default().into());
        let membership = event.as_member().and_then(|member| member.membership.value());
        match (event.kind(), membership) {
            (Kind::Member, Some(Membership::Ban)) => sentence!["ban ", user(), " again"],
            (Kind::Member, Some(Membership::Join)) => {
                sentence!["let ", user(), " join again (invite them first, if the room is not open)"]
            }
            (Kind::Member, Some(Membership::Invite)) => sentence!["invite ", user(), " again"],
            (Kind::Member, Some(Membership::Leave))
                if event.sender() != event.state_key().unwrap_or_default() =>
            {
                sentence!["remove ", user(), " again"]
            }
            (Kind::Member, Some(Membership::Leave)) => sentence!["let ", user(), " leave again"],
            (Kind::Member, _) => sentence!["let ", user(), " do it again"],
            _ => sentence![
                "send ",
                self.loss.key,
                " with the content of ",
                lost,
                " again: a new event follows this merge, and nothing older can displace it here"
            ],
        }
    }
}

fn but_for_node(but_for: &ButFor) -> Node {
    let without = sentence!["tried out: without "]
        .list(but_for.removed.iter().copied(), "nothing")
        .with(" and what followed ");
    if but_for.survives {
        plain(without.with("it survives"))
    } else {
        note(without.with("it is lost all the same"))
    }
}

fn deciding_sentence(deciding: &Deciding) -> Sentence {
    let from = match deciding.source {
        Source::Running(None) => " (undisputed state)",
        Source::Running(Some(_)) => " (replayed before it)",
        Source::Own => " (its own auth event)",
        Source::RoomId => " (by the room ID)",
        Source::Candidate => " (the best candidate so far)",
        Source::Absent => "",
    };
    let found = described(deciding.found).with(from);
    let needed = described(deciding.needed);
    sentence!["for ", deciding.key, " it met "].and(found).with(", where it was sent with ").and(needed)
}
