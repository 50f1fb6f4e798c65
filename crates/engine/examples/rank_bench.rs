//! How fast and how large `engine::rank` is: `cargo run --release -p engine --example rank_bench [members...]`.
//!
//! Give one number of members per run for an honest "resident" column: the allocator keeps what earlier boards freed.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use engine::rank::{Place, Standings};
use std::hint::black_box;
use std::time::Instant;

const OPERATIONS: usize = 200_000;

fn main() {
    let mut sizes: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|size| size.parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 100_000, 1_000_000, 10_000_000];
    }
    println!("nanoseconds: mean / median / 99th percentile, the clock's own ~20 included");
    for members in sizes {
        board(members);
    }
}

fn board(members: usize) {
    let mut numbers = Numbers(42);
    // Ties in value are frequent, as on real boards.
    let mut places: Vec<Place> = (0..members)
        .map(|user| numbers.place(user, 1_000_000))
        .collect();
    println!("\n{members} members");

    let before = resident_bytes();
    let mut standings = Standings::new();
    measure("insert (growing)", members, |at| {
        standings.insert(places[at])
    });
    memory("grown", &standings, before);

    let mut now = 1_000_000_000_i64;
    let mut picks = Numbers(43);
    measure("replace, +1..100", OPERATIONS, |_| {
        let old = &mut places[picks.index(members)];
        now += 1;
        let new = Place {
            value: old.value + 1 + picks.below(100),
            reached: now,
            ..*old
        };
        standings.replace(&std::mem::replace(old, new), new)
    });
    measure("replace, anywhere", OPERATIONS.max(members), |_| {
        let at = picks.index(members);
        let new = picks.place(at, 1_000_000);
        let old = std::mem::replace(&mut places[at], new);
        standings.replace(&old, new)
    });
    memory("after updates", &standings, before);
    measure("rank", OPERATIONS, |_| {
        standings.rank(&places[picks.index(members)])
    });
    measure("range(11)", OPERATIONS, |_| {
        sum(standings.range(picks.index(members), 11))
    });
    measure("rank + ten around", OPERATIONS, |_| {
        let rank = standings.rank(&places[picks.index(members)]);
        sum(standings.range(rank.saturating_sub(5), 11))
    });
    drop(standings);

    let copy = places.clone();
    let start = Instant::now();
    let standings = black_box(Standings::from_places(copy));
    println!(
        "  from_places        {:>9.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    println!(
        "  from_places        {:>9.2} bytes per member",
        per_member(standings.heap_bytes(), members)
    );
    black_box(places);
}

fn sum(places: impl Iterator<Item = Place>) -> i64 {
    places.fold(0, |sum, place| sum ^ place.user)
}

fn measure<T>(name: &str, times: usize, mut operation: impl FnMut(usize) -> T) {
    let mut nanos: Vec<u32> = (0..times)
        .map(|at| {
            let start = Instant::now();
            black_box(operation(at));
            u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX)
        })
        .collect();
    let mean = nanos.iter().map(|nanos| u64::from(*nanos)).sum::<u64>() / nanos.len().max(1) as u64;
    nanos.sort_unstable();
    let percentile = |percent| {
        nanos
            .get(nanos.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "  {name:<18} {mean:>6} / {:>6} / {:>6}",
        percentile(50),
        percentile(99)
    );
}

fn memory(name: &str, standings: &Standings, before: Option<usize>) {
    let counted = per_member(standings.heap_bytes(), standings.len());
    let resident = match (resident_bytes(), before) {
        (Some(after), Some(before)) => per_member(after.saturating_sub(before), standings.len()),
        _ => f64::NAN,
    };
    println!("  {name:<18} {counted:>9.2} bytes per member, {resident:.2} resident");
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a few digits are enough to print"
)]
fn per_member(bytes: usize, members: usize) -> f64 {
    bytes as f64 / members as f64
}

/// Linux only; elsewhere unknown.
fn resident_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

/// A linear congruential generator: the same board on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).cast_signed() % limit
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(i64::try_from(len).unwrap_or(i64::MAX))).unwrap_or_default()
    }

    fn place(&mut self, user: usize, values: i64) -> Place {
        let user = i64::try_from(user).unwrap_or(i64::MAX);
        Place {
            value: self.below(values),
            reached: self.below(1_000_000_000),
            user,
        }
    }
}
