-- What was told of something of which little is to be told, and until when nothing more is. subject: a
-- points system or a board; user_id 0: nobody in particular. told: what waits to be told, or what was
-- told last. due_at: when to look again; null: nothing waits.
create table throttle (
    space_id bigint not null,
    kind {text} not null,
    subject {uuid} not null,
    run bigint not null,
    user_id bigint not null,
    until bigint not null,
    due_at bigint,
    told {json},
    primary key (space_id, kind, subject, run, user_id)
){clustered};
create index throttle_due on throttle (due_at) where due_at is not null;
create index throttle_over on throttle (until) where told is null and due_at is null;
