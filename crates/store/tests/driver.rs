//! What the rest of the store relies on, checked on both engines with the same code.

#![expect(
    clippy::unwrap_used,
    reason = "also the functions below the tests are tests"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use store::driver::{Column, Conn, Location, Tx, Value};
use store::{Error, migrate};
use uuid::Uuid;

const NOW_US: i64 = 1_768_469_400_000_000;
const ID: Uuid = Uuid::from_u128(0x0192_f0c1_2233_7445_8899_aabb_ccdd_eeff);
const UNICODE: &str = "Žluťoučký 馬 🏆 it's \"quoted\" {hold} $1";

const SCHEMA: &str = "
    create table score (
        space_id bigint not null,
        user_id bigint not null,
        name {text} not null,
        points bigint not null default 0,
        primary key (space_id, user_id)
    ){clustered};
    create unique index score_name on score (space_id, name);
    -- one column of each type; it's a comment with a quote and a {nonsense}
    create table kind (
        id bigint primary key,
        i bigint, f {float}, b boolean, t {text}, y {bytes}, u {uuid}, j {json}
    ){strict};
    create table child (
        id bigint primary key,
        kind_id bigint not null references kind (id),
        positive bigint not null check (positive > 0)
    ){strict};
";

/// A database with the tables above, and what must live as long as it.
struct World {
    location: Location,
    _folder: tempfile::TempDir,
}

fn empty_worlds() -> [World; 2] {
    let folder = testkit::temp_dir();
    let sqlite = Location::Sqlite(folder.path().join("kleos.db"));
    [
        World {
            location: sqlite,
            _folder: folder,
        },
        World {
            location: Location::Postgres(testkit::postgres_url()),
            _folder: testkit::temp_dir(),
        },
    ]
}

/// Runs one check on both engines, each with an empty database of its own.
fn both(check: impl Fn(&World, &mut Conn)) {
    for world in empty_worlds() {
        let mut conn = Conn::open(&world.location).unwrap();
        let mut tx = conn.write().unwrap();
        tx.script(SCHEMA).unwrap();
        tx.commit().unwrap();
        check(&world, &mut conn);
    }
}

const UPSERT: &str = "
    insert into score (space_id, user_id, name, points)
    select k.space_id, k.user_id, k.name, k.points
    from {keys(space_id bigint, user_id bigint, name text, points bigint)} k where true
    on conflict (space_id, user_id) do update set name = excluded.name, points = excluded.points";

const LOOK_UP: &str = "
    select t.user_id, t.name, t.points
    from {keys(space_id bigint, user_id bigint)} k
    join score t on t.space_id = k.space_id and t.user_id = k.user_id {hold}";

fn put_scores(tx: &mut Tx<'_>, users: &[i64], points: i64) -> u64 {
    let names: Vec<String> = users.iter().map(|u| format!("user {u}")).collect();
    tx.many(
        UPSERT,
        &[
            vec![-7; users.len()].into(),
            users.to_vec().into(),
            names.iter().map(String::as_str).collect::<Vec<_>>().into(),
            vec![points; users.len()].into(),
        ],
    )
    .unwrap()
}

fn look_up(tx: &mut Tx<'_>, users: &[i64]) -> Vec<(i64, String, i64)> {
    let columns = [vec![-7; users.len()].into(), users.to_vec().into()];
    let mut found = tx
        .look_up(LOOK_UP, &columns, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    found.sort();
    found
}

fn count(conn: &mut Conn) -> i64 {
    let mut tx = conn.read().unwrap();
    tx.row("select count(*) from score", &[], |row| row.get(0))
        .unwrap()
        .unwrap()
}

#[test]
fn every_value_comes_back() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        let insert = "insert into kind (id, i, f, b, t, y, u, j)
                      values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let json = r#"{"k": "v", "n": 3}"#;
        let full = [
            1_i64.into(),
            i64::MIN.into(),
            (-0.5).into(),
            true.into(),
            UNICODE.into(),
            Value::Bytes(&[0, 255, 7]),
            ID.into(),
            Value::Json(json),
        ];
        assert_eq!(tx.run(insert, &full).unwrap(), 1);
        let null = None::<i64>;
        let nulls = [
            2_i64.into(),
            null.into(),
            None::<f64>.into(),
            None::<bool>.into(),
        ]
        .into_iter()
        .chain([
            None::<&str>.into(),
            None::<&[u8]>.into(),
            None::<Uuid>.into(),
            Value::Null,
        ]);
        assert_eq!(tx.run(insert, &nulls.collect::<Vec<_>>()).unwrap(), 1);

        let select = "select i, f, b, t, y, u, j from kind where id = $1";
        tx.row(select, &[1_i64.into()], |row| {
            assert_eq!(row.get::<i64>(0)?, i64::MIN);
            assert_eq!(row.get::<f64>(1)?.to_bits(), (-0.5_f64).to_bits());
            assert!(row.get::<bool>(2)?);
            assert_eq!(row.get::<String>(3)?, UNICODE);
            assert_eq!(row.get::<Vec<u8>>(4)?, [0, 255, 7]);
            assert_eq!(row.get::<Uuid>(5)?, ID);
            // The engines may differ in white space and in the order of members.
            let value: serde_json::Value = serde_json::from_str(&row.get::<String>(6)?).unwrap();
            assert_eq!(value, serde_json::json!({"k": "v", "n": 3}));
            assert_eq!(row.get::<Option<i64>>(0)?, Some(i64::MIN));
            // Another type, a null and a missing column are failures.
            assert!(row.get::<String>(0).is_err());
            assert!(row.get::<i64>(7).is_err());
            Ok(())
        })
        .unwrap()
        .unwrap();
        tx.row(select, &[2_i64.into()], |row| {
            assert_eq!(row.get::<Option<i64>>(0)?, None);
            assert_eq!(row.get::<Option<f64>>(1)?, None);
            assert_eq!(row.get::<Option<bool>>(2)?, None);
            assert_eq!(row.get::<Option<String>>(3)?, None);
            assert_eq!(row.get::<Option<Vec<u8>>>(4)?, None);
            assert_eq!(row.get::<Option<Uuid>>(5)?, None);
            assert!(row.get::<i64>(0).is_err());
            Ok(())
        })
        .unwrap()
        .unwrap();
        let value = tx
            .row(
                "select id from kind where j ->> 'k' = $1",
                &["v".into()],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(value, Some(1_i64));
        let none: Option<i64> = tx.row(select, &[3_i64.into()], |row| row.get(0)).unwrap();
        assert_eq!(none, None);
        // Parameters that PostgreSQL takes for a smaller integer.
        let limited = tx.rows(
            "select id + $1 from kind order by id limit $2",
            &[1_i64.into(), 1_i64.into()],
            |row| row.get::<i64>(0),
        );
        assert_eq!(limited.unwrap(), [2]);
    });
}

#[test]
fn every_column_comes_back() {
    const INSERT: &str = "
        insert into kind (id, i, f, b, t, y, u, j)
        select k.id, k.i, k.f, k.b, k.t, k.y, k.u, k.j
        from {keys(id bigint, i bigint, f float, b bool, t text, y bytes, u uuid, j json)} k";
    // The names of the brief, of which some are key words elsewhere.
    const SAME: &str = "
        select t.id from {keys(at bigint, f float, flag bool, name text, bytes bytes, id uuid,
                               body json)} k
        join kind t on t.i = k.at and t.f = k.f and t.b = k.flag and t.t = k.name
            and t.y = k.bytes and t.u = k.id and t.j ->> 'a' = k.body ->> 'a'";
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        let written = tx.many(
            INSERT,
            &[
                vec![1, 2].into(),
                vec![Some(-5), None].into(),
                vec![Some(2.25), None].into(),
                vec![Some(true), None].into(),
                vec![Some(UNICODE), None].into(),
                vec![Some(&[1_u8, 0][..]), None].into(),
                vec![Some(ID), None].into(),
                Column::OptJson(vec![Some(r#"{"a":"ä"}"#), None]),
            ],
        );
        assert_eq!(written.unwrap(), 2);
        let nulls = "select count(*) from kind where i is null and f is null and b is null
            and t is null and y is null and u is null and j is null";
        assert_eq!(
            tx.row(nulls, &[], |row| row.get::<i64>(0)).unwrap(),
            Some(1)
        );
        let found = tx.look_up(
            SAME,
            &[
                vec![-5].into(),
                vec![2.25].into(),
                vec![true].into(),
                vec![UNICODE].into(),
                vec![&[1_u8, 0][..]].into(),
                vec![ID].into(),
                Column::Json(vec![r#"{"a": "ä"}"#]),
            ],
            |row| row.get::<i64>(0),
        );
        assert_eq!(found.unwrap(), [1]);
    });
}

#[test]
fn sets_of_keys() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        for size in [0, 1, 300] {
            let users: Vec<i64> = (0..size).map(|u| u * 3 - 30).collect();
            // The second time every row exists: an upsert.
            for points in [1, 2] {
                assert_eq!(put_scores(&mut tx, &users, points), users.len() as u64);
                let mut wanted: Vec<_> = users
                    .iter()
                    .map(|u| (*u, format!("user {u}"), points))
                    .collect();
                wanted.sort();
                // 1_000_001 does not exist.
                let asked: Vec<i64> = users
                    .iter()
                    .copied()
                    .chain((size > 0).then_some(1_000_001))
                    .collect();
                assert_eq!(look_up(&mut tx, &asked), wanted);
            }
        }

        let changed = tx.many(
            "update score set points = k.points
             from {keys(space_id bigint, user_id bigint, points bigint)} k
             where score.space_id = k.space_id and score.user_id = k.user_id",
            &[
                vec![-7, -7, -7].into(),
                vec![-30, -27, 5].into(),
                vec![10, 11, 12].into(),
            ],
        );
        assert_eq!(changed.unwrap(), 2);
        let points: Vec<i64> = look_up(&mut tx, &[-30, -27]).iter().map(|r| r.2).collect();
        assert_eq!(points, [10, 11]);

        let deleted = tx.many(
            "delete from score where (space_id, user_id) in
             (select space_id, user_id from {keys(space_id bigint, user_id bigint)} k)",
            &[vec![-7, -7].into(), vec![-30, 5].into()],
        );
        assert_eq!(deleted.unwrap(), 1);
        let deleted = tx.many(
            "delete from score where user_id in (select user_id from {keys(user_id bigint)} k)",
            &[vec![-27].into()],
        );
        assert_eq!(deleted.unwrap(), 1);
        assert_eq!(look_up(&mut tx, &[-30, -27, -24]).len(), 1);
        tx.commit().unwrap();
        assert_eq!(count(conn), 298);
    });
}

#[test]
fn set_of_keys_without_a_match_keeps_left_rows() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1], 4);
        let mut found = tx
            .look_up(
                "select k.user_id, t.points from {keys(user_id bigint)} k
                 left join score t on t.space_id = -7 and t.user_id = k.user_id",
                &[vec![1, 2].into()],
                |row| Ok((row.get::<i64>(0)?, row.get::<Option<i64>>(1)?)),
            )
            .unwrap();
        found.sort_unstable();
        assert_eq!(found, [(1, Some(4)), (2, None)]);
    });
}

#[test]
fn lists() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1, 2, 3], 0);
        let users = |tx: &mut Tx<'_>, sql: &'static str, params: &[Value<'_>]| {
            tx.rows(sql, params, |row| row.get::<i64>(0)).unwrap()
        };
        let by_user = "select user_id from score where space_id = $1 and user_id {in $2}
                       order by user_id";
        assert_eq!(
            users(
                &mut tx,
                by_user,
                &[(-7_i64).into(), Value::Ints(&[3, 1, 9])]
            ),
            [1, 3]
        );
        assert!(users(&mut tx, by_user, &[(-7_i64).into(), Value::Ints(&[])]).is_empty());
        let by_name = "select user_id from score where name {in $1} order by user_id";
        assert_eq!(
            users(&mut tx, by_name, &[Value::Texts(&["user 2", UNICODE])]),
            [2]
        );
        let not = "select user_id from score where not (name {in $1}) order by user_id";
        assert_eq!(
            users(&mut tx, not, &[Value::Texts(&["user 2", UNICODE])]),
            [1, 3]
        );
        tx.run(
            "insert into kind (id, u) values ($1, $2)",
            &[8_i64.into(), ID.into()],
        )
        .unwrap();
        let by_uuid = "select id from kind where u {in $1}";
        assert_eq!(
            users(&mut tx, by_uuid, &[Value::Uuids(&[Uuid::nil(), ID])]),
            [8]
        );
    });
}

#[test]
fn locks_are_accepted() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1], 0);
        for sql in [
            "select user_id from score where user_id = $1 {hold}",
            "select user_id from score where user_id = $1 {share}",
            "select user_id from score where user_id = $1 order by user_id limit 5 {lock}",
        ] {
            assert_eq!(
                tx.rows(sql, &[1_i64.into()], |r| r.get::<i64>(0)).unwrap(),
                [1],
                "{sql}"
            );
        }
    });
}

#[test]
fn constraints_are_conflicts_and_spoil_the_transaction() {
    both(|world, conn| {
        let unique = "insert into score (space_id, user_id, name) values ($1, $2, $3)";
        let row = [1_i64.into(), 1_i64.into(), "secret".into()];
        let mut tx = conn.write().unwrap();
        tx.run(unique, &row).unwrap();
        tx.commit().unwrap();

        let mut tx = conn.write().unwrap();
        tx.run(unique, &[1_i64.into(), 2_i64.into(), "other".into()])
            .unwrap();
        let again = [1_i64.into(), 1_i64.into(), "secret 2".into()];
        let error = tx.run(unique, &again).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        let Error::Conflict(name) = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            name,
            match world.location {
                Location::Sqlite(_) => "score.space_id, score.user_id",
                Location::Postgres(_) => "score_pkey",
            }
        );
        // Both engines: nothing goes on after a failure, and nothing is kept.
        assert!(matches!(tx.run(unique, &row), Err(Error::Broken(_))));
        assert!(matches!(tx.commit(), Err(Error::Broken(_))));
        assert_eq!(count(conn), 1);

        for sql in [
            "insert into score (space_id, user_id) values (5, 5)",
            "insert into child (id, kind_id, positive) values (1, 404, 1)",
            "insert into child (id, kind_id, positive) values (1, 1, -1)",
        ] {
            let mut tx = conn.write().unwrap();
            tx.run("insert into kind (id) values (1)", &[]).unwrap();
            // A foreign key may be checked at the end of the statement or of the transaction.
            let result = tx.run(sql, &[]).and_then(|_| tx.commit());
            assert!(
                matches!(result, Err(Error::Conflict(_))),
                "{sql}: {result:?}"
            );
        }

        let mut tx = conn.write().unwrap();
        let row = [vec![1, 1].into(), vec![3, 1].into(), vec!["a", "b"].into()];
        let error = tx.many(
            "insert into score (space_id, user_id, name)
             select k.a, k.b, k.c from {keys(a bigint, b bigint, c text)} k",
            &row,
        );
        assert!(matches!(error, Err(Error::Conflict(_))), "{error:?}");
        drop(tx);
        assert_eq!(count(conn), 1);
        assert!(conn.is_healthy());
    });
}

#[test]
fn mistakes_are_failures_not_panics() {
    both(|_, conn| {
        let mut wrong = |work: &dyn Fn(&mut Tx<'_>) -> store::Result<u64>| {
            let mut tx = conn.write().unwrap();
            let result = work(&mut tx);
            assert!(matches!(result, Err(Error::Broken(_))), "{result:?}");
        };
        wrong(&|tx| tx.run("select nothing from nowhere", &[]));
        wrong(&|tx| tx.run("delete from score where user_id = $1", &[]));
        wrong(&|tx| tx.run("delete from score", &[Value::Null]));
        wrong(&|tx| {
            tx.run(
                "delete from score where user_id in (select a from {keys(a bigint)})",
                &[1_i64.into()],
            )
        });
        wrong(&|tx| tx.many("delete from score", &[vec![1].into()]));
        wrong(&|tx| tx.many(UPSERT, &[vec![1].into()]));
        let uneven = "delete from score where (space_id, user_id) in
                      (select a, b from {keys(a bigint, b bigint)} k)";
        wrong(&|tx| tx.many(uneven, &[vec![1].into(), vec![1, 2].into()]));
        // A column of the wrong name in double quotes is not a text.
        wrong(&|tx| tx.run("delete from score where \"nonsense\" = 'nonsense'", &[]));
    });
}

#[test]
fn drop_rolls_back() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1], 1);
        drop(tx);
        assert_eq!(count(conn), 0);
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1], 1);
        tx.commit().unwrap();
        assert_eq!(count(conn), 1);
    });
}

#[test]
fn a_reading_transaction_sees_one_snapshot_and_cannot_write() {
    both(|world, writer| {
        let mut reader = Conn::open_reader(&world.location).unwrap();
        let count_now = |tx: &mut Tx<'_>| {
            tx.row("select count(*) from score", &[], |row| row.get::<i64>(0))
                .unwrap()
                .unwrap()
        };
        let mut before = reader.read().unwrap();
        assert_eq!(count_now(&mut before), 0);
        let mut tx = writer.write().unwrap();
        put_scores(&mut tx, &[1, 2], 1);
        assert_eq!(count_now(&mut before), 0);
        tx.commit().unwrap();
        assert_eq!(count_now(&mut before), 0);
        before.commit().unwrap();

        let mut after = reader.read().unwrap();
        assert_eq!(count_now(&mut after), 2);
        assert!(after.run("delete from score", &[]).is_err());
        drop(after);
        assert_eq!(count(&mut reader), 2);
    });
}

#[test]
fn pages_by_row_value() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1, 2, 3], 5);
        put_scores(&mut tx, &[4, 5], 4);
        let page = "select points, user_id from score
                    where space_id = $1 and (points, user_id) > ($2, $3)
                    order by points, user_id limit $4";
        let mut seen = Vec::new();
        let mut last = (i64::MIN, i64::MIN);
        loop {
            let params = [(-7_i64).into(), last.0.into(), last.1.into(), 2_i64.into()];
            let rows = tx
                .rows(page, &params, |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap();
            let Some(end) = rows.last() else { break };
            last = *end;
            seen.extend(rows);
        }
        assert_eq!(seen, [(4, 4), (4, 5), (5, 1), (5, 2), (5, 3)]);
    });
}

#[test]
fn the_common_dialect() {
    both(|_, conn| {
        let mut tx = conn.write().unwrap();
        put_scores(&mut tx, &[1, 2, 3], 5);
        put_scores(&mut tx, &[4], 9);
        let sum = "select cast(sum(points) as bigint), count(*) filter (where points > 5)
                   from score";
        let sums = tx
            .row(sum, &[], |r| Ok((r.get::<i64>(0)?, r.get::<i64>(1)?)))
            .unwrap();
        assert_eq!(sums, Some((24, 1)));
        let ranks = tx.rows(
            "with ranked as (
                select user_id, rank() over (order by points desc) as place from score
             ) select place from ranked order by place, user_id",
            &[],
            |r| r.get::<i64>(0),
        );
        assert_eq!(ranks.unwrap(), [1, 2, 2, 2]);
        let returned = tx.row(
            "insert into score (space_id, user_id, name) values ($1, $2, $3) returning points",
            &[1_i64.into(), 1_i64.into(), "Z".into()],
            |r| r.get::<i64>(0),
        );
        assert_eq!(returned.unwrap(), Some(0));
        // Text is ordered by its bytes: upper case before lower case before ä.
        tx.many(
            "insert into score (space_id, user_id, name)
             select 1, k.a, k.b from {keys(a bigint, b text)} k",
            &[vec![2, 3].into(), vec!["ä", "a"].into()],
        )
        .unwrap();
        let names = "select name from score where space_id = 1 order by name";
        let names = tx.rows(names, &[], |r| r.get::<String>(0)).unwrap();
        assert_eq!(names, ["Z", "a", "ä"]);
    });
}

#[test]
fn migrations() {
    const FIRST: (&str, &str) = (
        "0001_first",
        "create table a (id bigint primary key){strict};",
    );
    const SECOND: (&str, &str) = (
        "0002_second",
        "create table b (id bigint primary key, t {text}){strict}; -- it's fine; really
         create index b_t on b (t);
         insert into b (id, t) values (1, 'x;y');",
    );
    for world in empty_worlds() {
        let conn = &mut Conn::open(&world.location).unwrap();
        assert_eq!(migrate::pending(conn).unwrap(), migrate::MIGRATIONS.len());
        assert_eq!(
            migrate::apply(conn, &[FIRST], NOW_US).unwrap(),
            ["0001_first"]
        );
        assert!(migrate::apply(conn, &[FIRST], NOW_US).unwrap().is_empty());
        assert_eq!(
            migrate::apply(conn, &[FIRST, SECOND], NOW_US).unwrap(),
            ["0002_second"]
        );
        assert!(
            migrate::apply(conn, &[FIRST, SECOND], NOW_US)
                .unwrap()
                .is_empty()
        );

        let refused = |conn: &mut Conn, list: &[migrate::Migration]| {
            let error = migrate::apply(conn, list, NOW_US).unwrap_err();
            assert!(matches!(error, Error::Migration(_)), "{error:?}");
        };
        refused(conn, &[FIRST]);
        refused(conn, &[(FIRST.0, "create table c (id bigint);"), SECOND]);
        refused(conn, &[("0001_renamed", FIRST.1), SECOND]);

        // A script that fails leaves nothing behind.
        let third = (
            "0003_third",
            "create table c (id bigint){strict}; create nonsense;",
        );
        assert!(migrate::apply(conn, &[FIRST, SECOND, third], NOW_US).is_err());
        let third = (third.0, "create table c (id bigint){strict};");
        assert_eq!(
            migrate::apply(conn, &[FIRST, SECOND, third], NOW_US).unwrap(),
            [third.0]
        );
        let mut tx = conn.read().unwrap();
        let applied = tx.rows(
            "select version, applied_at from schema_migration order by version",
            &[],
            |r| Ok((r.get::<i64>(0)?, r.get::<i64>(1)?)),
        );
        assert_eq!(applied.unwrap(), [(1, NOW_US), (2, NOW_US), (3, NOW_US)]);
    }
    for world in empty_worlds() {
        let conn = &mut Conn::open(&world.location).unwrap();
        assert_eq!(
            migrate::migrate(conn, NOW_US).unwrap().len(),
            migrate::MIGRATIONS.len()
        );
        assert_eq!(migrate::pending(conn).unwrap(), 0);
        for (index, (name, _)) in migrate::MIGRATIONS.iter().enumerate() {
            assert!(name.starts_with(&format!("{:04}_", index + 1)), "{name}");
        }
    }
}

#[test]
fn two_processes_migrate_at_once() {
    for world in empty_worlds() {
        let list = [("0001_a", "create table a (id bigint primary key){strict};")];
        let applied: usize = std::thread::scope(|scope| {
            let work = || {
                let mut conn = Conn::open(&world.location).unwrap();
                migrate::apply(&mut conn, &list, NOW_US).unwrap().len()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(applied, 1);
    }
}

#[test]
fn a_file_is_opened_again() {
    let folder = testkit::temp_dir();
    let file: &Path = &folder.path().join("with ?mode=ro&x.db");
    for wanted in [1, 0] {
        let mut conn = Conn::open(&Location::Sqlite(file.to_owned())).unwrap();
        let done = migrate::apply(
            &mut conn,
            &[("0001", "create table a (id bigint);")],
            NOW_US,
        );
        assert_eq!(done.unwrap().len(), wanted);
    }
    assert!(file.exists());
}

/// The lines of the plan of a statement over keys.
fn plan(world: &World, conn: &mut Conn, explained: [&'static str; 2], keys: i64) -> String {
    let mut tx = conn.write().unwrap();
    let columns = [
        vec![-7; 256].into(),
        (1..=256).map(|k| k * keys / 256).collect::<Vec<_>>().into(),
    ];
    match world.location {
        // id, parent, notused, detail
        Location::Sqlite(_) => {
            let first = [vec![-7].into(), vec![1].into()];
            tx.look_up(explained[0], &first, |row| row.get::<String>(3))
        }
        Location::Postgres(_) => tx.look_up(explained[1], &columns, |row| row.get::<String>(0)),
    }
    .unwrap()
    .join("\n")
}

#[test]
fn keys_use_the_index() {
    macro_rules! explained {
        ($sql:literal) => {
            [
                concat!("explain query plan ", $sql),
                concat!("explain ", $sql),
            ]
        };
    }
    const JOIN: [&str; 2] = explained!(
        "select t.points from {keys(space_id bigint, user_id bigint)} k
         join score t on t.space_id = k.space_id and t.user_id = k.user_id"
    );
    const UPDATE: [&str; 2] = explained!(
        "update score set points = 1 from {keys(space_id bigint, user_id bigint)} k
         where score.space_id = k.space_id and score.user_id = k.user_id"
    );
    const DELETE: [&str; 2] = explained!(
        "delete from score where (space_id, user_id) in
         (select space_id, user_id from {keys(space_id bigint, user_id bigint)} k)"
    );
    both(|world, conn| {
        let mut tx = conn.write().unwrap();
        tx.script("analyze;").unwrap();
        tx.commit().unwrap();
        // On an empty table with statistics (a fresh installation), and on a filled one.
        for rows in [0, 20_000] {
            let mut tx = conn.write().unwrap();
            put_scores(&mut tx, &(1..=rows).collect::<Vec<_>>(), 1);
            tx.commit().unwrap();
            for sql in [JOIN, UPDATE, DELETE] {
                let plan = plan(world, conn, sql, rows);
                let lower = plan.to_lowercase();
                assert!(
                    lower.contains("index") || lower.contains("primary key"),
                    "{rows} rows, {}: {plan}",
                    sql[1]
                );
                assert!(
                    !lower.contains("seq scan"),
                    "{rows} rows, {}: {plan}",
                    sql[1]
                );
                assert!(
                    !lower.contains("scan score"),
                    "{rows} rows, {}: {plan}",
                    sql[1]
                );
            }
        }
    });
}

/// Prints what a statement costs: `cargo test -p store --release --test driver -- --ignored
/// --nocapture cost`. The plans are made while the tables are empty, as in a fresh installation.
#[test]
#[ignore = "a measurement"]
fn cost() {
    both(|world, conn| {
        let engine = match world.location {
            Location::Sqlite(_) => "SQLite",
            Location::Postgres(_) => "PostgreSQL",
        };
        let mut tx = conn.write().unwrap();
        tx.script("analyze;").unwrap();
        for _ in 0..10 {
            put_scores(&mut tx, &[1], 1);
            look_up(&mut tx, &[1]);
        }
        for start in (1..50_000).step_by(1000) {
            put_scores(&mut tx, &(start..start + 1000).collect::<Vec<_>>(), 1);
        }
        tx.commit().unwrap();
        for round in ["no statistics", "analyzed"] {
            // Spread over the table, as users are.
            let users: Vec<i64> = (0..256).map(|u| (u * 7919) % 50_000 + 1).collect();
            let rounds: u32 = 200;
            // One transaction per statement, whose beginning and end are not counted.
            let mut time = |name: &str, work: &dyn Fn(&mut Tx<'_>)| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    let mut tx = conn.write().unwrap();
                    let start = Instant::now();
                    work(&mut tx);
                    total += start.elapsed();
                    tx.commit().unwrap();
                }
                let us = total.as_secs_f64() * 1e6 / f64::from(rounds);
                println!("{engine}, {round}: {name}: {us:.1} us");
            };
            time("look_up of 256 keys", &|tx| {
                assert_eq!(look_up(tx, &users).len(), 256);
            });
            time("many (upsert) of 256 keys", &|tx| {
                assert_eq!(put_scores(tx, &users, 2), 256);
            });
            time("one row by key", &|tx| {
                tx.row(
                    "select points from score where space_id = $1 and user_id = $2",
                    &[(-7_i64).into(), 77_i64.into()],
                    |row| row.get::<i64>(0),
                )
                .unwrap();
            });
            time("one update by key", &|tx| {
                tx.run(
                    "update score set points = $3 where space_id = $1 and user_id = $2",
                    &[(-7_i64).into(), 77_i64.into(), 3_i64.into()],
                )
                .unwrap();
            });
            let mut tx = conn.write().unwrap();
            tx.script("analyze;").unwrap();
            tx.commit().unwrap();
        }
    });
}
