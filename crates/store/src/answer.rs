//! Answers kept for a while, so that a repeated request with the same key gets the same one (spec/aworld.md 2.6).

use jiff::{SignedDuration, Timestamp};

use crate::access::Space;
use crate::driver::{Column, Tx};
use crate::{Error, Result};

/// How long an answer is kept.
pub const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, JSON.
    pub body: String,
}

/// The answer kept for a request since an instant. `fingerprint`: what stands for the request.
pub fn find(
    tx: &mut Tx<'_>,
    space: Space,
    fingerprint: &[u8],
    since: Timestamp,
) -> Result<Option<Answer>> {
    tx.row(
        "select status, body from answer
         where space_id = $1 and fingerprint = $2 and created_at > $3",
        &[
            space.id().into(),
            fingerprint.into(),
            since.as_microsecond().into(),
        ],
        |row| {
            Ok(Answer {
                status: u16::try_from(row.get::<i64>(0)?).map_err(Error::broken)?,
                body: row.get(1)?,
            })
        },
    )
}

/// Keeps the answer to a request, in place of an older one.
pub fn keep(
    tx: &mut Tx<'_>,
    space: Space,
    fingerprint: &[u8],
    answer: &Answer,
    now: Timestamp,
) -> Result<()> {
    tx.run(
        "insert into answer (space_id, fingerprint, status, body, created_at)
         values ($1, $2, $3, $4, $5)
         on conflict (space_id, fingerprint) do update
         set status = excluded.status, body = excluded.body, created_at = excluded.created_at",
        &[
            space.id().into(),
            fingerprint.into(),
            i64::from(answer.status).into(),
            answer.body.as_str().into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(())
}

/// What stands for a request in the space it was made in.
pub type Print = (Space, [u8; 16]);

/// The answers kept since an instant for any of several requests.
pub fn find_each(
    tx: &mut Tx<'_>,
    prints: &[Print],
    since: Timestamp,
) -> Result<Vec<(Print, Answer)>> {
    tx.look_up(
        "select a.space_id, a.fingerprint, a.status, a.body
         from {keys(space_id bigint, fingerprint bytes, since bigint)} k
         join answer a on a.space_id = k.space_id and a.fingerprint = k.fingerprint
                      and a.created_at > k.since",
        &[
            Column::Int(prints.iter().map(|(space, _)| space.id()).collect()),
            Column::Bytes(prints.iter().map(|(_, print)| print.as_slice()).collect()),
            Column::Int(vec![since.as_microsecond(); prints.len()]),
        ],
        |row| {
            let print: Vec<u8> = row.get(1)?;
            let print = print.try_into();
            let print = print.map_err(|_| Error::broken("a fingerprint has 16 bytes"))?;
            let answer = Answer {
                status: u16::try_from(row.get::<i64>(2)?).map_err(Error::broken)?,
                body: row.get(3)?,
            };
            Ok(((Space::of(row, 0)?, print), answer))
        },
    )
}

/// Keeps the answers to requests, in place of those that are older than [`LIFE`]. One that somebody
/// else gave in the meantime is an [`Error::Conflict`]: the request must not be carried out twice.
pub fn keep_each(tx: &mut Tx<'_>, answers: &[(Print, Answer, Timestamp)]) -> Result<()> {
    // The number is LIFE.
    let written = tx.many(
        "insert into answer (space_id, fingerprint, status, body, created_at)
         select k.space_id, k.fingerprint, k.status, k.body, k.created_at
         from {keys(space_id bigint, fingerprint bytes, status bigint, body text,
                    created_at bigint)} k
         where true
         on conflict (space_id, fingerprint) do update set
             status = excluded.status, body = excluded.body, created_at = excluded.created_at
         where answer.created_at <= excluded.created_at - 300000000",
        &[
            Column::Int(answers.iter().map(|one| one.0.0.id()).collect()),
            Column::Bytes(answers.iter().map(|one| one.0.1.as_slice()).collect()),
            Column::Int(answers.iter().map(|one| one.1.status.into()).collect()),
            Column::Text(answers.iter().map(|one| one.1.body.as_str()).collect()),
            Column::Int(answers.iter().map(|one| one.2.as_microsecond()).collect()),
        ],
    )?;
    if usize::try_from(written) == Ok(answers.len()) {
        Ok(())
    } else {
        Err(Error::Conflict("answer_pkey".to_owned()))
    }
}

/// Forgets the answers of all spaces given before an instant; answers how many.
pub fn sweep(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    tx.run(
        "delete from answer where created_at <= $1",
        &[before.as_microsecond().into()],
    )
}
