-- The user's time of day at an award, in seconds since 00:00: boards may count a part of the day only.
-- Null: no award, or one from before this that no event led to.
alter table ledger_entry add column second_of_day bigint;
update ledger_entry set second_of_day = (
    select e.second_of_day from event e
    where e.space_id = ledger_entry.space_id and e.id = ledger_entry.event_id
) where event_id is not null and state is null;

-- Where users stood in a run of a board at the end of a local date, if it differs from the row before.
-- Null: not among those who are shown. is_last: no later row of the same user in the same run follows.
create table board_day (
    space_id bigint not null,
    board_id {uuid} not null,
    run bigint not null,
    user_id bigint not null,
    date {text} not null,
    rank bigint,
    value bigint,
    is_last boolean not null,
    primary key (space_id, board_id, run, user_id, date)
){clustered};
create index board_day_last on board_day (space_id, board_id, run) where is_last and rank is not null;

-- Up to which instant the ends of local dates have been looked at; null: never.
alter table space add column board_days_to bigint;
