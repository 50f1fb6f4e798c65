//! Which documents carry which tags (spec/aworld.md 2.9).

use engine::id::TagId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Result;
use crate::access::Space;
use crate::document::Slice;
use crate::driver::{Column, Row, Tx};
use crate::time::instant;

/// A tag on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The tag.
    pub tag: TagId,
    /// The id that clients know it by.
    pub tag_id: String,
    /// Its place among the tags of the document, from 0.
    pub priority: i64,
    /// Assigned.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
}

/// Reads five columns from the one given on.
fn assignment(row: &Row<'_>, first: usize) -> Result<Assignment> {
    Ok(Assignment {
        tag: TagId(row.get(first)?),
        tag_id: row.get(first + 1)?,
        priority: row.get(first + 2)?,
        created: instant(row, first + 3)?,
        updated: instant(row, first + 4)?,
    })
}

/// The tags of a document in the order of their last change; [`Slice::after`] names a tag.
pub fn list(
    tx: &mut Tx<'_>,
    space: Space,
    definition: Uuid,
    slice: &Slice,
) -> Result<Vec<Assignment>> {
    let (at, id) = slice.bounds();
    let sql = if slice.is_ascending {
        "select a.tag_id, t.unique_key, a.priority, a.created_at, a.updated_at
         from definition_tag a join definition t on t.space_id = a.space_id and t.id = a.tag_id
         where a.space_id = $1 and a.definition_id = $2 and (a.updated_at, a.tag_id) > ($3, $4)
         order by a.updated_at, a.tag_id limit $5"
    } else {
        "select a.tag_id, t.unique_key, a.priority, a.created_at, a.updated_at
         from definition_tag a join definition t on t.space_id = a.space_id and t.id = a.tag_id
         where a.space_id = $1 and a.definition_id = $2 and (a.updated_at, a.tag_id) < ($3, $4)
         order by a.updated_at desc, a.tag_id desc limit $5"
    };
    tx.rows(
        sql,
        &[
            space.id().into(),
            definition.into(),
            at.into(),
            id.into(),
            slice.limit.into(),
        ],
        |row| assignment(row, 0),
    )
}

/// The tags of several documents, each with the document; those of one by priority.
pub fn of_all(
    tx: &mut Tx<'_>,
    space: Space,
    definitions: &[Uuid],
) -> Result<Vec<(Uuid, Assignment)>> {
    let mut found = tx.look_up(
        "select a.definition_id, a.tag_id, t.unique_key, a.priority, a.created_at, a.updated_at
         from {keys(space_id bigint, id uuid)} k
         join definition_tag a on a.space_id = k.space_id and a.definition_id = k.id
         join definition t on t.space_id = a.space_id and t.id = a.tag_id",
        &[
            Column::Int(vec![space.id(); definitions.len()]),
            Column::Uuid(definitions.to_vec()),
        ],
        |row| Ok((row.get(0)?, assignment(row, 1)?)),
    )?;
    found.sort_by(|(a, x), (b, y)| (a, x.priority, &x.tag_id).cmp(&(b, y.priority, &y.tag_id)));
    Ok(found)
}

/// Those of the named tags that a document carries.
pub fn find(
    tx: &mut Tx<'_>,
    space: Space,
    definition: Uuid,
    tags: &[TagId],
) -> Result<Vec<Assignment>> {
    tx.look_up(
        "select a.tag_id, t.unique_key, a.priority, a.created_at, a.updated_at
         from {keys(space_id bigint, definition_id uuid, tag_id uuid)} k
         join definition_tag a on a.space_id = k.space_id and a.definition_id = k.definition_id
             and a.tag_id = k.tag_id
         join definition t on t.space_id = a.space_id and t.id = a.tag_id",
        &[
            Column::Int(vec![space.id(); tags.len()]),
            Column::Uuid(vec![definition; tags.len()]),
            Column::Uuid(tags.iter().map(|tag| tag.0).collect()),
        ],
        |row| assignment(row, 0),
    )
}

/// Assigns tags to a document, each with its priority, or changes the priority of those it carries. Each
/// tag is named once.
pub fn assign(
    tx: &mut Tx<'_>,
    space: Space,
    definition: Uuid,
    tags: &[(TagId, i64)],
    now: Timestamp,
) -> Result<()> {
    tx.many(
        "insert into definition_tag
             (space_id, definition_id, tag_id, priority, created_at, updated_at)
         select k.space_id, k.definition_id, k.tag_id, k.priority, k.at, k.at
         from {keys(space_id bigint, definition_id uuid, tag_id uuid, priority bigint, at bigint)} k
         where true
         on conflict (space_id, definition_id, tag_id)
         do update set priority = excluded.priority, updated_at = excluded.updated_at",
        &[
            Column::Int(vec![space.id(); tags.len()]),
            Column::Uuid(vec![definition; tags.len()]),
            Column::Uuid(tags.iter().map(|(tag, _)| tag.0).collect()),
            Column::Int(tags.iter().map(|(_, priority)| *priority).collect()),
            Column::Int(vec![now.as_microsecond(); tags.len()]),
        ],
    )?;
    Ok(())
}

/// Takes tags from a document; answers how many it carried.
pub fn remove(tx: &mut Tx<'_>, space: Space, definition: Uuid, tags: &[TagId]) -> Result<u64> {
    tx.many(
        "delete from definition_tag where (space_id, definition_id, tag_id) in
             (select space_id, definition_id, tag_id
              from {keys(space_id bigint, definition_id uuid, tag_id uuid)} k)",
        &[
            Column::Int(vec![space.id(); tags.len()]),
            Column::Uuid(vec![definition; tags.len()]),
            Column::Uuid(tags.iter().map(|tag| tag.0).collect()),
        ],
    )
}
