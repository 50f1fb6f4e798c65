//! Missions: who gets them, what they count, when they are done (spec/aworld.md 4.5).
//!
//! A mission keeps what it took from its configuration, so that an edit never touches it. Missions of groups lie in the
//! [`Company`](crate::state::Company) of a command, because their rows belong to no user.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::amount::Amount;
use crate::apply::Turn;
use crate::calendar::Zone;
use crate::catalog::Catalog;
use crate::command::{Refusal, StartMission};
use crate::definition::{AssignmentMode, MissionType};
use crate::id::{Ids, MissionId, MissionRuleId, TagId};
use crate::occurrence::{Occurrence, SEEN_MAX, iso, noted, number, user_view};
use crate::outcome::{MissionLog, Reply};
use crate::rule::{Context, Data, Evaluated, Rule};
use crate::rulebook::{ConfigurationEntry, Entity, MissionRuleEntry, Rulebook, Terms};
use crate::state::{Mission, Owner, Row, UserState};
use crate::timeframe::{Period, State, TimeframeType};

/// The mark that a mission of a group has been paid to a user, in place of a period.
const PAID: &str = "PAID";

/// The most open missions of one user or group: every command of the user looks at them.
const OPEN_MAX: usize = 500;

/// What expressions read of a mission.
fn view(book: &Rulebook, mission: &Mission, terms: &Terms, now: Timestamp) -> Value {
    let (user, group) = match mission.owner {
        Owner::User(user) => (Some(user.0.to_string()), None),
        Owner::Group(tag) => (None, book.tag_name(tag)),
    };
    let rule = mission.rule.and_then(|rule| book.mission_rule(rule));
    json!({
        "missionId": mission.id.to_string(),
        "missionConfigurationId": terms.snapshot.configuration,
        "missionRuleId": rule.map(|rule| rule.stored.body.id.as_str()),
        "missionType": terms.snapshot.mission_type.name(),
        "userId": user,
        "groupTagId": group,
        "periodId": mission.period,
        "startsAt": iso(mission.starts),
        "endsAt": mission.ends.map(iso),
        "state": mission.state(now).name(),
        "currentAmount": number(mission.current),
        "targetAmount": number(mission.target),
        "isCompleted": mission.completed.is_some(),
        "completedAt": mission.completed.map(iso),
    })
}

/// What expressions read of a configuration that a rule may choose.
fn candidate_view(book: &Rulebook, entry: &ConfigurationEntry) -> Value {
    let content = &entry.stored.body.content;
    let tags: Vec<&str> = entry
        .tags
        .iter()
        .filter_map(|tag| book.tag_name(*tag))
        .take(SEEN_MAX)
        .collect();
    json!({
        "missionConfigurationId": entry.stored.body.id,
        "name": content.name,
        "missionType": content.mission_type.name(),
        "matchEntityId": content.match_entity_id,
        "defaultLang": entry.stored.body.default_lang,
        "tags": tags,
    })
}

/// Counts an occurrence for the missions it is meant for.
pub(crate) fn progress(turn: &mut Turn<'_>, occurrence: &Occurrence) {
    let book = &turn.catalog.book;
    if !book.has_missions() {
        return;
    }
    let now = turn.now;
    let tags: Vec<TagId> = turn.state.tags().collect();
    let own = turn.state.missions.iter();
    let groups = turn
        .company
        .missions
        .iter()
        .filter(|(_, row)| matches!(row.get().owner, Owner::Group(tag) if tags.contains(&tag)));
    let meant: Vec<(MissionId, std::sync::Arc<Terms>)> = own
        .chain(groups)
        .map(|(_, row)| row.get())
        .filter(|mission| mission.is_open && mission.state(now) == State::Active)
        .filter_map(|mission| {
            let terms = book.terms(mission.configuration, &mission.snapshot)?;
            terms
                .matcher
                .fits(occurrence.entity, &occurrence.ids, &occurrence.tags)
                .then_some((mission.id, terms))
        })
        .collect();
    if meant.is_empty() {
        return;
    }
    let user = Data::new(&user_view(book, turn.state));
    let event = Data::new(&occurrence.data);
    for (id, terms) in meant {
        count(turn, id, &terms, &event, &user);
    }
}

fn count(turn: &mut Turn<'_>, id: MissionId, terms: &Terms, event: &Data, user: &Data) {
    let Some(mission) = find(turn, id).map(|row| row.get().clone()) else {
        return;
    };
    let book = &turn.catalog.book;
    let mission_data = Data::new(&view(book, &mission, terms, turn.now));
    let now = Data::new(&json!(iso(turn.now)));
    let members = [
        ("mission", &mission_data),
        ("event", event),
        ("user", user),
        ("now", &now),
    ];
    let data = Context::Members(&members);
    let failures = &mut turn.failures;
    let name = |part: &str| format!("{part} of mission {}", terms.snapshot.configuration);
    if !noted(
        failures,
        || name("matchCondition"),
        terms.condition.holds(data),
    ) {
        return;
    }
    let amount = noted(
        failures,
        || name("incrementExpression"),
        terms.increment.amount(data),
    );
    let amount = amount.unwrap_or(Amount::from_units(1));
    let Some(current) = mission.current.checked_add(amount) else {
        noted(
            failures,
            || name("incrementExpression"),
            Evaluated {
                value: (),
                failure: Some("the progress would leave the range of amounts".to_owned()),
            },
        );
        return;
    };
    let now = turn.now;
    let log = MissionLog {
        id: turn.ids.uuid(now),
        mission: id,
        amount,
        at: now,
    };
    turn.appended.mission_logs.push(log);
    let Some(row) = find(turn, id) else {
        return;
    };
    let mission = row.edit();
    mission.current = current;
    mission.updated = now;
    if current < mission.target || mission.completed.is_some() {
        return;
    }
    mission.completed = Some(now);
    match mission.owner {
        Owner::User(_) => {
            mission.is_open = false;
            let mission = mission.clone();
            tell_completion(turn, &mission, terms);
        }
        // Every member is paid, one after the other; a group goes on counting.
        Owner::Group(_) => turn.appended.completed_groups.push(id),
    }
}

fn find<'t>(turn: &'t mut Turn<'_>, id: MissionId) -> Option<&'t mut Row<Mission>> {
    match turn.state.missions.get_mut(&id) {
        Some(row) => Some(row),
        None => turn.company.missions.get_mut(&id),
    }
}

fn tell_completion(turn: &mut Turn<'_>, mission: &Mission, terms: &Terms) {
    let book = &turn.catalog.book;
    let configuration = book.configuration(mission.configuration);
    let mut data = view(book, mission, terms, turn.now);
    if let Some(data) = data.as_object_mut() {
        // Also of a mission of a group: who is being paid.
        let user = turn.state.user.get().id.0.to_string();
        data.insert("userId".to_owned(), json!(user));
    }
    let occurrence = Occurrence {
        entity: Entity::Mission,
        ids: vec![terms.snapshot.configuration.clone(), mission.id.to_string()],
        tags: configuration
            .map(|entry| entry.tags.clone())
            .unwrap_or_default(),
        data,
    };
    turn.happened(occurrence);
}

/// Lets EVENT rules assign missions.
pub(crate) fn assign_on(turn: &mut Turn<'_>, occurrence: &Occurrence) {
    assign(turn, AssignmentMode::Event, Some(occurrence));
}

/// Lets the rules of a mode assign missions to the user and to the user's groups.
fn assign(turn: &mut Turn<'_>, mode: AssignmentMode, occurrence: Option<&Occurrence>) {
    let catalog = turn.catalog;
    for rule in catalog.book.mission_rules() {
        if rule.body().assignment_mode != mode {
            continue;
        }
        let owner = match (rule.body().mission_type, rule.group) {
            (MissionType::Individual, _) => Owner::User(turn.state.user.get().id),
            (MissionType::Group, Some(tag)) if turn.state.tags().any(|t| t == tag) => {
                Owner::Group(tag)
            }
            (MissionType::Group, _) => continue,
        };
        let fits = |occurrence: &Occurrence| {
            rule.event.as_ref().is_some_and(|(matcher, _)| {
                matcher.fits(occurrence.entity, &occurrence.ids, &occurrence.tags)
            })
        };
        if occurrence.is_some_and(|occurrence| !fits(occurrence)) {
            continue;
        }
        let zone = zone_of(turn.state, owner);
        let period = rule
            .schedule
            .as_ref()
            .and_then(|schedule| schedule.period(&zone, turn.now));
        if let Some(period) = period
            && !is_evaluated(turn, rule.id(), owner, &period)
        {
            evaluate(turn, rule, owner, &period, occurrence);
        }
    }
}

/// The clock a rule of a zone of its own is not read on: the user's; groups live by UTC.
fn zone_of(state: &UserState, owner: Owner) -> Zone {
    match owner {
        Owner::User(_) => state.user.get().zone(),
        Owner::Group(_) => Zone::utc(),
    }
}

/// Whether a rule has made missions for a period or a later one: a user who travels west does not
/// get yesterday's missions again.
fn is_evaluated(turn: &Turn<'_>, rule: MissionRuleId, owner: Owner, period: &Period) -> bool {
    let last = match owner {
        Owner::User(_) => turn.state.evaluations.get(&rule),
        Owner::Group(tag) => turn.company.evaluations.get(&(tag, rule)),
    };
    // Ids of one form ascend with time; those of another form are of another recurrence.
    let form = |id: &str| (id.len(), id.contains('W'), id.contains('T'));
    last.map(Row::get).is_some_and(|last| {
        *last == period.id || (form(last) == form(&period.id) && *last > period.id)
    })
}

/// How many open missions an owner has.
fn open(turn: &Turn<'_>, owner: Owner) -> usize {
    let missions = match owner {
        Owner::User(_) => &turn.state.missions,
        Owner::Group(_) => &turn.company.missions,
    };
    missions
        .values()
        .map(Row::get)
        .filter(|mission| mission.owner == owner && mission.is_open)
        .count()
}

fn evaluate(
    turn: &mut Turn<'_>,
    rule: &MissionRuleEntry,
    owner: Owner,
    period: &Period,
    occurrence: Option<&Occurrence>,
) {
    let catalog = turn.catalog;
    let book = &catalog.book;
    let name = |part: &str| format!("{part} of mission rule {}", rule.stored.body.id);
    let is_own = matches!(owner, Owner::User(_));
    let user = if is_own {
        user_view(book, turn.state)
    } else {
        Value::Null
    };
    if let (Some(occurrence), Some((_, condition))) = (occurrence, &rule.event) {
        // The event is the root; the union of the documented contexts lies beside its members.
        let mut root = occurrence.data.as_object().cloned().unwrap_or_default();
        root.insert("event".to_owned(), occurrence.data.clone());
        root.insert("user".to_owned(), user.clone());
        root.insert("now".to_owned(), json!(iso(turn.now)));
        let holds = condition.holds(Context::Root(&Data::new(&Value::Object(root))));
        if !noted(&mut turn.failures, || name("eventMatchCondition"), holds) {
            return;
        }
    }
    // Prepared once for all candidates: that costs far more than a look at each of them.
    let user = Data::new(&user);
    let active = Data::new(&active_views(turn, owner));
    let now = Data::new(&json!(iso(turn.now)));
    let event = occurrence.map(|occurrence| Data::new(&occurrence.data));
    let mut members = vec![("user", &user), ("activeMissions", &active), ("now", &now)];
    members.extend(event.as_ref().map(|event| ("event", event)));
    if is_own {
        let holds = rule.users.holds(Context::Members(&members));
        if !noted(&mut turn.failures, || name("usersMatchCondition"), holds) {
            return;
        }
    }
    let mut made = false;
    let mut room = OPEN_MAX.saturating_sub(open(turn, owner));
    for entry in book.configurations() {
        let is_candidate = entry.stored.body.content.mission_type == rule.body().mission_type
            && rule
                .pool
                .as_ref()
                .is_none_or(|pool| pool.contains(&entry.id()));
        if !is_candidate {
            continue;
        }
        let candidate = Data::new(&candidate_view(book, entry));
        let mut members = members.clone();
        members.push(("mission", &candidate));
        let holds = rule.missions.holds(Context::Members(&members));
        if !noted(&mut turn.failures, || name("missionsMatchCondition"), holds) {
            continue;
        }
        if room == 0 {
            let full = Evaluated {
                value: (),
                failure: Some(format!("there are {OPEN_MAX} open missions already")),
            };
            noted(&mut turn.failures, || name("assignment"), full);
            break;
        }
        room = room.saturating_sub(1);
        let mut mission = Mission {
            id: MissionId(turn.ids.uuid(turn.now)),
            owner,
            configuration: entry.id(),
            rule: Some(rule.id()),
            period: period.id.clone(),
            timeframe_type: rule.body().timeframe.timeframe_type,
            starts: period.starts_at,
            ends: period.ends_at,
            snapshot: entry.snapshot.clone(),
            current: Amount::ZERO,
            target: Amount::ZERO,
            is_frozen: true,
            completed: None,
            is_open: true,
            created: turn.now,
            updated: turn.now,
        };
        mission.target = target(
            book,
            &mission,
            &entry.terms,
            is_own.then_some(&*turn.state),
            turn.now,
            &mut turn.failures,
        );
        keep(turn, mission);
        made = true;
    }
    if made {
        let last = Row::fresh(period.id.clone());
        match owner {
            Owner::User(_) => turn.state.evaluations.insert(rule.id(), last),
            Owner::Group(tag) => turn.company.evaluations.insert((tag, rule.id()), last),
        };
    }
}

fn active_views(turn: &Turn<'_>, owner: Owner) -> Value {
    let book = &turn.catalog.book;
    let now = turn.now;
    let missions = match owner {
        Owner::User(_) => &turn.state.missions,
        Owner::Group(_) => &turn.company.missions,
    };
    missions
        .values()
        .map(Row::get)
        .filter(|mission| {
            mission.owner == owner && mission.is_open && mission.state(now) == State::Active
        })
        .filter_map(|mission| {
            let terms = book.terms(mission.configuration, &mission.snapshot)?;
            Some(view(book, mission, &terms, now))
        })
        .take(SEEN_MAX)
        .collect()
}

fn keep(turn: &mut Turn<'_>, mission: Mission) {
    let missions = match mission.owner {
        Owner::User(_) => &mut turn.state.missions,
        Owner::Group(_) => &mut turn.company.missions,
    };
    missions.insert(mission.id, Row::fresh(mission));
}

/// What is asked, by the expression of the mission's configuration; one, where it gives nothing.
fn target(
    book: &Rulebook,
    mission: &Mission,
    terms: &Terms,
    user: Option<&UserState>,
    now: Timestamp,
    failures: &mut Vec<String>,
) -> Amount {
    let data = Data::new(&json!({
        "mission": view(book, mission, terms, now),
        "user": user.map(|user| user_view(book, user)),
        "now": iso(now),
    }));
    let what = || {
        format!(
            "targetAmountExpression of mission {}",
            terms.snapshot.configuration
        )
    };
    noted(
        failures,
        what,
        Rule::amount(&terms.target, Context::Root(&data)),
    )
    .unwrap_or(Amount::from_units(1))
}

/// Brings missions up to now: freezes the targets of those that have begun, closes those that have ended, and lets
/// `SCHEDULED_PUSH` rules look.
pub(crate) fn settle(turn: &mut Turn<'_>) {
    if !turn.catalog.book.has_missions() || turn.state.is_new {
        return;
    }
    let now = turn.now;
    let is_due = |mission: &Mission| {
        mission.is_open
            && ((!mission.is_frozen && now >= mission.starts)
                || mission.ends.is_some_and(|ends| now >= ends))
    };
    let own = turn.state.missions.values();
    let groups = turn.company.missions.values();
    let due: Vec<MissionId> = own
        .chain(groups)
        .map(Row::get)
        .filter(|mission| is_due(mission))
        .map(|mission| mission.id)
        .collect();
    for id in due {
        bring_up_to_date(turn, id);
    }
    assign(turn, AssignmentMode::ScheduledPush, None);
}

fn bring_up_to_date(turn: &mut Turn<'_>, id: MissionId) {
    let Some(mut mission) = find(turn, id).map(|row| row.get().clone()) else {
        return;
    };
    let book = &turn.catalog.book;
    if !mission.is_frozen {
        let user = matches!(mission.owner, Owner::User(_)).then_some(&*turn.state);
        if let Some(terms) = book.terms(mission.configuration, &mission.snapshot) {
            let starts = mission.starts;
            mission.target = target(book, &mission, &terms, user, starts, &mut turn.failures);
        }
        mission.is_frozen = true;
        mission.updated = mission.starts;
    }
    if mission.ends.is_some_and(|ends| turn.now >= ends) {
        mission.is_open = false;
    }
    if let Some(row) = find(turn, id) {
        *row.edit() = mission;
    }
}

/// The next instant at which time alone changes a mission or brings one.
pub(crate) fn next(turn: &Turn<'_>) -> Option<Timestamp> {
    let book = &turn.catalog.book;
    if !book.has_missions() || turn.state.is_new {
        return None;
    }
    let pushes = book
        .mission_rules()
        .filter(|rule| rule.body().assignment_mode == AssignmentMode::ScheduledPush)
        .filter_map(|rule| {
            let zone = match rule.group {
                Some(tag) if !turn.state.tags().any(|t| t == tag) => return None,
                Some(_) => Zone::utc(),
                None => turn.state.user.get().zone(),
            };
            rule.schedule.as_ref()?.next_start(&zone, turn.now)
        });
    let starts = turn
        .state
        .missions
        .values()
        .map(Row::get)
        .filter(|mission| mission.is_open && !mission.is_frozen)
        .map(|mission| mission.starts);
    pushes.chain(starts).min()
}

/// A mission made by hand (spec/aworld.md 3.7). For a user only the engine makes one, with the user's
/// rows at hand.
pub fn by_hand(
    catalog: &Catalog,
    owner: Owner,
    start: &StartMission,
    now: Timestamp,
    ids: &mut Ids,
) -> Result<Mission, Refusal> {
    made(catalog, owner, None, start, now, ids, &mut Vec::new())
}

fn made(
    catalog: &Catalog,
    owner: Owner,
    user: Option<&UserState>,
    start: &StartMission,
    now: Timestamp,
    ids: &mut Ids,
    failures: &mut Vec<String>,
) -> Result<Mission, Refusal> {
    let book = &catalog.book;
    let entry = book
        .configuration_named(&start.configuration)
        .ok_or_else(|| Refusal::NotFound("mission configuration", start.configuration.clone()))?;
    let asked = match owner {
        Owner::User(_) => MissionType::Individual,
        Owner::Group(_) => MissionType::Group,
    };
    if entry.stored.body.content.mission_type != asked {
        return Err(Refusal::Invalid(format!(
            "the mission configuration is not for {} missions",
            asked.name()
        )));
    }
    let (timeframe_type, period) = match start.ends {
        None => (TimeframeType::Permanent, "PERMANENT".to_owned()),
        Some(_) => (
            TimeframeType::Range,
            start.starts.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        ),
    };
    let mut mission = Mission {
        id: MissionId(ids.uuid(now)),
        owner,
        configuration: entry.id(),
        rule: None,
        period,
        timeframe_type,
        starts: start.starts,
        ends: start.ends,
        snapshot: entry.snapshot.clone(),
        current: start.current,
        target: start.target.unwrap_or_default(),
        is_frozen: start.target.is_some() || start.starts <= now,
        completed: None,
        is_open: true,
        created: now,
        updated: now,
    };
    if start.target.is_none() {
        mission.target = target(book, &mission, &entry.terms, user, now, failures);
    }
    Ok(mission)
}

impl Turn<'_> {
    /// Lets LAZY rules look, before the user's missions are listed.
    pub(crate) fn assign_missions(&mut self) -> Reply {
        if !self.state.is_new {
            self.bring_up_to_date();
            assign(self, AssignmentMode::Lazy, None);
        }
        Reply::Done
    }

    /// Gives the user a mission by hand.
    pub(crate) fn start_mission(&mut self, start: &StartMission) -> Result<Reply, Refusal> {
        self.must_exist()?;
        let owner = Owner::User(self.state.user.get().id);
        let mission = made(
            self.catalog,
            owner,
            Some(self.state),
            start,
            self.now,
            self.ids,
            &mut self.failures,
        )?;
        let is_same = |other: &Mission| {
            other.rule.is_none()
                && other.configuration == mission.configuration
                && other.period == mission.period
        };
        if self.state.missions.values().any(|row| is_same(row.get())) {
            return Err(Refusal::Conflict(
                "the user has this mission already".to_owned(),
            ));
        }
        if open(self, owner) >= OPEN_MAX {
            return Err(Refusal::Conflict(format!(
                "the user has {OPEN_MAX} open missions already"
            )));
        }
        self.bring_up_to_date();
        keep(self, mission.clone());
        self.schedule();
        Ok(Reply::Mission(Box::new(mission)))
    }

    /// Pays the user for a mission that a group of the user completed, once.
    pub(crate) fn complete_group_mission(&mut self, mission: &Mission) -> Reply {
        let mark = MissionRuleId(mission.id.0);
        let Owner::Group(tag) = mission.owner else {
            return Reply::Done;
        };
        if self.state.is_new
            || self.state.evaluations.contains_key(&mark)
            || !self.state.tags().any(|carried| carried == tag)
        {
            return Reply::Done;
        }
        self.bring_up_to_date();
        if let Some(terms) = self
            .catalog
            .book
            .terms(mission.configuration, &mission.snapshot)
        {
            tell_completion(self, mission, &terms);
        }
        self.state
            .evaluations
            .insert(mark, Row::fresh(PAID.to_owned()));
        Reply::Done
    }
}
