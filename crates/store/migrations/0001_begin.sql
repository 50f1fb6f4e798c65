-- Who runs products on this server. One organization for now; the table is ready for more.
create table organization (
    id bigint not null primary key,
    name {text} not null,
    multi_tenancy boolean not null
){strict};

-- An isolated stage of an organization. access_version moves whenever a key or tenant changes, so
-- that every process notices inside the transaction it runs anyway.
create table environment (
    id bigint not null primary key,
    organization_id bigint not null references organization (id),
    name {text} not null,
    key {text} not null unique,
    kind {text} not null,
    position bigint not null,
    access_version bigint not null
){strict};

create table tenant (
    id {uuid} not null primary key,
    environment_id bigint not null references environment (id),
    customer_id {text} not null,
    name {text} not null,
    is_archived boolean not null,
    created_at bigint not null,
    updated_at bigint not null
){strict};
create unique index tenant_customer on tenant (environment_id, customer_id) where not is_archived;

-- The leaf of isolation: (environment, tenant or none).
create table space (
    id bigint not null primary key,
    environment_id bigint not null references environment (id),
    tenant_id {uuid} references tenant (id),
    config_version bigint not null
){strict};
create index space_environment on space (environment_id, tenant_id);

-- hash: SHA-256 of the secret part.
create table api_key (
    prefix {text} not null primary key,
    id {uuid} not null unique,
    environment_id bigint not null references environment (id),
    user_external_id {text},
    name {text} not null,
    hash {bytes} not null,
    is_active boolean not null,
    created_at bigint not null,
    last_used_at bigint
){strict};
create index api_key_environment on api_key (environment_id);

create table definition (
    space_id bigint not null,
    id {uuid} not null,
    kind {text} not null,
    parent_id {uuid},
    unique_key {text},
    version bigint not null,
    body {json} not null,
    is_archived boolean not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (space_id, id)
){clustered};
create unique index definition_key on definition (space_id, kind, unique_key) where not is_archived;

create table definition_version (
    space_id bigint not null,
    definition_id {uuid} not null,
    version bigint not null,
    body {json} not null,
    is_archived boolean not null,
    created_at bigint not null,
    primary key (space_id, definition_id, version)
){clustered};

create table end_user (
    space_id bigint not null,
    id bigint not null,
    external_id {text} not null,
    email {text},
    name {text},
    tz {text},
    device_tokens {json},
    is_subscribed boolean not null,
    attributes {json} not null,
    sign_up_date {text},
    is_control boolean not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (space_id, id)
){clustered};
create unique index end_user_external on end_user (space_id, external_id);

create table metric_total (
    space_id bigint not null,
    user_id bigint not null,
    metric_id {uuid} not null,
    total bigint not null,
    peak bigint not null,
    events bigint not null,
    first_at bigint not null,
    last_at bigint not null,
    primary key (space_id, user_id, metric_id)
){clustered};

create table metric_day (
    space_id bigint not null,
    user_id bigint not null,
    date {text} not null,
    metric_id {uuid} not null,
    sum bigint not null,
    events bigint not null,
    primary key (space_id, user_id, date, metric_id)
){clustered};

-- The log: appended in the order of the ids. Only events with attributes can match a filter, so
-- only they are found by user.
create table event (
    space_id bigint not null,
    id {uuid} not null,
    user_id bigint not null,
    metric_id {uuid} not null,
    value bigint not null,
    at bigint not null,
    date {text} not null,
    second_of_day bigint not null,
    attributes {json},
    primary key (space_id, id)
){clustered};
create index event_attributes on event (space_id, user_id, metric_id) where attributes is not null;

-- fingerprint: the first 16 bytes of the SHA-256 of the caller's key.
create table idempotency (
    space_id bigint not null,
    user_id bigint not null,
    metric_id {uuid} not null,
    fingerprint {bytes} not null,
    event_id {uuid} not null,
    primary key (space_id, user_id, metric_id, fingerprint)
){clustered};

create table counter (
    space_id bigint not null,
    user_id bigint not null,
    definition_id {uuid} not null,
    sum bigint not null,
    peak bigint not null,
    since bigint not null,
    primary key (space_id, user_id, definition_id)
){clustered};

create table streak (
    space_id bigint not null,
    user_id bigint not null,
    frequency {text} not null,
    length bigint not null,
    started {text},
    met {text},
    extended_at bigint,
    freezes bigint not null,
    earned_to {text} not null,
    open_from {text} not null,
    zone {text},
    settle_at bigint,
    primary key (space_id, user_id)
){clustered};
create index streak_settle on streak (settle_at) where settle_at is not null;

create table streak_period (
    space_id bigint not null,
    user_id bigint not null,
    frequency {text} not null,
    start {text} not null,
    length bigint not null,
    mark {text} not null,
    primary key (space_id, user_id, frequency, start)
){clustered};

create table completion (
    space_id bigint not null,
    user_id bigint not null,
    achievement_id {uuid} not null,
    id {uuid} not null,
    at bigint not null,
    primary key (space_id, user_id, achievement_id)
){clustered};
create index completion_achievement on completion (space_id, achievement_id);

create table ledger_entry (
    space_id bigint not null,
    user_id bigint not null,
    system_id {uuid} not null,
    id {uuid} not null,
    amount bigint not null,
    balance bigint not null,
    at bigint not null,
    date {text} not null,
    trigger_id {uuid} not null,
    event_id {uuid},
    primary key (space_id, user_id, system_id, id)
){clustered};

create table balance (
    space_id bigint not null,
    user_id bigint not null,
    system_id {uuid} not null,
    total bigint not null,
    primary key (space_id, user_id, system_id)
){clustered};

create table board_entry (
    space_id bigint not null,
    board_id {uuid} not null,
    run bigint not null,
    user_id bigint not null,
    value bigint not null,
    reached_at bigint not null,
    breakdown {json},
    primary key (space_id, board_id, run, user_id)
){clustered};

-- Work that goes through the users of a space one after the other. position: the last user done.
create table job (
    space_id bigint not null,
    id {uuid} not null,
    kind {text} not null,
    target {uuid} not null,
    position bigint not null,
    created_at bigint not null,
    primary key (space_id, id)
){clustered};

create table outbox (
    space_id bigint not null,
    id {uuid} not null,
    user_id bigint not null,
    kind {text} not null,
    body {json} not null,
    created_at bigint not null,
    primary key (space_id, id)
){clustered};
