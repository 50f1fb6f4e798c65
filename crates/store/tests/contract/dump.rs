//! All rows of a space as lines, with the caller's ids of users in place of ours.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use store::driver::{Row, Tx};
use store::{Space, Store};
use uuid::Uuid;

use crate::world::read;

/// Joins values to a line.
macro_rules! line {
    ($($value:expr),+ $(,)?) => {
        [$(format!("{:?}", $value)),+].join(" | ")
    };
}
pub(crate) use line;

/// Lines by table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dump {
    tables: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Dump {
    pub(crate) fn add(&mut self, table: &'static str, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().collect();
        let count = lines.len();
        let set = self.tables.entry(table).or_default();
        let before = set.len();
        set.extend(lines);
        assert_eq!(set.len(), before + count, "two equal rows of {table}");
    }

    pub(crate) fn lines(&self, table: &str) -> &BTreeSet<String> {
        &self.tables[table]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.values().all(BTreeSet::is_empty)
    }

    pub(crate) fn without(mut self, table: &str) -> Self {
        self.tables.remove(table);
        self
    }

    /// Shows the rows that differ, and only those.
    #[track_caller]
    pub(crate) fn assert_eq(&self, expected: &Self, what: &str) {
        let none = BTreeSet::new();
        for (table, lines) in &self.tables {
            let wanted = expected.tables.get(table).unwrap_or(&none);
            let surplus: Vec<_> = lines.difference(wanted).collect();
            let missing: Vec<_> = wanted.difference(lines).collect();
            assert!(
                surplus.is_empty() && missing.is_empty(),
                "{what}: {table}\nstored but not expected: {surplus:#?}\n\
                 expected but not stored: {missing:#?}"
            );
        }
        let unread: Vec<_> = expected
            .tables
            .keys()
            .filter(|table| !self.tables.contains_key(*table))
            .collect();
        assert!(unread.is_empty(), "{what}: {unread:?} not compared");
    }
}

/// JSON in one spelling.
pub(crate) fn json(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .unwrap()
        .to_string()
}

fn maybe_json(row: &Row<'_>, index: usize) -> store::Result<Option<String>> {
    Ok(row.get::<Option<String>>(index)?.as_deref().map(json))
}

/// Reads all customer tables of a space but the configuration.
pub(crate) fn dump(store: &Store, space: Space) -> Dump {
    read(store, |tx| dump_in(tx, space))
}

pub(crate) fn dump_in(tx: &mut Tx<'_>, space: Space) -> store::Result<Dump> {
    let number = space.number();
    let mut dump = Dump::default();
    let names: HashMap<i64, String> = tx
        .rows(
            "select id, external_id from end_user where space_id = $1",
            &[number.into()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .into_iter()
        .collect();
    let name = |id: i64| {
        names
            .get(&id)
            .cloned()
            .unwrap_or_else(|| format!("nobody {id}"))
    };
    macro_rules! table {
        ($table:literal, $sql:literal, |$row:ident| $line:expr) => {
            let lines = tx.rows(
                concat!("select ", $sql, " from ", $table, " where space_id = $1"),
                &[number.into()],
                |$row| Ok($line),
            )?;
            dump.add($table, lines);
        };
    }
    table!(
        "end_user",
        "external_id, email, name, tz, device_tokens, is_subscribed, attributes, sign_up_date,
         is_control, created_at, updated_at",
        |row| line!(
            row.get::<String>(0)?,
            row.get::<Option<String>>(1)?,
            row.get::<Option<String>>(2)?,
            row.get::<Option<String>>(3)?,
            maybe_json(row, 4)?,
            row.get::<bool>(5)?,
            json(&row.get::<String>(6)?),
            row.get::<Option<String>>(7)?,
            row.get::<bool>(8)?,
            row.get::<i64>(9)?,
            row.get::<i64>(10)?,
        )
    );
    table!(
        "metric_total",
        "user_id, metric_id, total, peak, events, first_at, last_at",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<i64>(2)?,
            row.get::<i64>(3)?,
            row.get::<i64>(4)?,
            row.get::<i64>(5)?,
            row.get::<i64>(6)?,
        )
    );
    table!(
        "metric_day",
        "user_id, metric_id, date, sum, events",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<String>(2)?,
            row.get::<i64>(3)?,
            row.get::<i64>(4)?,
        )
    );
    table!(
        "event",
        "user_id, id, metric_id, value, at, date, second_of_day, attributes",
        |row| {
            line!(
                name(row.get(0)?),
                row.get::<Uuid>(1)?,
                row.get::<Uuid>(2)?,
                row.get::<i64>(3)?,
                row.get::<i64>(4)?,
                row.get::<String>(5)?,
                row.get::<i64>(6)?,
                maybe_json(row, 7)?,
            )
        }
    );
    table!(
        "idempotency",
        "user_id, metric_id, fingerprint, event_id",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<Vec<u8>>(2)?,
            row.get::<Uuid>(3)?,
        )
    );
    table!(
        "counter",
        "user_id, definition_id, sum, peak, since",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<i64>(2)?,
            row.get::<i64>(3)?,
            row.get::<i64>(4)?,
        )
    );
    table!(
        "streak",
        "user_id, frequency, length, started, met, extended_at, freezes, earned_to, open_from,
         zone, settle_at, paused_to, corrected_on",
        |row| line!(
            name(row.get(0)?),
            row.get::<String>(1)?,
            row.get::<i64>(2)?,
            row.get::<Option<String>>(3)?,
            row.get::<Option<String>>(4)?,
            row.get::<Option<i64>>(5)?,
            row.get::<i64>(6)?,
            row.get::<String>(7)?,
            row.get::<String>(8)?,
            row.get::<Option<String>>(9)?,
            row.get::<Option<i64>>(10)?,
            row.get::<Option<String>>(11)?,
            row.get::<Option<String>>(12)?,
        )
    );
    table!(
        "streak_period",
        "user_id, frequency, start, length, mark",
        |row| line!(
            name(row.get(0)?),
            row.get::<String>(1)?,
            row.get::<String>(2)?,
            row.get::<i64>(3)?,
            row.get::<String>(4)?,
        )
    );
    table!(
        "completion",
        "user_id, achievement_id, id, at",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<Uuid>(2)?,
            row.get::<i64>(3)?,
        )
    );
    table!(
        "ledger_entry",
        "user_id, system_id, id, amount, balance, at, date, second_of_day, trigger_id, event_id",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<Uuid>(2)?,
            row.get::<i64>(3)?,
            row.get::<i64>(4)?,
            row.get::<i64>(5)?,
            row.get::<String>(6)?,
            row.get::<Option<i64>>(7)?,
            row.get::<Uuid>(8)?,
            row.get::<Option<Uuid>>(9)?,
        )
    );
    table!("balance", "user_id, system_id, total", |row| line!(
        name(row.get(0)?),
        row.get::<Uuid>(1)?,
        row.get::<i64>(2)?,
    ));
    table!(
        "board_entry",
        "user_id, board_id, run, value, reached_at, breakdown",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<i64>(2)?,
            row.get::<i64>(3)?,
            row.get::<i64>(4)?,
            maybe_json(row, 5)?,
        )
    );
    table!(
        "outbox",
        "user_id, id, kind, body, created_at",
        |row| line!(
            name(row.get(0)?),
            row.get::<Uuid>(1)?,
            row.get::<String>(2)?,
            json(&row.get::<String>(3)?),
            row.get::<i64>(4)?,
        )
    );
    Ok(dump)
}
