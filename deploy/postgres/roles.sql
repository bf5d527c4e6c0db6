-- The database of a fleet, and its two roles. One owns the tables. The role that serves can only read and write rows.
-- Run it once, as the superuser:
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
