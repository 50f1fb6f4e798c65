-- How far the messages to a user have come (engine::reminder::Reminders as JSON). Only in spaces
-- from which somebody wants to know of messages.
create table reminder (
    space_id bigint not null,
    user_id bigint not null,
    body {json} not null,
    primary key (space_id, user_id)
){clustered};
