//! Of what little is to be told: what was told last or waits to be told, and until when nothing more is
//! (spec/trophy.md 9.4, AMB-49).
//!
//! Instants are those of the space's own clock. Must not know how much is little.

use engine::id::UserId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::Space;
use crate::driver::{Column, Row, Tx};
use crate::time::{instant, maybe_instant};

/// What is told little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key<'a> {
    /// The kind of message.
    pub kind: &'a str,
    /// The points system or board.
    pub subject: Uuid,
    /// The run of the board; 0 otherwise.
    pub run: i64,
    /// Whom it is about; user 0: nobody in particular.
    pub user: UserId,
}

/// A time in which nothing more is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window<'a> {
    /// Of what.
    pub key: Key<'a>,
    /// Its end.
    pub until: Timestamp,
    /// When to look again, if anything waits.
    pub due: Option<Timestamp>,
    /// What waits to be told, or what was told last, JSON.
    pub told: Option<String>,
}

fn window<'a>(row: &Row<'_>, kind: &'a str) -> Result<Window<'a>> {
    Ok(Window {
        key: Key {
            kind,
            subject: row.get(0)?,
            run: row.get(1)?,
            user: UserId(row.get(2)?),
        },
        until: instant(row, 3)?,
        due: maybe_instant(row, 4)?,
        told: row.get(5)?,
    })
}

/// The windows of these users and subjects in run 0, as far as there are any. They are held until the
/// transaction ends.
pub fn find<'a>(
    tx: &mut Tx<'_>,
    space: Space,
    kind: &'a str,
    of: &[(Uuid, UserId)],
) -> Result<Vec<Window<'a>>> {
    tx.look_up(
        "select t.subject, t.run, t.user_id, t.until, t.due_at, t.told
         from {keys(space_id bigint, kind text, subject uuid, run bigint, user_id bigint)} k
         join throttle t on t.space_id = k.space_id and t.kind = k.kind and t.subject = k.subject
              and t.run = k.run and t.user_id = k.user_id
         order by t.subject, t.user_id {hold}",
        &[
            Column::Int(vec![space.id(); of.len()]),
            Column::Text(vec![kind; of.len()]),
            Column::Uuid(of.iter().map(|(subject, _)| *subject).collect()),
            Column::Int(vec![0; of.len()]),
            Column::Int(of.iter().map(|(_, user)| user.0).collect()),
        ],
        |row| window(row, kind),
    )
}

/// All windows of a subject, of every run and user. They are held until the transaction ends.
pub fn of_subject<'a>(
    tx: &mut Tx<'_>,
    space: Space,
    kind: &'a str,
    subject: Uuid,
) -> Result<Vec<Window<'a>>> {
    tx.rows(
        "select subject, run, user_id, until, due_at, told from throttle
         where space_id = $1 and kind = $2 and subject = $3
         order by run, user_id {hold}",
        &[space.id().into(), kind.into(), subject.into()],
        |row| window(row, kind),
    )
}

/// What of a kind has fallen due, longest first: subject, run and user.
pub fn due(
    tx: &mut Tx<'_>,
    space: Space,
    kind: &str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Uuid, i64, UserId)>> {
    tx.rows(
        "select subject, run, user_id from throttle
         where space_id = $1 and kind = $2 and due_at is not null and due_at <= $3
         order by due_at limit $4",
        &[
            space.id().into(),
            kind.into(),
            now.as_microsecond().into(),
            limit.into(),
        ],
        |row| Ok((row.get(0)?, row.get(1)?, UserId(row.get(2)?))),
    )
}

/// Spaces in which anything has fallen due by their own clock; `now`: the clock of the machine.
pub fn due_spaces(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Space>> {
    let mut spaces = tx.rows(
        "select t.space_id from throttle t
         join space s on s.id = t.space_id
         join environment e on e.id = s.environment_id
         where t.due_at is not null and t.due_at <= $1 and e.test_now is null
         order by t.due_at limit 1000",
        &[now.as_microsecond().into()],
        |row| Space::of(row, 0),
    )?;
    spaces.extend(tx.rows(
        "select t.space_id from environment e
         join space s on s.environment_id = e.id
         join throttle t on t.space_id = s.id and t.due_at is not null and t.due_at <= e.test_now
         where e.test_now is not null",
        &[],
        |row| Space::of(row, 0),
    )?);
    spaces.sort_unstable();
    spaces.dedup();
    Ok(spaces)
}

/// The next instant at which anything falls due where the clock of the machine is in force.
pub fn next_due(tx: &mut Tx<'_>) -> Result<Option<Timestamp>> {
    tx.row(
        "select t.due_at from throttle t
         join space s on s.id = t.space_id
         join environment e on e.id = s.environment_id
         where t.due_at is not null and e.test_now is null order by t.due_at limit 1",
        &[],
        |row| instant(row, 0),
    )
}

/// The next instant at which anything falls due in a space, by its own clock.
pub fn next_due_of(tx: &mut Tx<'_>, space: Space) -> Result<Option<Timestamp>> {
    tx.row(
        "select due_at from throttle where space_id = $1 and due_at is not null
         order by due_at limit 1",
        &[space.id().into()],
        |row| instant(row, 0),
    )
}

/// Keeps windows, one per key.
pub fn save(tx: &mut Tx<'_>, space: Space, windows: &[Window<'_>]) -> Result<()> {
    tx.many(
        "insert into throttle (space_id, kind, subject, run, user_id, until, due_at, told)
         select k.space_id, k.kind, k.subject, k.run, k.user_id, k.until, k.due_at, k.told
         from {keys(space_id bigint, kind text, subject uuid, run bigint, user_id bigint,
                    until bigint, due_at bigint, told json)} k where true
         on conflict (space_id, kind, subject, run, user_id) do update
         set until = excluded.until, due_at = excluded.due_at, told = excluded.told",
        &[
            Column::Int(vec![space.id(); windows.len()]),
            Column::Text(windows.iter().map(|one| one.key.kind).collect()),
            Column::Uuid(windows.iter().map(|one| one.key.subject).collect()),
            Column::Int(windows.iter().map(|one| one.key.run).collect()),
            Column::Int(windows.iter().map(|one| one.key.user.0).collect()),
            Column::Int(
                windows
                    .iter()
                    .map(|one| one.until.as_microsecond())
                    .collect(),
            ),
            Column::OptInt(
                windows
                    .iter()
                    .map(|one| one.due.map(Timestamp::as_microsecond))
                    .collect(),
            ),
            Column::OptJson(windows.iter().map(|one| one.told.as_deref()).collect()),
        ],
    )?;
    Ok(())
}

/// Forgets windows.
pub fn remove(tx: &mut Tx<'_>, space: Space, keys: &[Key<'_>]) -> Result<()> {
    tx.many(
        "delete from throttle where (space_id, kind, subject, run, user_id) in
             (select space_id, kind, subject, run, user_id
              from {keys(space_id bigint, kind text, subject uuid, run bigint, user_id bigint)} k)",
        &[
            Column::Int(vec![space.id(); keys.len()]),
            Column::Text(keys.iter().map(|one| one.kind).collect()),
            Column::Uuid(keys.iter().map(|one| one.subject).collect()),
            Column::Int(keys.iter().map(|one| one.run).collect()),
            Column::Int(keys.iter().map(|one| one.user.0).collect()),
        ],
    )?;
    Ok(())
}

/// Forgets windows that are over and of which nothing has to be remembered.
pub fn sweep(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64> {
    tx.run(
        "delete from throttle where told is null and due_at is null and until <= $1 and space_id not in
             (select s.id from space s join environment e on e.id = s.environment_id
              where e.test_now is not null)",
        &[now.as_microsecond().into()],
    )
}
