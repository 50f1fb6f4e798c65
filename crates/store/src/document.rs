//! Documents of the second dialect: definitions that are drafted before they are published (spec/aworld.md 2.7).
//!
//! They lie in the table of all definitions. What was never published has its draft as body and acts nowhere; what was has the
//! published body, and beside it perhaps a draft. Knows no kind.

use std::collections::BTreeMap;

use engine::definition::{Content, Document, Kind};
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Space;
use crate::definition::record_version;
use crate::driver::{Column, Row, Tx, Value};
use crate::time::instant;
use crate::{Error, Result};

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    /// Our id; clients know [`Document::id`].
    pub id: Uuid,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed, drafted or published.
    pub updated: Timestamp,
    /// Whether it ever was published.
    pub is_published: bool,
    /// What readers see: the published body, or the draft of what was never published.
    pub body: Document<T>,
    /// What will be published next, if it is not the body.
    pub draft: Option<Document<T>>,
}

impl<T> Kept<T> {
    /// What was written last.
    pub fn newest(&self) -> &Document<T> {
        self.draft.as_ref().unwrap_or(&self.body)
    }

    /// Whether there is something to be published.
    pub fn is_draft(&self) -> bool {
        !self.is_published || self.draft.is_some()
    }
}

/// A piece of a list in the order of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many rows.
    pub limit: i64,
    /// Oldest change first.
    pub is_ascending: bool,
    /// The last row before it: its change, and our id.
    pub after: Option<(Timestamp, Uuid)>,
}

impl Slice {
    /// Where it begins, as the two values of a comparison.
    pub(crate) fn bounds(&self) -> (i64, Uuid) {
        match self.after {
            Some((at, id)) => (at.as_microsecond(), id),
            None if self.is_ascending => (i64::MIN, Uuid::nil()),
            None => (i64::MAX, Uuid::max()),
        }
    }
}

fn kept<T: Content>(row: &Row<'_>) -> Result<Kept<T>> {
    let read = |json: String| serde_json::from_str(&json).map_err(Error::broken);
    Ok(Kept {
        id: row.get(0)?,
        body: read(row.get(1)?)?,
        draft: row.get::<Option<String>>(2)?.map(read).transpose()?,
        is_published: row.get(3)?,
        created: instant(row, 4)?,
        updated: instant(row, 5)?,
    })
}

fn json<T: Content>(document: &Document<T>) -> Result<String> {
    serde_json::to_string(document).map_err(Error::broken)
}

/// Keeps a new document as a draft. Its id must be free (see [`ids`]).
pub fn insert<T: Content>(
    tx: &mut Tx<'_>,
    space: Space,
    id: Uuid,
    body: Document<T>,
    now: Timestamp,
) -> Result<Kept<T>> {
    let json = json(&body)?;
    tx.run(
        "insert into definition (space_id, id, kind, unique_key, version, body, is_archived,
                                 is_published, created_at, updated_at)
         values ($1, $2, $3, $4, 0, $5, $6, $6, $7, $7)",
        &[
            space.id().into(),
            id.into(),
            T::KIND.name().into(),
            (&body.id).into(),
            Value::Json(&json),
            false.into(),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(Kept {
        id,
        created: now,
        updated: now,
        is_published: false,
        body,
        draft: None,
    })
}

/// Writes the draft of a document; what was published stays in force. The id of a document never changes.
pub fn save_draft<T: Content>(
    tx: &mut Tx<'_>,
    space: Space,
    before: Kept<T>,
    draft: Document<T>,
    now: Timestamp,
) -> Result<Kept<T>> {
    let json = json(&draft)?;
    let params = [
        space.id().into(),
        before.id.into(),
        Value::Json(&json),
        now.as_microsecond().into(),
    ];
    let after = if before.is_published {
        tx.run(
            "update definition set draft = $3, updated_at = $4 where space_id = $1 and id = $2",
            &params,
        )?;
        Kept {
            draft: Some(draft),
            ..before
        }
    } else {
        tx.run(
            "update definition set body = $3, updated_at = $4 where space_id = $1 and id = $2",
            &params,
        )?;
        Kept {
            body: draft,
            ..before
        }
    };
    Ok(Kept {
        updated: now,
        ..after
    })
}

/// Puts the draft of a document in force; without a draft nothing happens.
pub fn publish<T: Content>(
    tx: &mut Tx<'_>,
    space: Space,
    before: Kept<T>,
    now: Timestamp,
) -> Result<Kept<T>> {
    if !before.is_draft() {
        return Ok(before);
    }
    tx.run(
        "update definition set body = coalesce(draft, body), draft = null, is_published = $3,
                               version = version + 1, updated_at = $4
         where space_id = $1 and id = $2",
        &[
            space.id().into(),
            before.id.into(),
            true.into(),
            now.as_microsecond().into(),
        ],
    )?;
    record_version(tx, space, before.id, now)?;
    Ok(Kept {
        updated: now,
        is_published: true,
        body: before.draft.unwrap_or(before.body),
        draft: None,
        ..before
    })
}

/// A document by the id that clients know, also one that was never published.
pub fn find<T: Content>(tx: &mut Tx<'_>, space: Space, id: &str) -> Result<Option<Kept<T>>> {
    tx.row(
        "select id, body, draft, is_published, created_at, updated_at from definition
         where space_id = $1 and kind = $2 and unique_key = $3 and not is_archived",
        &[space.id().into(), T::KIND.name().into(), id.into()],
        kept,
    )
}

/// The documents of a kind, also those never published.
pub fn list<T: Content>(tx: &mut Tx<'_>, space: Space, slice: &Slice) -> Result<Vec<Kept<T>>> {
    let (at, id) = slice.bounds();
    let sql = if slice.is_ascending {
        "select id, body, draft, is_published, created_at, updated_at from definition
         where space_id = $1 and kind = $2 and not is_archived and (updated_at, id) > ($3, $4)
         order by updated_at, id limit $5"
    } else {
        "select id, body, draft, is_published, created_at, updated_at from definition
         where space_id = $1 and kind = $2 and not is_archived and (updated_at, id) < ($3, $4)
         order by updated_at desc, id desc limit $5"
    };
    tx.rows(
        sql,
        &[
            space.id().into(),
            T::KIND.name().into(),
            at.into(),
            id.into(),
            slice.limit.into(),
        ],
        kept,
    )
}

/// Our ids of the definitions that clients name by kind and id (or key), drafts included; what is not
/// there is missing from the answer.
pub fn ids(
    tx: &mut Tx<'_>,
    space: Space,
    wanted: &[(Kind, &str)],
) -> Result<BTreeMap<(Kind, String), Uuid>> {
    let found = tx.look_up(
        "select d.kind, d.unique_key, d.id
         from {keys(space_id bigint, kind text, unique_key text)} k
         join definition d on d.space_id = k.space_id and d.kind = k.kind
             and d.unique_key = k.unique_key and not d.is_archived",
        &[
            Column::Int(vec![space.id(); wanted.len()]),
            Column::Text(wanted.iter().map(|(kind, _)| kind.name()).collect()),
            Column::Text(wanted.iter().map(|(_, id)| *id).collect()),
        ],
        |row| {
            let kind: String = row.get(0)?;
            let kind =
                Kind::named(&kind).ok_or_else(|| Error::broken(format!("unknown kind {kind}")))?;
            Ok(((kind, row.get(1)?), row.get(2)?))
        },
    )?;
    Ok(found.into_iter().collect())
}
