-- Events of batches that were acknowledged and are not carried out yet, in the order of their ids.
-- body: the item as it was sent.
create table queued_event (
    id {uuid} not null primary key,
    space_id bigint not null,
    user_external_id {text} not null,
    body {text} not null,
    arrived_at bigint not null
){clustered};
