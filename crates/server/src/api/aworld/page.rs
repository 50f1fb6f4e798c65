//! Lists in pages: a token that says where the next page begins and is good only for the same question (spec/aworld.md 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::problem::{Problem, Result};
use crate::query::Query;

/// Items on a page if the caller asks for no number.
pub const LIMIT_DEFAULT: i64 = 10;
/// The most items on a page.
pub const LIMIT_MAX: i64 = 100;

/// How operations describe that they list in pages; [`Page::of`] reads it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct PageQuery {
    /// Items on the page, 10 if missing, at most 100.
    #[param(minimum = 1)]
    pub limit: Option<i64>,
    /// Where the page begins: the `nextToken` of the page before, good for the same limit and order.
    pub next_token: Option<String>,
    /// `updatedAt`, which is the only one.
    pub sort: Option<String>,
    /// `asc` or `desc` (default), by the last change.
    pub order: Option<String>,
}

/// A page that is asked for: always by the instant of the last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Items on it.
    pub limit: i64,
    /// Oldest first.
    pub is_ascending: bool,
    /// The last item of the page before: its instant of change and its key.
    pub after: Option<(Timestamp, String)>,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Token {
    limit: i64,
    ascending: bool,
    updated: i64,
    key: String,
}

impl Page {
    /// Reads `limit`, `nextToken`, `sort` and `order`.
    pub fn of(query: &Query) -> Result<Self> {
        let limit = match query.one("limit") {
            None => LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| *limit > 0)
                .ok_or_else(|| {
                    Problem::invalid_member("limit", "must be a whole number of at least 1")
                })?,
        };
        let limit = limit.min(LIMIT_MAX);
        if let Some(sort) = query.one("sort")
            && sort != "updatedAt"
        {
            return Err(Problem::invalid_member("sort", "must be updatedAt"));
        }
        let is_ascending = match query.one("order") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(Problem::invalid_member("order", "must be asc or desc")),
        };
        let after = match query.one("nextToken") {
            None | Some("") => None,
            Some(text) => Some(read(text, limit, is_ascending)?),
        };
        Ok(Self {
            limit,
            is_ascending,
            after,
        })
    }

    /// Cuts rows, of which one more than [`Page::limit`] was read, to a page; answers the token of the
    /// next one.
    pub fn cut<T>(
        &self,
        rows: &mut Vec<T>,
        key: impl Fn(&T) -> (Timestamp, String),
    ) -> Option<String> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        let (updated, key) = key(rows.last()?);
        let token = Token {
            limit: self.limit,
            ascending: self.is_ascending,
            updated: updated.as_microsecond(),
            key,
        };
        // A token is plain data; it always has a text.
        let json = serde_json::to_vec(&token).unwrap_or_default();
        Some(URL_SAFE_NO_PAD.encode(json))
    }

    /// How many rows to read: one more than are shown.
    pub fn rows(&self) -> i64 {
        self.limit.saturating_add(1)
    }
}

fn read(text: &str, limit: i64, is_ascending: bool) -> Result<(Timestamp, String)> {
    let wrong = |message: &str| Problem::invalid_member("nextToken", message);
    let token: Token = URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| wrong("is not a token of this list"))?;
    if token.limit != limit || token.ascending != is_ascending {
        return Err(wrong("belongs to another limit or order"));
    }
    let updated = Timestamp::from_microsecond(token.updated)
        .map_err(|_| wrong("is not a token of this list"))?;
    if token.key.contains('\0') {
        return Err(wrong("is not a token of this list"));
    }
    Ok((updated, token.key))
}

/// The extra parts a caller asks for with `fields` (spec/aworld.md 2.4).
pub fn fields(query: &Query, known: &[&'static str]) -> Result<Vec<&'static str>> {
    query
        .list("fields")
        .into_iter()
        .map(|name| {
            known
                .iter()
                .find(|known| **known == name)
                .copied()
                .ok_or_else(|| {
                    Problem::invalid_member(
                        "fields",
                        format!("must be among: {}", known.join(", ")),
                    )
                })
        })
        .collect()
}
