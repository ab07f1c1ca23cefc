/**
 * Steps that bring an empty or older database up to date, in order. A released step is never edited: a new one is
 * added. Each runs in one transaction.
 */
export const migrations: readonly { readonly version: number; readonly sql: string }[] = [
  {
    version: 1,
    sql: inByteOrder(`
create table exports (
  customer text not null, fingerprint text not null, modified_ms bigint not null,
  first_read_ms bigint not null, last_read_ms bigint not null,
  rows integer not null, usable integer not null, rejected integer not null,
  per_value jsonb not null, complete boolean not null, reasons jsonb not null,
  primary key (customer, fingerprint, modified_ms)
);
create index exports_recent on exports (customer, last_read_ms);

create table platforms (
  customer text not null, platform text not null,
  last_good_run text, last_good_ms bigint, last_accounts integer, last_members jsonb not null default '{}',
  paused_ms bigint, paused_until_ms bigint, pause_reason text, paused_by text, last_slot_ms bigint,
  lease_owner text, lease_until_ms bigint,
  primary key (customer, platform)
);

create table runs (
  id text primary key, customer text not null, platform text not null, person text,
  trigger text not null, actor text, slot_ms bigint, status text not null, approval text,
  created_ms bigint not null, started_ms bigint, planned_ms bigint, ended_ms bigint,
  hash text, planned jsonb not null, applied jsonb not null, failed jsonb not null, held jsonb not null,
  reasons jsonb not null, notes jsonb not null default '[]',
  rejected integer not null default 0, review integer not null default 0,
  managed integer not null default 0, accounts integer not null default 0, members jsonb not null default '{}',
  reads integer not null default 0, writes integer not null default 0,
  hold_expires_ms bigint, decided text, decided_by text, decided_ms bigint, undoes text
);
create index runs_ended on runs (ended_ms);
create index runs_of_platform on runs (customer, platform, created_ms desc);
create index runs_open on runs (customer, created_ms) where ended_ms is null;
create index runs_of_slot on runs (customer, platform, slot_ms) where slot_ms is not null;

create table changes (
  run_id text not null, seq integer not null,
  customer text not null, platform text not null,
  kind text not null, person text not null, target text, ref jsonb not null, before jsonb, after jsonb,
  changed jsonb not null, reason text not null, fingerprint text not null, disposition text not null,
  batch integer, approved boolean not null default false, row_hash text, link jsonb,
  primary key (run_id, seq)
);
create index changes_of_batch on changes (run_id, batch);
-- Nobody searches by these: statistics of them are most of what an ANALYZE costs.
alter table changes alter column ref set statistics 0, alter column before set statistics 0,
  alter column after set statistics 0, alter column changed set statistics 0, alter column link set statistics 0,
  alter column fingerprint set statistics 0;
create index changes_of_person on changes (person, customer);

create table outcomes (
  run_id text not null, seq integer not null,
  outcome text not null, outcome_code text, outcome_message text, done_ms bigint not null,
  primary key (run_id, seq)
);

create table batches (
  run_id text not null, batch integer not null,
  customer text not null, platform text not null, stage integer not null,
  operation text not null, target text, size integer not null,
  status text not null, attempts integer not null default 0, sent_ms bigint,
  reads integer not null default 0, writes integer not null default 0, applied_ms bigint,
  primary key (run_id, batch)
);
create index batches_open on batches (run_id, stage) where status <> 'done';
-- A batch that went through as a whole is one row, not one for each of its changes.
create view journal as
  select c.*, coalesce(o.outcome, case when b.applied_ms is not null then 'done' end) as outcome,
    o.outcome_code, o.outcome_message, coalesce(o.done_ms, b.applied_ms) as done_ms
  from changes c left join outcomes o using (run_id, seq) left join batches b on b.run_id = c.run_id and b.batch = c.batch;

create table links (
  customer text not null, platform text not null, person text not null,
  account_id text, external_id text, email text,
  written_hash double precision, email_hash double precision, confirmed_hash double precision,
  linked_ms bigint not null, run_id text,
  primary key (customer, platform, person)
);
create index links_by_external_id on links (customer, platform, external_id) where external_id is not null;
create index links_by_email on links (customer, platform, email) where email is not null;
create unique index links_one_account on links (account_id, platform, customer) where account_id is not null;

create table aliases (
  customer text not null, platform text not null, key text not null, person text not null,
  primary key (customer, platform, key)
);

create table absences (
  customer text not null, person text not null, exports integer not null, since_ms bigint not null, last_export text not null,
  primary key (customer, person)
);
create table rejected_people (
  customer text not null, person text not null, exports integer not null, since_ms bigint not null,
  last_export text not null, code text not null,
  primary key (customer, person)
);
create table rejected_rows (
  customer text not null, export text not null, line integer not null, person text, field text, code text not null,
  message text not null
);
create index rejected_rows_of_export on rejected_rows (customer, export);

create table reviews (
  customer text not null, platform text not null, person text not null, code text not null,
  accounts jsonb not null, since_ms bigint not null, run_id text not null,
  primary key (customer, platform, person)
);

create table suppressions (
  id text primary key, customer text not null, platform text not null, person text not null, kind text not null,
  fingerprint text, target text, row_hash text, until_ms bigint, cause text not null, actor text not null,
  created_ms bigint not null, run_id text not null
);
create index suppressions_of_platform on suppressions (customer, platform);

create table approvals (
  id text primary key, customer text not null, platform text not null, run_id text not null, hash text not null,
  people jsonb, actor text not null, via text not null, created_ms bigint not null, expires_ms bigint not null, used_by text
);

create table alerts (
  customer text not null, key text not null, platform text, alert jsonb not null,
  began_ms bigint not null, last_sent_ms bigint not null,
  primary key (customer, key)
);
create table outbox (
  id text primary key, customer text not null, message jsonb not null, channels jsonb not null,
  created_ms bigint not null, next_ms bigint not null, tries integer not null
);

create table results (
  customer text not null, platform text not null, key text not null, person text, account text not null,
  target text not null, target_name text not null, status text not null, score double precision, at text,
  raw_status text not null, read_ms bigint not null,
  primary key (customer, platform, key)
);
create index results_of_person on results (customer, platform, person);
create index results_in_order on results (customer, platform, target, key);
create table result_reads (
  customer text not null, platform text not null, began_ms bigint not null,
  primary key (customer, platform)
);
create table completions (
  customer text not null, platform text not null, target text not null, course text not null, person text not null,
  seen_ms bigint not null,
  primary key (customer, platform, target, course, person)
);
create index completions_of_person on completions (customer, platform, person);

create table launches (
  customer text not null, platform text not null, target text not null, name text not null, training text not null,
  state text not null, enrollment_id text, reach integer not null, run_id text not null, changed_ms bigint not null,
  rule text not null, held boolean not null default false, sent_ms bigint,
  approved_reach integer, approved_by text, approved_ms bigint,
  primary key (customer, platform, target, name, training)
);

create table pacers (name text primary key, sent_ms jsonb not null, paused_until_ms bigint not null);
`),
  },
  {
    version: 2,
    sql: inByteOrder(`
-- Fences: the number of a lease is raised at each take-over; runs and batches carry the one that they are performed under.
alter table platforms add lease_number bigint not null default 0;
alter table runs add lease_number bigint;
alter table batches add lease_number bigint, add sender text, add lasts_ms integer, add quiet_until_ms bigint;
create index batches_busy on batches (customer, platform) where sender is not null;
`),
  },
  {
    version: 3,
    sql: `
alter table batches add limited_since_ms bigint;
alter table pacers add asked_until_ms bigint;
`,
  },
  {
    version: 4,
    sql: inByteOrder(`
create table tenants (tenant text primary key, customer text not null, platform text not null, claimed_ms bigint not null);
`),
  },
  {
    version: 5,
    // An export that lacks its last line break is torn where the one before had it.
    sql: `alter table exports add column ends_in_line boolean not null default false;`,
  },
  {
    version: 6,
    sql: inByteOrder(`
create table look_parts (
  customer text not null, hash text not null, bytes bytea not null, used_ms bigint not null,
  primary key (customer, hash)
);
-- Packed already.
alter table look_parts alter column bytes set storage external;
create table looks (
  customer text not null, platform text not null, part text not null, name text not null, standing text not null,
  ids text not null, cells text not null, people integer not null, filled integer not null, shared jsonb not null,
  encoding text not null, export text not null, run_id text not null, taken_ms bigint not null,
  primary key (customer, platform, part, name, standing)
);
alter table changes add column cause jsonb;
create or replace view journal as
  select c.run_id, c.seq, c.customer, c.platform, c.kind, c.person, c.target, c.ref, c.before, c.after, c.changed,
    c.reason, c.fingerprint, c.disposition, c.batch, c.approved, c.row_hash, c.link,
    coalesce(o.outcome, case when b.applied_ms is not null then 'done' end) as outcome,
    o.outcome_code, o.outcome_message, coalesce(o.done_ms, b.applied_ms) as done_ms, c.cause
  from changes c left join outcomes o using (run_id, seq) left join batches b on b.run_id = c.run_id and b.batch = c.batch;
`),
  },
  {
    version: 7,
    sql: inByteOrder(`
create table rejections (
  id text primary key, customer text not null, platform text not null, run_id text not null, actor text not null, via text not null,
  reason text, changes integer not null, until_ms bigint not null, created_ms bigint not null,
  withdrawn_by text, withdrawn_ms bigint
);
create index rejections_of_run on rejections (run_id);
`),
  },
  {
    version: 8,
    sql: inByteOrder(`
create table tokens (
  digest text primary key, customer text not null, name text not null, role text not null,
  created_ms bigint not null, created_by text not null, last_used_ms bigint, revoked_ms bigint
);
create unique index tokens_in_use on tokens (customer, name) where revoked_ms is null;
`),
  },
  {
    version: 9,
    // What a platform does not say of an account is as we left it.
    sql: `alter table links add column deactivated boolean not null default false;`,
  },
  {
    version: 10,
    // What targets were called: a reviewer reads names.
    sql: `alter table runs add column target_names jsonb not null default '{}';`,
  },
  {
    version: 11,
    // The rules of the last good run: a plan says which of them changed since.
    sql: `alter table platforms add column rules jsonb not null default '{}';`,
  },
  {
    version: 12,
    // Asking running services to look at their files.
    sql: inByteOrder(`
create table reloads (id text primary key, asked_ms bigint not null);
create table reload_answers (
  reload text not null, instance text not null, lines jsonb not null, done_ms bigint not null,
  primary key (reload, instance)
);
`),
  },
  {
    version: 13,
    // A roster of several deliveries: each has its own past, and people whom it had last.
    sql: inByteOrder(`
alter table exports add column part text not null default '', drop constraint exports_pkey;
alter table exports add primary key (customer, part, fingerprint, modified_ms);
alter table rejected_rows add column part text not null default '';
alter table rejected_people add column part text not null default '';
create table roster_parts (
  customer text not null, part text not null, people integer not null, ids bytea not null, saved_ms bigint not null,
  primary key (customer, part)
);
-- Packed already.
alter table roster_parts alter column ids set storage external;
`),
  },
];

/**
 * Text columns are compared byte by byte, whatever the database's language: keys sort the same everywhere, and a
 * comparison costs a fraction of one by the rules of a language.
 */
function inByteOrder(statements: string): string {
  return statements.replace(/\btext\b/g, 'text collate "C"');
}
