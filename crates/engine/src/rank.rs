//! Who stands where on one board: the order-statistics structure behind leaderboards (design.md 4, "Ranking").
//!
//! [`Standings`] keeps the [`Place`]s of one (board, run, group) in order and answers "which rank has this place" and
//! "who stands from rank n on" exactly, in O(log n). It is a cache of stored rows, built in bulk and then kept up to date.
//! It must not know what a board, a season or a user is, where the rows come from, or what time it is.
//!
//! # Shape
//!
//! A counted B+ tree that owns its nodes. Leaves are sorted vectors; a branch holds three parallel arrays (where each
//! child starts, how many places it holds, the child itself), so that the search and the sum of counts each run over
//! dense memory. A board that fits into one leaf is one sorted vector and nothing else, because most groups are small.
//! Leaves grow by a sixteenth instead of doubling and give memory back when places leave, so random updates
//! do not degrade it: there are no half-empty pages.
//!
//! # Measured
//!
//! `examples/rank_bench.rs` on a shared two-core machine that was busy with builds, so only orders of magnitude count;
//! every access at random, the clock's own cost included:
//!
//! | members | replace, median | rank and ten around, median / p99 | bytes per member after random updates |
//! |---|---|---|---|
//! | 1,000 | 0.2 µs | 0.1 / 0.2 µs | 29 |
//! | 100,000 | 0.6-0.9 µs | 0.5-0.9 / 1.7 µs | 28 |
//! | 1,000,000 | 2-3 µs | 1.4-1.9 / 3 µs | 28 |
//! | 10,000,000 | 4 µs | 3 / 5 µs | 28 (32 resident with glibc) |
//!
//! A bulk build of 10,000,000 takes about a second and 25 bytes per member, but holds the given vector meanwhile.
//! Against leaves of 256 and branches of 64, the sizes chosen move a member up to a fifth faster on 100,000 members
//! (best of five medians each) and answer about equally fast; the price is one byte more per member, and four more
//! resident at 10,000,000 (one run each). Leaves of 64 were tried once and cost three bytes more than that.
//! Comparing value and instant as one 128-bit number made no difference beyond the noise.

use std::cmp::Ordering;
use std::mem;

/// A leaf that reaches this many places splits. Larger leaves cost longer moves on each update, smaller ones a larger
/// index; see the measurements above.
const LEAF_MAX: usize = 128;
/// A branch that reaches this many children splits.
const BRANCH_MAX: usize = 128;

/// The place of one user on one board.
///
/// Places are ordered from best to worst, "smaller" being better: higher value, then earlier reached, then lower user.
/// No two users have equal places, so ranks are unique and the same on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// What is ranked, the higher the better (the board decides the unit).
    pub value: i64,
    /// The instant at which the value was reached, in microseconds UTC: whoever was first stays ahead.
    pub reached: i64,
    /// The user, as the number the store knows it by.
    pub user: i64,
}

impl Place {
    /// The place that no other is ahead of.
    const BEST: Place = Place {
        value: i64::MAX,
        reached: i64::MIN,
        user: i64::MIN,
    };
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .value
            .cmp(&self.value)
            .then_with(|| self.reached.cmp(&other.reached))
            .then_with(|| self.user.cmp(&other.user))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A set of [`Place`]s in order, with rank and select in O(log n).
///
/// It holds places, not users: two places of one user are two members. The owner knows the current place of each user
/// and moves it with [`Standings::replace`].
#[derive(Clone, Default, Debug)]
pub struct Standings {
    root: Node,
    len: usize,
}

impl Standings {
    /// Standings without members; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds from places in any order, much faster and denser than inserting them one by one. Equal places count once.
    pub fn from_places(mut places: Vec<Place>) -> Self {
        places.sort_unstable();
        places.dedup();
        let len = places.len();
        if len < LEAF_MAX {
            places.shrink_to_fit();
            return Self {
                root: Node::Leaf(places),
                len,
            };
        }

        let mut rest = places.as_slice();
        let mut level = Branch::default();
        for size in even_sizes(len, roomy(LEAF_MAX)) {
            let (chunk, after) = rest.split_at(size);
            let start = if level.children.is_empty() {
                Place::BEST
            } else {
                chunk[0]
            };
            level.push(start, size, Node::Leaf(chunk.to_vec()));
            rest = after;
        }
        while level.children.len() > roomy(BRANCH_MAX) {
            level = level.grouped();
        }
        Self {
            root: Node::Branch(Box::new(level)),
            len,
        }
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a member; `false` if exactly this place was there already.
    pub fn insert(&mut self, place: Place) -> bool {
        match self.root.insert(place) {
            Insertion::Present => return false,
            Insertion::Done => {}
            Insertion::Split(start, right) => {
                let left = mem::take(&mut self.root);
                let mut root = Branch::default();
                root.push(Place::BEST, left.len(), left);
                root.push(start, right.len(), right);
                self.root = Node::Branch(Box::new(root));
            }
        }
        self.len = self.len.saturating_add(1);
        true
    }

    /// Takes a member out; `false` if exactly this place was not there.
    pub fn remove(&mut self, place: &Place) -> bool {
        if !self.root.remove(place) {
            return false;
        }
        self.len = self.len.saturating_sub(1);
        if let Node::Branch(branch) = &mut self.root
            && branch.children.len() == 1
            && let Some(only) = branch.children.pop()
        {
            self.root = only;
        }
        true
    }

    /// Moves a member: the same as `remove(old)` followed by `insert(new)`, but cheaper when the two are close.
    /// Returns `true` if `old` was a member and `new` was not (or is `old` itself). If `old` was not a member `new` is
    /// inserted all the same.
    pub fn replace(&mut self, old: &Place, new: Place) -> bool {
        if self.root.shift(old, new) {
            return true;
        }
        let removed = self.remove(old);
        let inserted = self.insert(new);
        removed && inserted
    }

    /// How many members are strictly ahead of `place`, which need not be a member: its rank counted from 0.
    pub fn rank(&self, place: &Place) -> usize {
        let mut ahead: usize = 0;
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(places) => {
                    return ahead.saturating_add(places.partition_point(|member| member < place));
                }
                Node::Branch(branch) => {
                    let at = branch.child_of(place);
                    ahead = ahead.saturating_add(branch.counts[..at].iter().sum());
                    node = &branch.children[at];
                }
            }
        }
    }

    /// The member at a rank counted from 0.
    pub fn get(&self, index: usize) -> Option<Place> {
        self.leaf_from(index).first().copied()
    }

    /// Up to `count` members from rank `from` (counted from 0) on, best first. Stops at the end.
    pub fn range(&self, from: usize, count: usize) -> impl Iterator<Item = Place> + '_ {
        Range {
            standings: self,
            next_leaf: from,
            leaf: [].iter(),
        }
        .take(count)
    }

    /// The best member.
    pub fn first(&self) -> Option<Place> {
        self.get(0)
    }

    /// The worst member.
    pub fn last(&self) -> Option<Place> {
        self.len.checked_sub(1).and_then(|index| self.get(index))
    }

    /// The bytes allocated for the members and the index over them, spare capacity included, without what the
    /// allocator adds.
    pub fn heap_bytes(&self) -> usize {
        self.root.heap_bytes()
    }

    /// Asserts that the structure is sound, for tests. Takes time linear in the number of members.
    ///
    /// # Panics
    ///
    /// If an invariant is broken, which would be a bug in this module.
    pub fn check(&self) {
        let (len, _depth) = self.root.check(true, Place::BEST, None);
        assert_eq!(len, self.len, "the number of members");
    }

    /// The part from rank `index` on of the leaf that holds it; empty behind the end.
    fn leaf_from(&self, index: usize) -> &[Place] {
        let mut index = index;
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(places) => return places.get(index..).unwrap_or_default(),
                Node::Branch(branch) => {
                    let mut at: usize = 0;
                    for count in &branch.counts {
                        match index.checked_sub(*count) {
                            Some(behind) => index = behind,
                            None => break,
                        }
                        at = at.saturating_add(1);
                    }
                    match branch.children.get(at) {
                        Some(child) => node = child,
                        None => return &[],
                    }
                }
            }
        }
    }
}

/// Walks leaf by leaf; each leaf is found anew from the root, which keeps the iterator small.
struct Range<'a> {
    standings: &'a Standings,
    next_leaf: usize,
    leaf: std::slice::Iter<'a, Place>,
}

impl Iterator for Range<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        if let Some(place) = self.leaf.next() {
            return Some(*place);
        }
        let leaf = self.standings.leaf_from(self.next_leaf);
        self.next_leaf = self.next_leaf.saturating_add(leaf.len());
        self.leaf = leaf.iter();
        self.leaf.next().copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let behind = self.standings.len.saturating_sub(self.next_leaf);
        let left = behind.saturating_add(self.leaf.len());
        (left, Some(left))
    }
}

#[derive(Clone, Debug)]
enum Node {
    /// Sorted, without duplicates.
    Leaf(Vec<Place>),
    Branch(Box<Branch>),
}

/// What an insertion did to a node.
enum Insertion {
    /// Nothing: the place was there.
    Present,
    Done,
    /// The node became too large and gave its upper half away, which starts at the place.
    Split(Place, Node),
}

impl Default for Node {
    fn default() -> Self {
        Node::Leaf(Vec::new())
    }
}

impl Node {
    /// How many places are below this node.
    fn len(&self) -> usize {
        match self {
            Node::Leaf(places) => places.len(),
            Node::Branch(branch) => branch.counts.iter().sum(),
        }
    }

    /// How many entries this node itself has, and at how many it splits.
    fn size_and_max(&self) -> (usize, usize) {
        match self {
            Node::Leaf(places) => (places.len(), LEAF_MAX),
            Node::Branch(branch) => (branch.children.len(), BRANCH_MAX),
        }
    }

    fn insert(&mut self, place: Place) -> Insertion {
        match self {
            Node::Leaf(places) => {
                let Err(at) = places.binary_search(&place) else {
                    return Insertion::Present;
                };
                if places.len() == places.capacity() {
                    places.reserve_exact(spare(places.len()));
                }
                places.insert(at, place);
            }
            Node::Branch(branch) => {
                let at = branch.child_of(&place);
                match branch.children[at].insert(place) {
                    Insertion::Present => return Insertion::Present,
                    Insertion::Done => {
                        branch.counts[at] = branch.counts[at].saturating_add(1);
                        return Insertion::Done;
                    }
                    Insertion::Split(start, right) => {
                        branch.counts[at] = branch.children[at].len();
                        branch.insert(at.saturating_add(1), start, right);
                    }
                }
            }
        }
        let (size, max) = self.size_and_max();
        if size < max {
            return Insertion::Done;
        }
        let (start, right) = self.split();
        Insertion::Split(start, right)
    }

    fn remove(&mut self, place: &Place) -> bool {
        match self {
            Node::Leaf(places) => {
                let Ok(at) = places.binary_search(place) else {
                    return false;
                };
                places.remove(at);
                trim(places);
            }
            Node::Branch(branch) => {
                let at = branch.child_of(place);
                if !branch.children[at].remove(place) {
                    return false;
                }
                branch.counts[at] = branch.counts[at].saturating_sub(1);
                let (size, max) = branch.children[at].size_and_max();
                if size < least(max) {
                    branch.mend(at);
                }
            }
        }
        true
    }

    /// Moves a member within its leaf, where no count changes. Returns `false`, having done nothing, if that is not
    /// possible: other leaf, `old` not a member, `new` already one.
    fn shift(&mut self, old: &Place, new: Place) -> bool {
        let mut node = self;
        loop {
            match node {
                Node::Branch(branch) => {
                    let at = branch.child_of(old);
                    if at != branch.child_of(&new) {
                        return false;
                    }
                    node = &mut branch.children[at];
                }
                Node::Leaf(places) => {
                    let Ok(from) = places.binary_search(old) else {
                        return false;
                    };
                    match places.binary_search(&new) {
                        Ok(at) => return at == from,
                        Err(at) if at <= from => {
                            places.copy_within(at..from, at.saturating_add(1));
                            places[at] = new;
                        }
                        Err(at) => {
                            // Those between move up one, so the gap ends just before `at`.
                            places.copy_within(from.saturating_add(1)..at, from);
                            places[at.saturating_sub(1)] = new;
                        }
                    }
                    return true;
                }
            }
        }
    }

    /// Gives the upper half away, with the place at which it starts.
    fn split(&mut self) -> (Place, Node) {
        match self {
            Node::Leaf(places) => {
                let right = places.split_off(places.len() / 2);
                trim(places);
                (right[0], Node::Leaf(right))
            }
            Node::Branch(branch) => {
                let middle = branch.children.len() / 2;
                let right = Branch {
                    starts: branch.starts.split_off(middle),
                    counts: branch.counts.split_off(middle),
                    children: branch.children.split_off(middle),
                };
                (right.starts[0], Node::Branch(Box::new(right)))
            }
        }
    }

    /// Takes the right neighbour in. What would be too full is shared evenly again, and the new neighbour returned.
    fn fuse(&mut self, start: Place, neighbour: Node) -> Option<(Place, Node)> {
        match (&mut *self, neighbour) {
            (Node::Leaf(places), Node::Leaf(others)) => {
                let sum = places.len().saturating_add(others.len());
                places.reserve_exact(others.len().saturating_add(spare(sum)));
                places.extend_from_slice(&others);
            }
            (Node::Branch(branch), Node::Branch(mut other)) => {
                branch.starts.append(&mut other.starts);
                branch.counts.append(&mut other.counts);
                branch.children.append(&mut other.children);
            }
            // Neighbours are of one kind, since all leaves are equally deep; otherwise leave them as they are.
            (_, neighbour) => return Some((start, neighbour)),
        }
        let (size, max) = self.size_and_max();
        (size > roomy(max)).then(|| self.split())
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Node::Leaf(places) => places.capacity().saturating_mul(size_of::<Place>()),
            Node::Branch(branch) => [
                size_of::<Branch>(),
                branch.starts.capacity().saturating_mul(size_of::<Place>()),
                branch.counts.capacity().saturating_mul(size_of::<usize>()),
                branch.children.capacity().saturating_mul(size_of::<Node>()),
                branch.children.iter().map(Node::heap_bytes).sum(),
            ]
            .iter()
            .sum(),
        }
    }

    /// Asserts that all below is sound and lies in `start..end`; returns how many places and how many levels there are.
    fn check(&self, is_root: bool, start: Place, end: Option<Place>) -> (usize, usize) {
        let (size, max) = self.size_and_max();
        assert!(size < max, "a node is too large: {size}");
        assert!(is_root || size >= least(max), "a node is too small: {size}");
        match self {
            Node::Leaf(places) => {
                assert!(
                    places.is_sorted_by(|one, next| one < next),
                    "a leaf is not in order"
                );
                assert!(
                    places.first().is_none_or(|first| *first >= start),
                    "a place before its leaf"
                );
                assert!(
                    places
                        .last()
                        .is_none_or(|last| end.is_none_or(|end| *last < end)),
                    "a place behind its leaf"
                );
                let unused = places.capacity().saturating_sub(size);
                assert!(
                    unused <= spare(size).saturating_mul(3),
                    "a leaf wastes memory: {unused} beside {size}"
                );
                (size, 1)
            }
            Node::Branch(branch) => {
                assert!(size >= 2, "a branch that does not branch");
                assert_eq!(branch.starts.len(), size, "starts and children");
                assert_eq!(branch.counts.len(), size, "counts and children");
                assert_eq!(branch.starts[0], start, "where the first child starts");
                let ends = branch.starts[1..].iter().copied().map(Some).chain([end]);
                let mut depths = Vec::new();
                let children = branch.children.iter().zip(&branch.starts).zip(ends);
                for (((child, start), end), count) in children.zip(&branch.counts) {
                    let (len, depth) = child.check(false, *start, end);
                    assert_eq!(len, *count, "the count of a child");
                    depths.push(depth);
                }
                assert!(
                    depths.iter().all(|depth| *depth == depths[0]),
                    "leaves are not equally deep"
                );
                (self.len(), depths[0].saturating_add(1))
            }
        }
    }
}

/// Three parallel arrays, one entry per child; never empty except while it is being built.
#[derive(Clone, Default, Debug)]
struct Branch {
    /// Every place in a child is at or behind the start of this child and ahead of the start of the next.
    starts: Vec<Place>,
    counts: Vec<usize>,
    children: Vec<Node>,
}

impl Branch {
    /// The child that holds `place` if any does.
    fn child_of(&self, place: &Place) -> usize {
        self.starts
            .partition_point(|start| start <= place)
            .saturating_sub(1)
    }

    fn push(&mut self, start: Place, count: usize, child: Node) {
        self.starts.push(start);
        self.counts.push(count);
        self.children.push(child);
    }

    fn insert(&mut self, at: usize, start: Place, child: Node) {
        self.starts.insert(at, start);
        self.counts.insert(at, child.len());
        self.children.insert(at, child);
    }

    /// Joins a child that became too small with a neighbour, or shares evenly with it.
    fn mend(&mut self, at: usize) {
        let left = at.saturating_sub(1);
        let right = left.saturating_add(1);
        if right >= self.children.len() {
            return;
        }
        let start = self.starts.remove(right);
        self.counts.remove(right);
        let neighbour = self.children.remove(right);
        let rest = self.children[left].fuse(start, neighbour);
        self.counts[left] = self.children[left].len();
        if let Some((start, node)) = rest {
            self.insert(right, start, node);
        }
    }

    /// Puts a level of evenly filled branches between this branch and its children.
    fn grouped(self) -> Branch {
        let mut upper = Branch::default();
        let sizes = even_sizes(self.children.len(), roomy(BRANCH_MAX));
        let mut starts = self.starts.into_iter();
        let mut counts = self.counts.into_iter();
        let mut children = self.children.into_iter();
        for size in sizes {
            let branch = Branch {
                starts: starts.by_ref().take(size).collect(),
                counts: counts.by_ref().take(size).collect(),
                children: children.by_ref().take(size).collect(),
            };
            upper.push(
                branch.starts[0],
                branch.counts.iter().sum(),
                Node::Branch(Box::new(branch)),
            );
        }
        upper
    }
}

/// The fewest entries a node other than the root may have.
const fn least(max: usize) -> usize {
    max / 4
}

/// How full a node is after it was built or joined with another: far from both of its limits.
const fn roomy(max: usize) -> usize {
    max.saturating_sub(max / 4)
}

/// The capacity a leaf of `len` places gets for those to come.
const fn spare(len: usize) -> usize {
    (len / 16).saturating_add(4)
}

/// Gives memory back where too much is unused. The distance between this limit and what remains afterwards keeps a leaf
/// that gains and loses places in turn from being reallocated each time.
fn trim(places: &mut Vec<Place>) {
    let spare = spare(places.len());
    if places.capacity().saturating_sub(places.len()) > spare.saturating_mul(3) {
        places.shrink_to(places.len().saturating_add(spare));
    }
}

/// Divides `total` into as few sizes of at most `max` as possible, which differ by one at most.
fn even_sizes(total: usize, max: usize) -> impl Iterator<Item = usize> {
    let parts = total.div_ceil(max);
    let size = total.checked_div(parts).unwrap_or_default();
    let larger = total.checked_rem(parts).unwrap_or_default();
    (0..parts).map(move |part| {
        if part < larger {
            size.saturating_add(1)
        } else {
            size
        }
    })
}
