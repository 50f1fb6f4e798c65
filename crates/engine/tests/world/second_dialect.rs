//! Documents and commands of the second dialect for tests: short calls over the form in which customers write them.

use std::collections::BTreeMap;

use engine::amount::Amount;
use engine::command::{
    Command, LogActivity, Order, Refusal, StartMission, TagAction, TagUser, Transact,
};
use engine::definition::{
    Activity, Content, Document, MissionConfiguration, MissionRule, RedemptionMode, RewardRule,
    Stored, Tag, Translation, VirtualCurrency,
};
use engine::id::{CurrencyId, LedgerEntryId, MissionId, TagId};
use engine::outcome::{
    ActivityLog, InitiatorType, LedgerEntry, Outcome, Reply, Transaction, TransactionState,
};
use engine::state::{Company, Mission, Owner, Row, UserState};
use serde_json::{Value, json};
use uuid::Uuid;

use super::World;

/// What lies beyond the rows of single users, as a store keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shared {
    pub(crate) missions: BTreeMap<MissionId, Row<Mission>>,
    pub(crate) evaluations: BTreeMap<(TagId, engine::id::MissionRuleId), Row<String>>,
    /// Missions that change no more.
    pub(crate) ended: BTreeMap<MissionId, Mission>,
    /// Who did what, by the id of the log.
    pub(crate) activities: BTreeMap<String, (String, ActivityLog)>,
    /// What each user added to each mission.
    pub(crate) mission_logs: Vec<(String, MissionId, Amount)>,
    /// Group missions whose members were not paid yet.
    pub(crate) completed: Vec<MissionId>,
    /// Of the last command only.
    pub(crate) failures: Vec<String>,
    /// All commands are one batch: rows are loaded once, and what changes no more stays among them.
    pub(crate) is_batch: bool,
}

fn content<T: Content>(mut defaults: Value, changes: Value) -> T {
    let Value::Object(changes) = changes else {
        panic!("changes are an object");
    };
    for (key, value) in changes {
        // Null takes a member away.
        if value.is_null() {
            defaults.as_object_mut().unwrap().remove(&key);
        } else {
            defaults[key] = value;
        }
    }
    let content: T = serde_json::from_value(defaults).unwrap();
    assert_eq!(content.problems(), []);
    content
}

/// An expression that is the member of the context with this path.
pub(crate) fn var(path: &str) -> Value {
    json!({ "var": path })
}

pub(crate) fn order(currency: &str, destination: &str, amount: &str) -> Order {
    Order {
        currency: currency.to_owned(),
        mode: RedemptionMode::Auto,
        amount: super::amount(amount),
        source: None,
        destination: destination.to_owned(),
        expires: None,
        group: None,
        additional_data: None,
    }
}

pub(crate) fn transfer(currency: &str, source: &str, destination: &str, amount: &str) -> Order {
    Order {
        source: Some(source.to_owned()),
        ..order(currency, destination, amount)
    }
}

pub(crate) fn manual(order: Order) -> Order {
    Order {
        mode: RedemptionMode::Manual,
        ..order
    }
}

pub(crate) fn activity_log(activity: &str) -> LogActivity {
    LogActivity {
        activity: activity.to_owned(),
        id: None,
        outcome: None,
        value: None,
        tags: None,
        additional_data: None,
        completed: None,
    }
}

pub(crate) fn transaction(entry: &LedgerEntry) -> &Transaction {
    entry.transaction.as_ref().unwrap()
}

pub(crate) fn state_of(entry: &LedgerEntry) -> TransactionState {
    transaction(entry).state
}

impl World {
    // Documents.

    fn document<T: Content>(&mut self, id: &str, content: T) -> Stored<Document<T>> {
        let texts = Translation {
            lang: "en".to_owned(),
            label: T::HAS_LABELS.then(|| id.to_owned()),
            description: None,
        };
        let document = Document {
            id: id.to_owned(),
            default_lang: "en".to_owned(),
            translations: vec![texts],
            content,
        };
        assert_eq!(document.problems(), []);
        self.stored(document)
    }

    /// A tag by its id, such as `team:red`.
    pub(crate) fn tag(&mut self, id: &str) -> TagId {
        let (namespace, variant) = id.split_once(':').unwrap();
        let tag: Tag = content(
            json!({ "namespace": namespace, "variant": variant }),
            json!({}),
        );
        let document = self.document(id, tag);
        let tag = TagId(document.id);
        self.definitions.documents.tags.push(document);
        self.compile();
        tag
    }

    pub(crate) fn activity(&mut self, id: &str) -> Uuid {
        self.activity_with(id, json!({}))
    }

    pub(crate) fn activity_with(&mut self, id: &str, changes: Value) -> Uuid {
        let activity: Activity = content(json!({ "name": id }), changes);
        let document = self.document(id, activity);
        let uuid = document.id;
        self.definitions.documents.activities.push(document);
        self.compile();
        uuid
    }

    /// Puts a tag on a document.
    pub(crate) fn mark(&mut self, document: Uuid, tag: TagId) {
        self.definitions.documents.tagged.push((document, tag));
        self.compile();
    }

    /// A configuration: three activities of any kind, one user.
    pub(crate) fn configuration(&mut self, id: &str, changes: Value) -> Uuid {
        let defaults = json!({
            "name": id,
            "missionType": "INDIVIDUAL",
            "matchType": "ENTITY",
            "matchEntity": "Activity",
            "matchCondition": true,
            "incrementExpression": 1,
            "targetAmountExpression": 3,
        });
        let configuration: MissionConfiguration = content(defaults, changes);
        let document = self.document(id, configuration);
        let uuid = document.id;
        self.definitions.documents.configurations.push(document);
        self.compile();
        uuid
    }

    pub(crate) fn edit_configuration(
        &mut self,
        id: &str,
        edit: impl FnOnce(&mut MissionConfiguration),
    ) {
        let mut all = self.definitions.documents.configurations.iter_mut();
        edit(
            &mut all
                .find(|stored| stored.body.id == id)
                .unwrap()
                .body
                .content,
        );
        self.compile();
    }

    /// A LAZY rule for everybody and all configurations, for ever, on the clock of each user.
    pub(crate) fn mission_rule(&mut self, id: &str, changes: Value) -> Uuid {
        let defaults = json!({
            "missionType": "INDIVIDUAL",
            "name": id,
            "usersMatchCondition": true,
            "missionsMatchCondition": true,
            "timeframeType": "PERMANENT",
            "timeframeTimezoneType": "USER",
            "timeframeStartsAt": "2026-01-01T00:00:00Z",
            "assignmentMode": "LAZY",
        });
        let rule: MissionRule = content(defaults, changes);
        let document = self.document(id, rule);
        let uuid = document.id;
        self.definitions.documents.mission_rules.push(document);
        self.compile();
        uuid
    }

    pub(crate) fn edit_mission_rule(&mut self, id: &str, edit: impl FnOnce(&mut MissionRule)) {
        let mut all = self.definitions.documents.mission_rules.iter_mut();
        edit(
            &mut all
                .find(|stored| stored.body.id == id)
                .unwrap()
                .body
                .content,
        );
        self.compile();
    }

    /// A reward rule that ALWAYS pays ten `coins` at once for any activity.
    pub(crate) fn reward_rule(&mut self, id: &str, changes: Value) -> Uuid {
        let defaults = json!({
            "name": id,
            "ruleType": "ENTITY",
            "matchEntity": "Activity",
            "matchCondition": true,
            "applicationMode": "ALWAYS",
            "rewards": [
                { "virtualCurrencyId": "coins", "redemptionMode": "AUTO", "expression": 10 },
            ],
        });
        let rule: RewardRule = content(defaults, changes);
        let document = self.document(id, rule);
        let uuid = document.id;
        self.definitions.documents.reward_rules.push(document);
        self.compile();
        uuid
    }

    pub(crate) fn currency(&mut self, id: &str) -> CurrencyId {
        self.currency_with(id, json!({}))
    }

    pub(crate) fn currency_with(&mut self, id: &str, changes: Value) -> CurrencyId {
        let currency: VirtualCurrency = content(json!({ "name": id }), changes);
        let document = self.document(id, currency);
        let uuid = CurrencyId(document.id);
        self.definitions.documents.currencies.push(document);
        self.compile();
        uuid
    }

    pub(crate) fn edit_currency(&mut self, id: &str, edit: impl FnOnce(&mut VirtualCurrency)) {
        let mut all = self.definitions.documents.currencies.iter_mut();
        edit(
            &mut all
                .find(|stored| stored.body.id == id)
                .unwrap()
                .body
                .content,
        );
        self.compile();
    }

    // What a store does around a command.

    /// Moves out what a command may touch beyond the rows of its own user.
    pub(super) fn gather(&self, user: &str, state: &UserState, command: &Command) -> Company {
        let mut company = Company::default();
        for other in command.others() {
            if other != user
                && let Some(state) = self.users.get(other)
            {
                company.others.insert(other.to_owned(), state.clone());
            }
        }
        let mut tags: Vec<TagId> = state.tags().collect();
        if let Command::TagUser(command) = command
            && command.action != TagAction::Remove
        {
            tags.extend(command.tags.iter().map(|(tag, _)| *tag));
        }
        let is_meant =
            |mission: &Mission| matches!(mission.owner, Owner::Group(tag) if tags.contains(&tag));
        company.missions = self.shared.missions.clone();
        company.missions.retain(|_, row| is_meant(row.get()));
        company.evaluations = self.shared.evaluations.clone();
        company.evaluations.retain(|(tag, _), _| tags.contains(tag));
        if let Command::LogActivity(log) = command
            && let Some(id) = &log.id
            && self.shared.activities.contains_key(id)
        {
            company.logged.insert(id.clone());
        }
        company
    }

    /// Keeps what a command left; what changes no more is not loaded again.
    pub(super) fn put_back(&mut self, state: &mut UserState, company: Company) {
        let Company {
            others,
            missions,
            evaluations,
            ..
        } = company;
        for (name, mut other) in others {
            self.put_away(&mut other);
            self.users.insert(name, other);
        }
        for (id, row) in missions {
            if row.get().is_open || self.shared.is_batch {
                self.shared.missions.insert(id, row);
            } else {
                self.shared.missions.remove(&id);
                self.shared.ended.insert(id, row.get().clone());
            }
        }
        self.shared.evaluations.extend(evaluations);
        self.put_away(state);
    }

    /// Lets go of the rows that are not loaded any more.
    pub(crate) fn put_away(&mut self, state: &mut UserState) {
        if self.shared.is_batch {
            return;
        }
        state.tags.retain(|_, row| !row.get().is_removed);
        let ended = state.missions.extract_if(.., |_, row| !row.get().is_open);
        self.shared
            .ended
            .extend(ended.map(|(id, row)| (id, row.get().clone())));
        let settled = state.pending.extract_if(.., |_, row| {
            row.get()
                .transaction
                .as_ref()
                .is_some_and(|transaction| transaction.state != TransactionState::Pending)
        });
        for (id, row) in settled {
            let entry = self.ledger.iter_mut().find(|(_, entry)| entry.id == id);
            entry.unwrap().1 = row.get().clone();
        }
    }

    pub(super) fn keep_second(&mut self, user: &str, outcome: &Outcome) {
        let appended = &outcome.appended;
        self.shared.failures.clone_from(&outcome.failures);
        if let Some(log) = &appended.activity {
            let earlier = self
                .shared
                .activities
                .insert(log.id.clone(), (user.to_owned(), log.clone()));
            assert_eq!(earlier, None, "an activity log has an id of its own");
        }
        for log in &appended.mission_logs {
            let log = (user.to_owned(), log.mission, log.amount);
            self.shared.mission_logs.push(log);
        }
        self.shared
            .completed
            .extend(appended.completed_groups.iter().copied());
    }

    // Commands.

    pub(crate) fn people(&mut self, names: &[&str]) {
        for name in names {
            self.save(name, super::Patch::default());
        }
    }

    pub(crate) fn try_log(&mut self, user: &str, log: LogActivity) -> Result<ActivityLog, Refusal> {
        match self.send(user, &Command::LogActivity(log)).reply {
            Reply::Activity(log) => Ok(*log),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn log(&mut self, user: &str, activity: &str) -> ActivityLog {
        self.try_log(user, activity_log(activity)).unwrap()
    }

    pub(crate) fn log_value(&mut self, user: &str, activity: &str, value: &str) -> ActivityLog {
        let log = LogActivity {
            value: Some(super::amount(value)),
            ..activity_log(activity)
        };
        self.try_log(user, log).unwrap()
    }

    /// Lets LAZY rules look.
    pub(crate) fn list(&mut self, user: &str) {
        let reply = self.send(user, &Command::AssignMissions).reply;
        assert_eq!(reply, Reply::Done);
    }

    pub(crate) fn try_start(
        &mut self,
        user: &str,
        start: StartMission,
    ) -> Result<Mission, Refusal> {
        match self.send(user, &Command::StartMission(start)).reply {
            Reply::Mission(mission) => Ok(*mission),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn try_tag(
        &mut self,
        user: &str,
        action: TagAction,
        tags: &[TagId],
    ) -> Result<(), Refusal> {
        let tags = tags.iter().map(|tag| (*tag, 0)).collect();
        match self
            .send(user, &Command::TagUser(TagUser { action, tags }))
            .reply
        {
            Reply::Tags(_) => Ok(()),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn assign_tag(&mut self, user: &str, tag: TagId) {
        self.try_tag(user, TagAction::Assign, &[tag]).unwrap();
    }

    pub(crate) fn remove_tag(&mut self, user: &str, tag: TagId) {
        self.try_tag(user, TagAction::Remove, &[tag]).unwrap();
    }

    /// Sends orders, all or none.
    pub(crate) fn try_orders(
        &mut self,
        user: &str,
        initiator_type: InitiatorType,
        orders: &[Order],
    ) -> Result<Vec<LedgerEntry>, Refusal> {
        let transact = Transact {
            initiator_type,
            initiator: user.to_owned(),
            orders: orders.to_vec(),
        };
        match self.send(user, &Command::Transact(transact)).reply {
            Reply::Transactions(entries) => Ok(entries),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// What a user asks for.
    pub(crate) fn pay(&mut self, order: Order) -> Result<Vec<LedgerEntry>, Refusal> {
        let user = order.source.clone().unwrap();
        self.try_orders(&user, InitiatorType::User, &[order])
    }

    /// What somebody at the dashboard asks for.
    pub(crate) fn grant(&mut self, order: Order) -> Result<Vec<LedgerEntry>, Refusal> {
        let user = order.destination.clone();
        self.try_orders(&user, InitiatorType::Admin, &[order])
    }

    /// Gives something at once.
    pub(crate) fn give(&mut self, user: &str, currency: &str, amount: &str) {
        self.grant(order(currency, user, amount)).unwrap();
    }

    pub(crate) fn try_redeem(
        &mut self,
        user: &str,
        entry: LedgerEntryId,
    ) -> Result<Vec<LedgerEntry>, Refusal> {
        let kept = self.entry(entry);
        let twin = transaction(kept).counterpart.map(|twin| twin.user);
        let named = |(name, state): (&String, &UserState)| {
            (Some(state.user.get().id.0) == twin).then(|| name.clone())
        };
        let twin = self.users.iter().find_map(named);
        match self.send(user, &Command::Redeem { entry, twin }).reply {
            Reply::Transactions(entries) => Ok(entries),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Does what the job does that pays the members of groups: to whomever it comes.
    pub(crate) fn pay_groups(&mut self) {
        let names: Vec<String> = self.users.keys().cloned().collect();
        for id in std::mem::take(&mut self.shared.completed) {
            for name in &names {
                let mission = self.mission(id).clone();
                let command = Command::CompleteGroupMission(Box::new(mission));
                assert_eq!(self.send(name, &command).reply, Reply::Done);
            }
        }
    }

    // What tests look at.

    pub(crate) fn mission(&self, id: MissionId) -> &Mission {
        let mut own = self.users.values();
        own.find_map(|state| state.missions.get(&id))
            .or_else(|| self.shared.missions.get(&id))
            .map(Row::get)
            .or_else(|| self.shared.ended.get(&id))
            .unwrap()
    }

    /// All missions, past ones too, oldest first.
    pub(crate) fn all_missions(&self) -> Vec<&Mission> {
        let own = self
            .users
            .values()
            .flat_map(|state| state.missions.values());
        let mut all: Vec<&Mission> = own
            .chain(self.shared.missions.values())
            .map(Row::get)
            .chain(self.shared.ended.values())
            .collect();
        all.sort_by_key(|mission| mission.id);
        all
    }

    /// The missions of a user, past ones too, oldest first.
    pub(crate) fn missions_of(&self, user: &str) -> Vec<&Mission> {
        let owner = Owner::User(self.state(user).user.get().id);
        let mut all = self.all_missions();
        all.retain(|mission| mission.owner == owner);
        all
    }

    /// Configuration, period and progress of a user's missions: `km PERMANENT 1/3`, `!` when completed.
    pub(crate) fn told(&self, user: &str) -> Vec<String> {
        let missions = self.missions_of(user);
        missions.into_iter().map(|m| self.line(m)).collect()
    }

    /// The same of the missions of a group.
    pub(crate) fn told_of_group(&self, tag: TagId) -> Vec<String> {
        let mut all = self.all_missions();
        all.retain(|mission| mission.owner == Owner::Group(tag));
        all.into_iter().map(|m| self.line(m)).collect()
    }

    fn line(&self, mission: &Mission) -> String {
        let configuration = self.catalog.book.configuration(mission.configuration);
        format!(
            "{} {} {}/{}{}",
            configuration.unwrap().stored.body.id,
            mission.period,
            mission.current.to_f64(),
            mission.target.to_f64(),
            if mission.completed.is_some() { "!" } else { "" }
        )
    }

    /// Amount and available amount.
    pub(crate) fn purse(&self, user: &str, currency: CurrencyId) -> (f64, f64) {
        let purse = self.state(user).purses.get(&currency);
        purse.map_or((0.0, 0.0), |row| {
            (row.get().amount.to_f64(), row.get().available().to_f64())
        })
    }

    /// A transaction as it is kept now.
    pub(crate) fn entry(&self, id: LedgerEntryId) -> &LedgerEntry {
        let pending = self
            .users
            .values()
            .find_map(|state| state.pending.get(&id))
            .map(Row::get);
        let appended = || self.ledger.iter().find(|(_, entry)| entry.id == id);
        pending.or_else(|| Some(&appended()?.1)).unwrap()
    }

    /// The transactions of a user in virtual currencies as they are kept now, oldest first.
    pub(crate) fn transactions(&self, user: &str) -> Vec<&LedgerEntry> {
        self.ledger
            .iter()
            .filter(|(who, entry)| who == user && entry.transaction.is_some())
            .map(|(_, entry)| self.entry(entry.id))
            .collect()
    }

    /// Amount and state of the transactions of a user.
    pub(crate) fn paid(&self, user: &str) -> Vec<String> {
        let line = |entry: &LedgerEntry| {
            let amount = Amount::from_millionths(entry.amount).to_f64();
            format!("{amount} {}", state_of(entry).name())
        };
        self.transactions(user).into_iter().map(line).collect()
    }

    /// Asserts that purses are the sums of their transactions, and group missions those of their logs.
    pub(super) fn check_second(&self) {
        for (name, state) in &self.users {
            let mut sums: BTreeMap<CurrencyId, (i64, i64)> = BTreeMap::new();
            for entry in self.transactions(name) {
                assert_eq!(entry.user, state.user.get().id);
                let (amount, pending) = sums.entry(entry.system).or_default();
                match state_of(entry) {
                    TransactionState::Pending => {
                        *amount += entry.amount;
                        *pending += entry.amount;
                    }
                    TransactionState::Completed => *amount += entry.amount,
                    TransactionState::Expired | TransactionState::Rejected => {}
                }
            }
            // A purse of which everything was rejected does not exist.
            sums.retain(|currency, sums| *sums != (0, 0) || state.purses.contains_key(currency));
            let kept: BTreeMap<_, _> = state
                .purses
                .iter()
                .map(|(id, row)| {
                    let purse = row.get();
                    (*id, (purse.amount.millionths(), purse.pending.millionths()))
                })
                .collect();
            assert_eq!(kept, sums, "purses of {name}");
        }
        // What was made by hand may begin with something.
        let by_rule = |mission: &&Mission| mission.rule.is_some();
        for mission in self.all_missions().into_iter().filter(by_rule) {
            let logged: i64 = self
                .shared
                .mission_logs
                .iter()
                .filter(|(_, id, _)| *id == mission.id)
                .map(|(_, _, amount)| amount.millionths())
                .sum();
            assert_eq!(mission.current.millionths(), logged, "progress");
        }
    }
}
