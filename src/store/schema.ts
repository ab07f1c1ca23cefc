import type { AccountFields, AccountRef } from '../account.ts';
import type { Cause, ChangeCounts, ChangeKind } from '../change.ts';

/** What ended, or what is happening, with a run. */
export type RunStatus =
  | 'waiting'
  | 'reading'
  | 'planned'
  | 'applying'
  | 'unchanged'
  | 'applied'
  | 'held'
  | 'withheld'
  | 'partial'
  | 'failed'
  | 'cancelled';

/** Statuses in which a run still has something to do. */
export const openStatuses = [
  'waiting',
  'reading',
  'planned',
  'applying',
] as const satisfies readonly RunStatus[];

/** Why a run was started. */
export type RunTrigger = 'schedule' | 'command' | 'resync' | 'approval' | 'undo' | 'catch-up';

/** A reason of a run's status: a stable code and a sentence with the numbers. */
export type RunReason = {
  readonly code: string;
  readonly message: string;
  /** The same for those who must not see values of the roster: on-call. Left out where the message has none. */
  readonly brief?: string;
  /** The part of the roster that it is of, where there are several. */
  readonly part?: string;
};

/** Where a change of a plan stands before it is sent. */
export type Disposition = 'apply' | 'held' | 'rejected' | 'expired' | 'released';

/** How a change ended. Every change that is applied gets exactly one. */
export type Outcome = 'done' | 'failed' | 'skipped' | 'unknown';

type Meta = { key: string; value: string };

type Exports = {
  customer: string;
  /** The part of the roster; '' is the only one. */
  part: string;
  fingerprint: string;
  modified_ms: number;
  first_read_ms: number;
  last_read_ms: number;
  rows: number;
  usable: number;
  rejected: number;
  per_value: Record<string, number>;
  complete: boolean;
  reasons: RunReason[];
  ends_in_line: boolean;
};

type Platforms = {
  customer: string;
  platform: string;
  last_good_run: string | null;
  last_good_ms: number | null;
  last_accounts: number | null;
  last_members: Record<string, number>;
  /** The rules of the last good run, by what they are of. */
  rules: Record<string, string>;
  paused_ms: number | null;
  paused_until_ms: number | null;
  pause_reason: string | null;
  paused_by: string | null;
  /** The last slot of the schedule that was taken care of; slots after it are due. */
  last_slot_ms: number | null;
  lease_owner: string | null;
  /** By the database's clock, as everything about leases. */
  lease_until_ms: number | null;
  /** Raised whenever somebody else takes the lease. */
  lease_number: number;
};

type Runs = {
  id: string;
  customer: string;
  platform: string;
  person: string | null;
  trigger: RunTrigger;
  actor: string | null;
  slot_ms: number | null;
  status: RunStatus;
  approval: string | null;
  created_ms: number;
  started_ms: number | null;
  planned_ms: number | null;
  ended_ms: number | null;
  hash: string | null;
  planned: ChangeCounts;
  applied: ChangeCounts;
  failed: ChangeCounts;
  held: ChangeCounts;
  reasons: RunReason[];
  rejected: number;
  review: number;
  managed: number;
  accounts: number;
  /** Members of each target, as read. */
  members: Record<string, number>;
  /** What each target was called, by the platform's id of it. */
  target_names: Record<string, string>;
  reads: number;
  writes: number;
  hold_expires_ms: number | null;
  /** What became of the hold: `approved`, `rejected` or `replaced`; null while it waits. */
  decided: string | null;
  /** Who decided, and from where. */
  decided_by: string | null;
  decided_ms: number | null;
  notes: RunReason[];
  /** The run that this one takes back. */
  undoes: string | null;
  /** The number of the lease under which it is performed; a process that has another one writes nothing of it. */
  lease_number: number | null;
};

type Changes = {
  run_id: string;
  seq: number;
  customer: string;
  platform: string;
  kind: ChangeKind;
  person: string;
  target: string | null;
  ref: AccountRef;
  before: AccountFields | null;
  after: AccountFields | null;
  changed: string[];
  reason: string;
  fingerprint: string;
  disposition: Disposition;
  batch: number | null;
  approved: boolean;
  row_hash: string | null;
  link: LinkFacts | null;
  /** Why a held change came up; null for all others. */
  cause: Cause | null;
};

type Outcomes = {
  run_id: string;
  seq: number;
  outcome: Outcome;
  outcome_code: string | null;
  outcome_message: string | null;
  done_ms: number;
};

/** A view: each change with its outcome, if it has one. */
type Journal = Changes & { [Column in keyof Omit<Outcomes, 'run_id' | 'seq'>]: Outcomes[Column] | null };

/** What a link has to remember once the change has been applied. */
export type LinkFacts = { readonly writtenHash: number | null; readonly emailHash: number | null };

type Batches = {
  run_id: string;
  batch: number;
  customer: string;
  platform: string;
  stage: number;
  operation: string;
  target: string | null;
  size: number;
  status: 'pending' | 'sending' | 'done';
  attempts: number;
  /** Requests of all attempts. */
  reads: number;
  writes: number;
  sent_ms: number | null;
  /** Since when its requests are answered 429 and nothing else. */
  limited_since_ms: number | null;
  /** When its changes were applied, all those without an outcome of their own. */
  applied_ms: number | null;
  /** The lease under which it was taken up last. */
  lease_number: number | null;
  /** The process that has taken it up and has not said how that ended. */
  sender: string | null;
  /** How long a request of that process may be on its way after it was allowed. */
  lasts_ms: number | null;
  /** Until when, by the database's clock, a request of the process before that one may be on its way. */
  quiet_until_ms: number | null;
};

type Links = {
  customer: string;
  platform: string;
  person: string;
  account_id: string | null;
  external_id: string | null;
  email: string | null;
  written_hash: number | null;
  email_hash: number | null;
  confirmed_hash: number | null;
  deactivated: boolean;
  linked_ms: number;
  run_id: string | null;
};

type Aliases = { customer: string; platform: string; person: string; key: string };

type Absences = { customer: string; person: string; exports: number; since_ms: number; last_export: string };

type RejectedPeople = {
  customer: string;
  person: string;
  exports: number;
  since_ms: number;
  last_export: string;
  code: string;
  part: string;
};

type RejectedRows = {
  customer: string;
  part: string;
  export: string;
  line: number;
  person: string | null;
  field: string | null;
  code: string;
  message: string;
};

type Reviews = {
  customer: string;
  platform: string;
  person: string;
  code: string;
  accounts: string[];
  since_ms: number;
  run_id: string;
};

type Suppressions = {
  id: string;
  customer: string;
  platform: string;
  person: string;
  kind: ChangeKind;
  fingerprint: string | null;
  target: string | null;
  row_hash: string | null;
  until_ms: number | null;
  cause: 'rejected' | 'undone';
  actor: string;
  created_ms: number;
  run_id: string;
};

type Approvals = {
  id: string;
  customer: string;
  platform: string;
  run_id: string;
  hash: string;
  people: string[] | null;
  actor: string;
  via: string;
  created_ms: number;
  expires_ms: number;
  used_by: string | null;
};

/** A hold that was turned down: by whom and why, and who took that back. */
type Rejections = {
  id: string;
  customer: string;
  platform: string;
  run_id: string;
  actor: string;
  via: string;
  reason: string | null;
  changes: number;
  until_ms: number;
  created_ms: number;
  withdrawn_by: string | null;
  withdrawn_ms: number | null;
};

/** A token of the control API that a command made; the token itself is kept nowhere. */
type Tokens = {
  /** SHA-256, in hex. */
  digest: string;
  customer: string;
  name: string;
  role: 'viewer' | 'operator';
  created_ms: number;
  created_by: string;
  last_used_ms: number | null;
  revoked_ms: number | null;
};

type Alerts = {
  customer: string;
  key: string;
  platform: string | null;
  alert: unknown;
  began_ms: number;
  last_sent_ms: number;
};

type Outbox = {
  id: string;
  customer: string;
  message: unknown;
  channels: number[];
  created_ms: number;
  next_ms: number;
  tries: number;
};

type Results = {
  customer: string;
  platform: string;
  key: string;
  person: string | null;
  account: string;
  target: string;
  target_name: string;
  status: 'completed' | 'open';
  score: number | null;
  at: string | null;
  raw_status: string;
  read_ms: number;
};

type Launches = {
  customer: string;
  platform: string;
  target: string;
  name: string;
  training: string;
  state: 'creating' | 'created' | 'sending' | 'sent' | 'unknown';
  enrollment_id: string | null;
  reach: number;
  run_id: string;
  changed_ms: number;
  /** What the configuration said when it was created: tells without a request that nothing is left to do. */
  rule: string;
  /** The send waits for an approval: it would pass the limit on `enroll`. */
  held: boolean;
  sent_ms: number | null;
  /** Most people whom an approved send may reach. */
  approved_reach: number | null;
  approved_by: string | null;
  approved_ms: number | null;
};

type ResultReads = { customer: string; platform: string; began_ms: number };

type Completions = {
  customer: string;
  platform: string;
  target: string;
  /** What the target trained then: the training or campaign of its rule, '' where the target is one itself. */
  course: string;
  person: string;
  seen_ms: number;
};

/** Whom a part of the roster had last: hashes of their ids, packed. */
type RosterParts = { customer: string; part: string; people: number; ids: Buffer; saved_ms: number };

/** One compressed list of a look; shared by all platforms whose look at the export is the same. */
type LookParts = { customer: string; hash: string; bytes: Buffer; used_ms: number };

/**
 * What a column looked like: in the last good export (`measure`), in the one whose changes are held (`pending`), or in one
 * that is in doubt without anything to hold (`doubted`).
 */
type Looks = {
  customer: string;
  platform: string;
  /** The part of the roster; '' is the only one. */
  part: string;
  name: string;
  standing: 'measure' | 'pending' | 'doubted';
  ids: string;
  cells: string;
  people: number;
  filled: number;
  /** Values that are nobody's in particular, by their hash. */
  shared: Record<string, string>;
  encoding: string;
  export: string;
  run_id: string;
  taken_ms: number;
};

type Pacers = {
  name: string;
  sent_ms: number[];
  /** On the database's clock, where slots are kept here. */
  paused_until_ms: number;
  /** Until when the platform asked to wait, on the clock of runs, wherever slots are kept. For people to read. */
  asked_until_ms: number | null;
};

type Reloads = { id: string; asked_ms: number };

type ReloadAnswers = { reload: string; instance: string; lines: unknown; done_ms: number };

type Tenants = { tenant: string; customer: string; platform: string; claimed_ms: number };

/** All tables, for Kysely. Times are milliseconds since 1970 (`_ms`), so that tests can drive the clock. */
export type Tables = {
  meta: Meta;
  exports: Exports;
  platforms: Platforms;
  runs: Runs;
  changes: Changes;
  outcomes: Outcomes;
  journal: Journal;
  batches: Batches;
  links: Links;
  aliases: Aliases;
  absences: Absences;
  rejected_people: RejectedPeople;
  rejected_rows: RejectedRows;
  reviews: Reviews;
  suppressions: Suppressions;
  approvals: Approvals;
  rejections: Rejections;
  tokens: Tokens;
  alerts: Alerts;
  outbox: Outbox;
  results: Results;
  result_reads: ResultReads;
  completions: Completions;
  launches: Launches;
  pacers: Pacers;
  tenants: Tenants;
  reloads: Reloads;
  reload_answers: ReloadAnswers;
  roster_parts: RosterParts;
  looks: Looks;
  look_parts: LookParts;
};
