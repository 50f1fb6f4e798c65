//! Documents: drafts, publishing, lists in both directions, tags; kept answers.

use engine::amount::Amount;
use engine::definition::{Document, Kind, Metric, Tag, Translation, VirtualCurrency};
use engine::id::TagId;
use jiff::Timestamp;
use store::document::{self, Kept, Slice};
use store::driver::Tx;
use store::{Space, Store, answer, definition, definition_tag};
use uuid::Uuid;

use crate::configuration;
use crate::world::{World, instant, read, write};

checks!(
    a_draft_becomes_what_readers_see_when_published,
    publishing_makes_versions,
    only_what_was_published_acts,
    lists_are_in_the_order_of_change_and_go_on_where_they_stopped,
    ids_are_found_by_kind_and_space,
    tags_are_assigned_changed_and_taken,
    tags_are_paged,
    an_answer_is_kept_for_its_space_and_time,
);

fn number(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn tag(id: &str, text: &str) -> Document<Tag> {
    Document {
        id: id.to_owned(),
        default_lang: "en".to_owned(),
        translations: vec![Translation {
            lang: "en".to_owned(),
            label: Some(text.to_owned()),
            description: None,
        }],
        content: Tag {
            namespace: "n".to_owned(),
            variant: id.to_owned(),
            catalog_workspace_id: None,
        },
    }
}

fn currency(id: &str, name: &str) -> Document<VirtualCurrency> {
    Document {
        id: id.to_owned(),
        default_lang: "it".to_owned(),
        translations: Vec::new(),
        content: VirtualCurrency {
            name: name.to_owned(),
            catalog_virtual_currency_id: None,
            sync_with_catalog: None,
            min_allowed_balance: Some(Amount::parse("-1.5").unwrap()),
            max_allowed_balance: None,
            icon: None,
        },
    }
}

fn currency_of(store: &Store, space: Space, id: &str) -> Kept<VirtualCurrency> {
    read(store, |tx| document::find(tx, space, id)).unwrap()
}

const LATER: &str = "2026-03-01T00:00:00.000001Z";
const LATEST: &str = "2026-03-02T00:00:00Z";

fn a_draft_becomes_what_readers_see_when_published(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    let (first, second, third) = (
        currency("gold", "Gold"),
        currency("gold", "Gold 金"),
        currency("gold", "Golden"),
    );
    let made = write(store, |tx| {
        document::insert(tx, space, number(1), first.clone(), now)
    });
    let never_published = Kept {
        id: number(1),
        created: now,
        updated: now,
        is_published: false,
        body: first,
        draft: None,
    };
    assert_eq!(made, never_published);
    assert!(made.is_draft());
    assert_eq!(currency_of(store, space, "gold"), never_published);
    // The draft of what was never published is what readers see.
    let redrafted = write(store, |tx| {
        document::save_draft(tx, space, made, second.clone(), instant(LATER))
    });
    assert_eq!(
        redrafted,
        Kept {
            updated: instant(LATER),
            body: second.clone(),
            ..never_published
        }
    );
    assert_eq!(currency_of(store, space, "gold"), redrafted);
    let published = write(store, |tx| {
        document::publish(tx, space, redrafted.clone(), instant(LATEST))
    });
    assert_eq!(
        published,
        Kept {
            updated: instant(LATEST),
            is_published: true,
            ..redrafted
        }
    );
    assert_eq!(currency_of(store, space, "gold"), published);
    // What was published stays so beside a new draft.
    let drafted = write(store, |tx| {
        document::save_draft(tx, space, published.clone(), third.clone(), now)
    });
    assert_eq!((&drafted.body, drafted.newest()), (&second, &third));
    assert!(drafted.is_draft() && drafted.is_published);
    assert_eq!(currency_of(store, space, "gold"), drafted);
    let published = write(store, |tx| document::publish(tx, space, drafted, now));
    assert_eq!((&published.body, &published.draft), (&third, &None));
    assert_eq!(currency_of(store, space, "gold"), published);
    // Nothing to publish: nothing happens.
    let again = write(store, |tx| {
        document::publish(tx, space, published.clone(), instant(LATEST))
    });
    assert_eq!(again, published);
    assert_eq!(currency_of(store, space, "gold"), published);
}

fn publishing_makes_versions(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    let versions = || {
        read(store, |tx| {
            tx.rows(
                "select version, created_at from definition_version order by version",
                &[],
                |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
            )
        })
    };
    let made = write(store, |tx| {
        document::insert(tx, space, number(1), currency("gold", "Gold"), now)
    });
    assert_eq!(versions(), []);
    let published = write(store, |tx| document::publish(tx, space, made, now));
    let drafted = write(store, |tx| {
        let next = currency("gold", "Golden");
        document::save_draft(tx, space, published, next, instant(LATER))
    });
    write(store, |tx| {
        document::publish(tx, space, drafted, instant(LATEST))
    });
    assert_eq!(
        versions(),
        [
            (1, now.as_microsecond()),
            (2, instant(LATEST).as_microsecond())
        ]
    );
}

fn only_what_was_published_acts(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    let currencies = || {
        let catalog = read(store, |tx| definition::catalog(tx, space, 1));
        let entries = catalog.book.currencies();
        entries
            .map(|stored| stored.body.content.name.clone())
            .collect::<Vec<_>>()
    };
    let made = write(store, |tx| {
        document::insert(tx, space, number(1), currency("gold", "Gold"), now)
    });
    assert_eq!(currencies(), Vec::<String>::new());
    let published = write(store, |tx| document::publish(tx, space, made, now));
    assert_eq!(currencies(), ["Gold"]);
    let drafted = write(store, |tx| {
        document::save_draft(tx, space, published, currency("gold", "Golden"), now)
    });
    assert_eq!(currencies(), ["Gold"]);
    write(store, |tx| document::publish(tx, space, drafted, now));
    assert_eq!(currencies(), ["Golden"]);
}

fn lists_are_in_the_order_of_change_and_go_on_where_they_stopped(store: &Store) {
    let mut world = World::new(store);
    let space = world.space;
    let other = world.tenant("other");
    let times = [LATEST, LATER, LATEST, LATEST];
    write(store, |tx| {
        for (n, at) in (1..).zip(times) {
            document::insert(
                tx,
                space,
                number(n),
                tag(&format!("t{n}"), "x"),
                instant(at),
            )?;
        }
        document::insert(tx, other, number(9), tag("t9", "x"), instant(LATER))?;
        document::insert(
            tx,
            space,
            number(8),
            currency("gold", "Gold"),
            instant(LATER),
        )
    });
    let pages = |is_ascending| {
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let slice = Slice {
                limit: 3,
                is_ascending,
                after,
            };
            let rows = read(store, |tx| document::list::<Tag>(tx, space, &slice));
            let Some(last) = rows.last() else {
                return seen;
            };
            after = Some((last.updated, last.id));
            seen.extend(rows.into_iter().map(|kept| kept.body.id));
        }
    };
    assert_eq!(pages(true), ["t2", "t1", "t3", "t4"]);
    assert_eq!(pages(false), ["t4", "t3", "t1", "t2"]);
    // A draft is a change.
    let second = read(store, |tx| document::find::<Tag>(tx, space, "t2")).unwrap();
    write(store, |tx| {
        let at = instant("2026-04-01T00:00:00Z");
        document::save_draft(tx, space, second, tag("t2", "y"), at)
    });
    assert_eq!(pages(false), ["t2", "t4", "t3", "t1"]);
}

fn ids_are_found_by_kind_and_space(store: &Store) {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let other = world.tenant("other");
    write(store, |tx| {
        document::insert(tx, space, number(1), tag("a", "x"), now)?;
        document::insert(tx, space, number(2), currency("a", "A"), now)?;
        definition::insert::<Metric>(tx, space, number(3), &configuration::metric("runs"), now)
    });
    let wanted = [
        (Kind::Tag, "a"),
        (Kind::VirtualCurrency, "a"),
        (Kind::Activity, "a"),
        (Kind::Metric, "runs"),
        (Kind::Tag, "A"),
    ];
    let found = read(store, |tx| document::ids(tx, space, &wanted));
    let expected = [
        (Kind::Metric, "runs", 3),
        (Kind::Tag, "a", 1),
        (Kind::VirtualCurrency, "a", 2),
    ];
    let expected = expected.map(|(kind, id, n)| ((kind, id.to_owned()), number(n)));
    assert_eq!(found, expected.into_iter().collect());
    assert!(read(store, |tx| document::ids(tx, other, &wanted)).is_empty());
    assert!(read(store, |tx| document::ids(tx, space, &[])).is_empty());
    assert_eq!(
        read(store, |tx| document::find::<Tag>(tx, other, "a")),
        None
    );
    // An id is taken also by a draft.
    let second = store.write(|tx| document::insert(tx, space, number(4), tag("a", "x"), now));
    assert!(
        matches!(second, Err(store::Error::Conflict(_))),
        "{second:?}"
    );
}

/// Four tags and a currency that carries none.
fn with_tags(tx: &mut Tx<'_>, space: Space, now: Timestamp) -> store::Result<()> {
    for n in 1..=4 {
        document::insert(tx, space, number(n), tag(&format!("n:{n}"), "x"), now)?;
    }
    document::insert(tx, space, number(10), currency("gold", "Gold"), now)?;
    document::insert(tx, space, number(11), currency("silver", "Silver"), now)?;
    Ok(())
}

fn t(n: u128) -> TagId {
    TagId(number(n))
}

fn tags_are_assigned_changed_and_taken(store: &Store) {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let other = world.tenant("other");
    write(store, |tx| with_tags(tx, space, now));
    write(store, |tx| with_tags(tx, other, now));
    let gold = number(10);
    write(store, |tx| {
        definition_tag::assign(tx, space, gold, &[(t(1), 5), (t(2), 0), (t(3), 1)], now)?;
        definition_tag::assign(tx, space, number(11), &[(t(1), 0)], now)?;
        definition_tag::assign(tx, space, gold, &[(t(1), 0), (t(4), 9)], instant(LATER))
    });
    let expected = |tag, priority, created, updated| definition_tag::Assignment {
        tag: t(tag),
        tag_id: format!("n:{tag}"),
        priority,
        created,
        updated,
    };
    let later = instant(LATER);
    let mut found = read(store, |tx| {
        definition_tag::find(tx, space, gold, &[t(4), t(1), t(99)])
    });
    found.sort_by_key(|row| row.tag);
    assert_eq!(
        found,
        [expected(1, 0, now, later), expected(4, 9, later, later)]
    );
    let all = read(store, |tx| {
        definition_tag::of_all(tx, space, &[number(11), gold, number(12)])
    });
    let all: Vec<_> = all.iter().map(|(id, row)| (*id, row.tag)).collect();
    assert_eq!(
        all,
        [
            (gold, t(1)),
            (gold, t(2)),
            (gold, t(3)),
            (gold, t(4)),
            (number(11), t(1))
        ]
    );
    let removed = write(store, |tx| {
        definition_tag::remove(tx, space, gold, &[t(2), t(99)])
    });
    assert_eq!(removed, 1);
    let count = |space| {
        let rows = read(store, |tx| {
            definition_tag::of_all(tx, space, &[gold, number(11)])
        });
        rows.len()
    };
    assert_eq!((count(space), count(other)), (4, 0));
    let from_elsewhere = write(store, |tx| definition_tag::remove(tx, other, gold, &[t(1)]));
    assert_eq!((from_elsewhere, count(space)), (0, 4));
}

fn tags_are_paged(store: &Store) {
    let world = World::new(store);
    let (space, now) = (world.space, world.now);
    write(store, |tx| with_tags(tx, space, now));
    let gold = number(10);
    write(store, |tx| {
        definition_tag::assign(tx, space, gold, &[(t(3), 0)], instant(LATEST))?;
        definition_tag::assign(tx, space, gold, &[(t(1), 0), (t(2), 0), (t(4), 0)], now)
    });
    let pages = |is_ascending| {
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let slice = Slice {
                limit: 2,
                is_ascending,
                after,
            };
            let rows = read(store, |tx| definition_tag::list(tx, space, gold, &slice));
            let Some(last) = rows.last() else {
                return seen;
            };
            after = Some((last.updated, last.tag.0));
            seen.extend(rows.into_iter().map(|row| row.tag_id));
        }
    };
    assert_eq!(pages(true), ["n:1", "n:2", "n:4", "n:3"]);
    assert_eq!(pages(false), ["n:3", "n:4", "n:2", "n:1"]);
}

fn an_answer_is_kept_for_its_space_and_time(store: &Store) {
    let mut world = World::new(store);
    let (space, now) = (world.space, world.now);
    let other = world.tenant("other");
    let print = [7; 16];
    let kept = |body: &str| answer::Answer {
        status: 201,
        body: body.to_owned(),
    };
    write(store, |tx| answer::keep(tx, space, &print, &kept("1"), now));
    let found = |space, print: &[u8], since| {
        read(store, |tx| answer::find(tx, space, print, since)).map(|found| found.body)
    };
    let before = now - answer::LIFE;
    assert_eq!(found(space, &print, before).as_deref(), Some("1"));
    assert_eq!(found(space, &[8; 16], before), None);
    assert_eq!(found(other, &print, before), None);
    assert_eq!(found(space, &print, now), None);
    // A later answer takes the place of one that is too old.
    let later = instant(LATER);
    write(store, |tx| {
        answer::keep(tx, space, &print, &kept("2"), later)
    });
    assert_eq!(found(space, &print, now).as_deref(), Some("2"));
    assert_eq!(write(store, |tx| answer::sweep(tx, now)), 0);
    assert_eq!(write(store, |tx| answer::sweep(tx, later)), 1);
    assert_eq!(found(space, &print, before), None);
}
