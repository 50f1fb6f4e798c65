-- How far pauses and corrections of a user reach: whoever has none from a date on needs none looked up.
alter table streak add column paused_to {text};
alter table streak add column corrected_on {text};

-- Times in which a user's streak loses nothing. archived_on: the date on which it was taken back.
create table streak_pause (
    space_id bigint not null,
    user_id bigint not null,
    id {uuid} not null,
    start {text} not null,
    last {text} not null,
    archived_on {text},
    primary key (space_id, user_id, id)
){clustered};
create index streak_pause_id on streak_pause (space_id, id);

-- Streaks that were reset or given back by hand. counted: the day sums of then, which a reset
-- streak counts no more; null: the length was given back.
create table streak_correction (
    space_id bigint not null,
    user_id bigint not null,
    at bigint not null,
    date {text} not null,
    frequency {text} not null,
    length bigint not null,
    started {text},
    counted {json},
    primary key (space_id, user_id, at)
){clustered};
