-- A test clock of an environment: microseconds UTC; null: the clock of the machine.
alter table environment add column test_now bigint;

-- What users want to be told and how their streaks count; null: nothing was ever said.
alter table end_user add column preferences {json};

-- Notices may be about nobody in particular, such as a run that begins. The table was always empty.
drop table outbox;
create table outbox (
    space_id bigint not null,
    id {uuid} not null,
    user_id bigint,
    kind {text} not null,
    body {json} not null,
    created_at bigint not null,
    primary key (space_id, id)
){clustered};

-- Up to which instant what begins and ends by the clock (runs of boards, boosts) has been told.
create table announced (
    space_id bigint not null primary key,
    up_to bigint not null
){strict};

-- Where an environment wants to be told what happens. kinds: a list of kinds of notices. The old
-- secret still signs until old_secret_until.
create table webhook_endpoint (
    id {uuid} not null primary key,
    environment_id bigint not null references environment (id),
    name {text} not null,
    url {text} not null,
    kinds {json} not null,
    secret {text} not null,
    old_secret {text},
    old_secret_until bigint,
    is_active boolean not null,
    disabled_reason {text},
    created_at bigint not null,
    updated_at bigint not null
){strict};
create index webhook_endpoint_environment on webhook_endpoint (environment_id);

-- One message to one endpoint. event_id is the same for all endpoints and all attempts; body is what
-- is signed and sent, byte for byte. due_at: the next attempt; null: none follows.
create table delivery (
    endpoint_id {uuid} not null,
    id {uuid} not null,
    space_id bigint not null,
    event_id {uuid} not null,
    kind {text} not null,
    body {bytes} not null,
    state {text} not null,
    attempts bigint not null,
    due_at bigint,
    created_at bigint not null,
    finished_at bigint,
    primary key (endpoint_id, id)
){clustered};
create index delivery_due on delivery (due_at) where due_at is not null;
create index delivery_created on delivery (created_at);

create table delivery_attempt (
    endpoint_id {uuid} not null,
    delivery_id {uuid} not null,
    number bigint not null,
    at bigint not null,
    took_ms bigint not null,
    status bigint,
    error {text},
    answer {text},
    primary key (endpoint_id, delivery_id, number)
){clustered};
