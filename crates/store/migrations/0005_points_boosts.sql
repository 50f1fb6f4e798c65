-- The boosts that multiplied an award: a list of ids; null: none.
alter table ledger_entry add column boosts {json};
