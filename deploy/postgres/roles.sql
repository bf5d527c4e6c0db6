-- The database of a fleet, and its two roles: one owns the tables, the one that serves reads and writes rows, and nothing
-- else. As the superuser, once:
--   psql -v owner_password=… -v runtime_password=… -f roles.sql
create role ampho_owner login password :'owner_password';
create role ampho login password :'runtime_password';
create database ampho template template0 encoding 'UTF8';
\connect ampho
create schema ampho authorization ampho_owner;
grant usage on schema ampho to ampho;
alter role ampho_owner in database ampho set search_path = ampho;
alter role ampho in database ampho set search_path = ampho;
alter default privileges for role ampho_owner in schema ampho
  grant select, insert, update, delete on tables to ampho;
