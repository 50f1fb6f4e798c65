-- A machine that may ask for access tokens. hash: SHA-256 of its secret. scopes: separated by blanks.
create table client (
    id {text} not null primary key,
    space_id bigint not null references space (id),
    context {text} not null,
    name {text} not null,
    role {text} not null,
    scopes {text} not null,
    hash {bytes} not null,
    created_at bigint not null,
    revoked_at bigint
){strict};
create index client_space on client (space_id);

-- Keys that sign access tokens; the youngest signs, all that did not expire verify.
create table signing_key (
    id {text} not null primary key,
    private_key {bytes} not null,
    created_at bigint not null,
    expires_at bigint
){strict};

-- A person above the users of several spaces. owner: the organization for its own spaces, or the
-- tenant for the space of a tenant; people of one owner are never seen by another.
create table principal (
    owner {text} not null,
    email {text} not null,
    id {uuid} not null,
    first_name {text},
    last_name {text},
    created_at bigint not null,
    updated_at bigint not null,
    primary key (owner, email)
){clustered};
create unique index principal_id on principal (id);

-- draft: a body that is not in force yet. A definition that was never published acts nowhere.
alter table definition add column draft {json};
alter table definition add column is_published boolean not null default true;
create index definition_updated on definition (space_id, kind, updated_at, id);

create table definition_tag (
    space_id bigint not null,
    definition_id {uuid} not null,
    tag_id {uuid} not null,
    priority bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (space_id, definition_id, tag_id)
){clustered};

alter table end_user add column lang {text};
alter table end_user add column profile_image {text};
alter table end_user add column principal_id {uuid};
create unique index end_user_principal on end_user (space_id, principal_id)
    where principal_id is not null;
create index end_user_updated on end_user (space_id, updated_at, id);

create table user_tag (
    space_id bigint not null,
    user_id bigint not null,
    tag_id {uuid} not null,
    priority bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (space_id, user_id, tag_id)
){clustered};
create index user_tag_tag on user_tag (space_id, tag_id, user_id);

-- Points systems count whole numbers, virtual currencies millionths. total includes pending.
alter table balance add column pending bigint not null default 0;
alter table balance add column created_at bigint;
alter table balance add column updated_at bigint;

-- One ledger for points and currencies. A trigger awards points; transactions of currencies have a
-- state, which may change until they are settled, and details.
create table ledger (
    space_id bigint not null,
    user_id bigint not null,
    system_id {uuid} not null,
    id {uuid} not null,
    amount bigint not null,
    balance bigint not null,
    at bigint not null,
    date {text} not null,
    trigger_id {uuid},
    event_id {uuid},
    state {text},
    expires_at bigint,
    updated_at bigint,
    details {json},
    primary key (space_id, user_id, system_id, id)
){clustered};
insert into ledger (space_id, user_id, system_id, id, amount, balance, at, date, trigger_id, event_id)
select space_id, user_id, system_id, id, amount, balance, at, date, trigger_id, event_id
from ledger_entry;
drop table ledger_entry;
alter table ledger rename to ledger_entry;
create index ledger_transaction on ledger_entry (space_id, user_id, updated_at, id)
    where state is not null;
create index ledger_pending on ledger_entry (space_id, user_id) where state = 'PENDING';

-- What users did, told as activities. id: the caller's or ours.
create table activity_log (
    space_id bigint not null,
    id {text} not null,
    user_id bigint not null,
    activity_id {uuid} not null,
    outcome {text},
    value bigint,
    tags {json},
    additional_data {json},
    completed_at bigint not null,
    created_at bigint not null,
    primary key (space_id, id)
){clustered};

create index activity_log_user on activity_log (space_id, user_id);

-- A mission belongs to one user or to all users with a tag. Open: it may still change.
create table mission (
    space_id bigint not null,
    id {uuid} not null,
    user_id bigint,
    group_tag_id {uuid},
    configuration_id {uuid} not null,
    rule_id {uuid},
    period {text} not null,
    timeframe_type {text} not null,
    starts_at bigint not null,
    ends_at bigint,
    snapshot {text} not null,
    current bigint not null,
    target bigint not null,
    is_frozen boolean not null,
    completed_at bigint,
    is_open boolean not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (space_id, id)
){clustered};
create index mission_user on mission (space_id, user_id, updated_at, id) where user_id is not null;
create index mission_user_open on mission (space_id, user_id) where user_id is not null and is_open;
create index mission_group on mission (space_id, group_tag_id, updated_at, id)
    where group_tag_id is not null;
create index mission_group_open on mission (space_id, group_tag_id)
    where group_tag_id is not null and is_open;

create table mission_log (
    space_id bigint not null,
    mission_id {uuid} not null,
    id {uuid} not null,
    user_id bigint not null,
    amount bigint not null,
    at bigint not null,
    primary key (space_id, mission_id, id)
){clustered};

-- The last period for which a rule made missions for a user or a group.
create table mission_evaluation (
    space_id bigint not null,
    user_id bigint not null,
    rule_id {uuid} not null,
    period {text} not null,
    primary key (space_id, user_id, rule_id)
){clustered};
create table group_evaluation (
    space_id bigint not null,
    tag_id {uuid} not null,
    rule_id {uuid} not null,
    period {text} not null,
    primary key (space_id, tag_id, rule_id)
){clustered};

-- Answers kept for a while, so that a repeated request with the same key gets the same.
create table answer (
    space_id bigint not null,
    fingerprint {bytes} not null,
    status bigint not null,
    body {text} not null,
    created_at bigint not null,
    primary key (space_id, fingerprint)
){clustered};
create index answer_created on answer (created_at);
