//! Typed ids and the generator that makes them.
//!
//! The generator is seeded from outside: the same seed and the same instants give the same ids, so that tests repeat.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

uuid_ids! {
    /// A metric.
    MetricId,
    /// A user or event attribute.
    AttributeId,
    /// An achievement.
    AchievementId,
    /// A currency: a points system or a virtual currency.
    CurrencyId,
    /// A points trigger.
    TriggerId,
    /// A level of a points system.
    LevelId,
    /// A boost of a points system.
    BoostId,
    /// A leaderboard.
    BoardId,
    /// An event in the log.
    EventId,
    /// One user's completion of one achievement.
    CompletionId,
    /// One entry of the ledger.
    LedgerEntryId,
    /// A tag.
    TagId,
    /// An activity: the definition of something users do.
    ActivityId,
    /// What a mission counts.
    MissionConfigurationId,
    /// Who gets missions, and when.
    MissionRuleId,
    /// What is paid for what.
    RewardRuleId,
    /// One mission of a user or a group.
    MissionId,
    /// A pause of a user's streak.
    PauseId,
}

/// A user inside a space: our own number; the caller's id is [`crate::user::User::external_id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

/// Makes ids out of instants and a seeded pseudo-random sequence.
///
/// Ids of one generator ascend strictly, also inside one millisecond and when the clock goes back by less
/// than an hour. Instants that are further apart belong to different clocks, such as those of environments
/// that live by test clocks: each ascends by itself, and none drags the others along.
#[derive(Debug, Clone)]
pub struct Ids {
    random: u64,
    node: u64,
    uuids: Tracks,
    users: Tracks,
}

/// The last ids by each of the clocks that were seen lately.
#[derive(Debug, Clone, Default)]
struct Tracks(Vec<Track>);

/// The last id by one clock: a millisecond, and how many there were in it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Track {
    ms: u64,
    counter: u64,
}

/// How far instants of one clock may lie apart: an hour, in milliseconds.
const NEAR_MS: u64 = 3_600_000;
/// How many clocks are remembered.
const TRACKS_MAX: usize = 16;

impl Tracks {
    /// The track to which an instant belongs: the nearest one.
    fn near(&mut self, ms: u64) -> Option<&mut Track> {
        self.0
            .iter_mut()
            .filter(|track| track.ms.abs_diff(ms) <= NEAR_MS)
            .min_by_key(|track| track.ms.abs_diff(ms))
    }

    /// The next id for an instant.
    fn next(&mut self, ms: u64) -> Track {
        let Some(track) = self.near(ms) else {
            return self.begin(Track { ms, counter: 0 });
        };
        if ms > track.ms {
            *track = Track { ms, counter: 0 };
        } else {
            track.counter = track.counter.wrapping_add(1);
            if track.counter > 0xfff {
                track.ms = track.ms.wrapping_add(1);
                track.counter = 0;
            }
        }
        *track
    }

    fn begin(&mut self, track: Track) -> Track {
        if self.0.len() >= TRACKS_MAX {
            self.0.remove(0);
        }
        self.0.push(track);
        track
    }

    /// Goes on after what another has made.
    fn follow(&mut self, other: &Self) {
        for last in &other.0 {
            match self.near(last.ms) {
                Some(track) => *track = (*track).max(*last),
                None => {
                    self.begin(*last);
                }
            }
        }
    }
}

impl Ids {
    /// Makes a generator; `seed` must differ between processes that share a database.
    pub fn seeded(seed: u64) -> Self {
        let mut ids = Self {
            random: seed,
            node: 0,
            uuids: Tracks::default(),
            users: Tracks::default(),
        };
        ids.node = ids.random() & 0x3ff;
        ids
    }

    /// A generator for a piece of work: its UUIDs come after those of this one. Its user numbers are
    /// those of another generator.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            uuids: self.uuids.clone(),
            ..Self::seeded(self.random())
        }
    }

    /// The piece of work is done: the UUIDs of this one come after those of the fork.
    pub fn rejoin(&mut self, fork: &Self) {
        self.uuids.follow(&fork.uuids);
    }

    /// The next number of the pseudo-random sequence (splitmix64). Not for secrets.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A version 7 UUID for something that came into being at `now`.
    pub fn uuid(&mut self, now: Timestamp) -> Uuid {
        let track = self.uuids.next(now.as_millisecond().max(0).unsigned_abs());
        let high = (track.ms << 16) | 0x7000 | track.counter;
        let low = (self.random() >> 2) | (1 << 63);
        Uuid::from_u64_pair(high, low)
    }

    /// A user number: 41 bits of milliseconds, 10 of this generator, 12 of a counter.
    pub fn user(&mut self, now: Timestamp) -> UserId {
        const EPOCH_MS: i64 = 1_600_000_000_000;
        let ms = now
            .as_millisecond()
            .saturating_sub(EPOCH_MS)
            .max(0)
            .unsigned_abs();
        let track = self.users.next(ms);
        let id = ((track.ms & 0x1ff_ffff_ffff) << 22) | (self.node << 12) | track.counter;
        UserId(i64::try_from(id).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_even_inside_one_millisecond_and_when_the_clock_goes_back() {
        let mut ids = Ids::seeded(7);
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let earlier = Timestamp::from_millisecond(1_800_000_000_000 - 3_000_000).unwrap();
        let mut uuid = ids.uuid(now);
        let mut user = ids.user(now);
        for round in 0..10_000 {
            let at = if round % 2 == 0 { now } else { earlier };
            let next = ids.uuid(at);
            assert!(next > uuid);
            assert_eq!(next.get_version_num(), 7);
            uuid = next;
            let next = ids.user(at);
            assert!(next > user && next.0 > 0);
            user = next;
        }
    }

    #[test]
    fn the_clocks_of_environments_do_not_drag_each_other_along() {
        let mut ids = Ids::seeded(7);
        let present = 1_800_000_000_000_i64;
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        let mut last = [Uuid::nil(); 3];
        for round in 0..5_000_i64 {
            // A year ahead, half a year behind, and the machine; they take turns.
            for (clock, away) in [31_536_000_000, -15_768_000_000, 0].into_iter().enumerate() {
                let ms = present + away + round / 100;
                let next = ids.uuid(at(ms));
                assert!(next > last[clock]);
                let own = i64::try_from(next.as_u128() >> 80).unwrap();
                assert!((ms..ms + 100).contains(&own), "{own} for {ms}");
                last[clock] = next;
                let mut fork = ids.fork();
                let later = fork.uuid(at(ms));
                assert!(later > next);
                ids.rejoin(&fork);
                last[clock] = later;
            }
        }
    }

    #[test]
    fn a_fork_comes_after_what_was_made_and_before_what_follows() {
        let mut ids = Ids::seeded(7);
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let before = ids.uuid(now);
        let mut fork = ids.fork();
        let (own, twin) = (fork.uuid(now), ids.fork().uuid(now));
        assert!(before < own && own != twin);
        ids.rejoin(&fork);
        assert!(own < ids.uuid(now));
        assert_ne!(ids.random(), fork.random());
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        assert_eq!(Ids::seeded(1).uuid(now), Ids::seeded(1).uuid(now));
        assert_ne!(Ids::seeded(1).uuid(now), Ids::seeded(2).uuid(now));
    }
}
