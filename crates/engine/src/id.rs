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
/// Ids of one generator ascend strictly, also inside one millisecond.
#[derive(Debug, Clone)]
pub struct Ids {
    random: u64,
    node: u64,
    uuid_ms: u64,
    uuid_counter: u64,
    user_ms: u64,
    user_counter: u64,
}

impl Ids {
    /// Makes a generator; `seed` must differ between processes that share a database.
    pub fn seeded(seed: u64) -> Self {
        let mut ids = Self {
            random: seed,
            node: 0,
            uuid_ms: 0,
            uuid_counter: 0,
            user_ms: 0,
            user_counter: 0,
        };
        ids.node = ids.random() & 0x3ff;
        ids
    }

    /// A generator for a piece of work: its UUIDs come after those of this one. Its user numbers are
    /// those of another generator.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self {
            uuid_ms: self.uuid_ms,
            uuid_counter: self.uuid_counter,
            ..Self::seeded(self.random())
        }
    }

    /// The piece of work is done: the UUIDs of this one come after those of the fork.
    pub fn rejoin(&mut self, fork: &Self) {
        let last = (fork.uuid_ms, fork.uuid_counter);
        if last > (self.uuid_ms, self.uuid_counter) {
            (self.uuid_ms, self.uuid_counter) = last;
        }
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
        let ms = now.as_millisecond().max(0).unsigned_abs();
        if ms > self.uuid_ms {
            self.uuid_ms = ms;
            self.uuid_counter = 0;
        } else {
            self.uuid_counter = self.uuid_counter.wrapping_add(1);
            if self.uuid_counter > 0xfff {
                self.uuid_ms = self.uuid_ms.wrapping_add(1);
                self.uuid_counter = 0;
            }
        }
        let high = (self.uuid_ms << 16) | 0x7000 | self.uuid_counter;
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
        if ms > self.user_ms {
            self.user_ms = ms;
            self.user_counter = 0;
        } else {
            self.user_counter = self.user_counter.wrapping_add(1);
            if self.user_counter > 0xfff {
                self.user_ms = self.user_ms.wrapping_add(1);
                self.user_counter = 0;
            }
        }
        let id = ((self.user_ms & 0x1ff_ffff_ffff) << 22) | (self.node << 12) | self.user_counter;
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
        let earlier = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
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
