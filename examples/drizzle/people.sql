create table people (
  id text primary key,
  email text not null unique,
  proven integer not null default 0,
  password_hash text,
  roles text not null default '[]',
  disabled integer not null default 0
);
