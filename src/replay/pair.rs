//! By which algorithm and in whose manner a room is replayed.

use std::fmt;

use super::{Recording, Replay};
use crate::auth::Profile;
use crate::resolve::Algorithm;
use crate::room::Room;

/// An algorithm and a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// How states are resolved.
    pub algorithm: Algorithm,
    /// In whose manner.
    pub profile: Profile,
}

impl Pair {
    /// The algorithms there are.
    pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::V1, Algorithm::V2, Algorithm::V2_1];

    /// What a recording was made with.
    pub fn of(recording: &Recording) -> Self {
        Self { algorithm: recording.algorithm(), profile: recording.profile() }
    }

    /// What the room version prescribes, by the specification.
    pub fn default_for(room: &Room) -> Self {
        Self { algorithm: room.rules().algorithm, profile: Profile::Spec }
    }

    /// Reads what [`Pair::fmt`](fmt::Display) writes: `v2`, `v2.1:synapse`.
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, profile) = text.split_once(':').unwrap_or((text, Profile::Spec.as_str()));
        Some(Self { algorithm: algorithm_of(algorithm)?, profile: profile_of(profile)? })
    }

    /// Replays a room. Takes as long as the room is large.
    pub fn replay(self, room: &Room) -> Recording {
        Replay::new(room, Some(self.algorithm), self.profile).recording()
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.profile)
    }
}

fn algorithm_of(name: &str) -> Option<Algorithm> {
    Pair::ALGORITHMS.into_iter().find(|algorithm| algorithm.as_str() == name)
}

fn profile_of(name: &str) -> Option<Profile> {
    Profile::ALL.into_iter().find(|profile| profile.as_str() == name)
}

impl Pair {
    /// How two are called beside each other: by what sets them apart.
    pub fn apart(pairs: [Self; 2]) -> [String; 2] {
        let [one, other] = pairs;
        if one.algorithm == other.algorithm {
            pairs.map(|pair| pair.profile.as_str().to_owned())
        } else if one.profile == other.profile {
            pairs.map(|pair| pair.algorithm.as_str().to_owned())
        } else {
            pairs.map(|pair| pair.to_string())
        }
    }

    /// Something worth comparing with: the other algorithm of the v2 family; for v1, v2.
    pub fn counterpart(self) -> Self {
        let algorithm = match self.algorithm {
            Algorithm::V1 | Algorithm::V2_1 => Algorithm::V2,
            Algorithm::V2 => Algorithm::V2_1,
        };
        Self { algorithm, ..self }
    }
}
