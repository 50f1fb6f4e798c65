-- is_claimed: somebody is sending it and has until due_at to say what came of it. attempts_before:
-- attempts that do not count: those before it was replayed, and those that broke off with their process.
alter table delivery add column is_claimed boolean not null default false;
alter table delivery add column attempts_before bigint not null default 0;

-- What is due at one endpoint, however much waits at the others.
drop index delivery_due;
create index delivery_due_at_endpoint on delivery (endpoint_id, due_at) where due_at is not null;
create index delivery_of_endpoint on delivery (endpoint_id, created_at);
