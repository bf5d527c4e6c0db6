-- As the owner of Ampho's tables, after `ampho db-up`. A server of another role needs: grant select, insert on notes to app;
create table notes (user_id text not null references ampho_users (id) on delete cascade, text text not null);
create index on notes (user_id);
