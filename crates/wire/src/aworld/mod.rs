//! The JSON of the second dialect, both of its APIs (spec/aworld.md 3). Documents of configuration are not here: they keep the form
//! in which they are shown (`engine::definition`).

mod activity_log;
mod error;
mod mission;
mod provenance;
mod tag_assignment;
mod user;
mod virtual_balance;
mod virtual_transaction;

pub use activity_log::{ActivityLog, ActivityOutcome, CreateActivityLog};
pub use error::{ErrorDetail, ErrorEnvelope, ErrorObject};
pub use mission::{
    CreateMission, CreatedMission, ManualTimeframeType, MatchType, Mission, MissionEntity,
    MissionPage, MissionType, TimeframeState, TimeframeType, Translation,
};
pub use provenance::Provenance;
pub use tag_assignment::{
    ASSIGNMENTS_MAX, AssignOne, AssignTag, AssignTags, Assignments, RemoveTag, RemoveTags,
    RemovedAssignment, TagAssignment, TagReference, Tagged,
};
pub use user::{
    CreateUser, DeletedUser, Principal, Profile, TagReferencePage, UpdateMe, UpdateUser, User,
    UserPage, UserStats,
};
pub use virtual_balance::{HeldCurrency, Origin, VirtualBalance, VirtualBalancePage};
pub use virtual_transaction::{
    CounterpartType, CreatePayments, CreateTransactions, Direction, InitiatorType, NewTransaction,
    OwnedTransaction, OwnedTransactions, Payment, RedemptionMode, TransactionState,
    VirtualTransaction, VirtualTransactionPage, VirtualTransactions,
};

/// The region that records are said to be written in (spec/aworld.md 2.2): there is only one here.
pub const SOURCE_REGION: &str = "eu-west-1";
