-- Tenants, the people who act for them, and the parties that cases are about.
-- Every root of an aggregate ends in three columns that only capture.sql writes:
--   version     rises by one with each change, under the row's lock; commands compare it
--   change      what the last transaction did, by the name in the aggregate's contract
--   changed_in  that transaction

set local role distributary_owner;
set local search_path = canonical;

create table tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null check (name <> ''),
  kind text not null check (kind in ('bureau', 'company')),
  suspended boolean not null default false,
  created_at timestamptz not null default now(),

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (id, kind)
);
create unique index one_bureau on tenants (kind) where kind = 'bureau';

-- People have no tenant: a membership says for whom they may act.
create table users (
  id uuid primary key default gen_random_uuid(),
  display_name text not null check (display_name <> ''),
  email text unique,
  created_at timestamptz not null default now()
);

create table memberships (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  tenant_kind text not null,
  user_id uuid not null references users (id),
  role text not null check (role in ('investigator', 'supervisor', 'analyst', 'company-user')),
  valid_from timestamptz not null default now(),
  valid_to timestamptz,

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (tenant_id, id),
  foreign key (tenant_id, tenant_kind) references tenants (id, kind),
  constraint role_fits_tenant check ((tenant_kind = 'company') = (role = 'company-user')),
  constraint membership_ends_after_it_began check (valid_to > valid_from),
  constraint one_role_at_a_time exclude using gist
    (tenant_id with =, user_id with =, tstzrange(valid_from, valid_to) with &&)
);
create index on memberships (user_id, id);

create table parties (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  kind text not null check (kind in ('company', 'person', 'authority')),
  name text not null check (name <> ''),
  email text,
  zip text,
  us_state text,
  created_at timestamptz not null default now(),

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (tenant_id, id)
);
