import { sql } from 'kysely';
import { type AlertStore, createAlertStore } from './alert-state.ts';
import { type BatchStore, createBatchStore } from './batches.ts';
import type { Database } from './database.ts';
import { createDecisionStore, type DecisionStore } from './decisions.ts';
import { type History, readHistory } from './history.ts';
import { createJournalStore, type JournalStore } from './journal.ts';
import { createLeaseStore, databaseClock, type LeaseStore } from './leases.ts';
import { createLinkStore, type LinkStore } from './links.ts';
import { createLookStore, type LookStore } from './looks.ts';
import { createOverviewStore, type OverviewStore } from './overview.ts';
import { createPacerSlots, type PacerSlots } from './pacer-slots.ts';
import { createPlanStore, type PlanStore } from './plans.ts';
import { createPlatformStore, type PlatformStore } from './platforms.ts';
import { createLaunchStore, createResultStore, type LaunchStore, type ResultStore } from './results.ts';
import { applyRetention, type Retention } from './retention.ts';
import { createReloadStore, type ReloadStore } from './reloads.ts';
import { createRosterPartStore, type RosterPartStore } from './roster-parts.ts';
import { createRosterStateStore, type RosterStateStore } from './roster-state.ts';
import { createTenantStore, type TenantStore } from './tenants.ts';
import { createTokenStore, type TokenStore } from './tokens.ts';
import { createRunStore, type RunStore } from './runs.ts';
import { createStoredTimes, type StoredTimes } from './times.ts';

/** Everything Rollcall remembers. The one place with SQL, and with people in it. */
export type Store = {
  readonly database: Database;
  readonly times: StoredTimes;
  readonly runs: RunStore;
  readonly plans: PlanStore;
  readonly batches: BatchStore;
  readonly journal: JournalStore;
  readonly links: LinkStore;
  readonly platforms: PlatformStore;
  readonly leases: LeaseStore;
  readonly roster: RosterStateStore & RosterPartStore;
  readonly decisions: DecisionStore;
  readonly alerts: AlertStore;
  readonly results: ResultStore;
  readonly launches: LaunchStore;
  readonly pacers: PacerSlots;
  readonly tenants: TenantStore;
  readonly tokens: TokenStore;
  readonly looks: LookStore;
  readonly reloads: ReloadStore;
  readonly overview: OverviewStore;
  /** What happened to a customer since then, for pictures. */
  readonly history: (customer: string, sinceMs: number) => Promise<History>;
  readonly retain: (customer: string, retention: Retention, nowMs: number) => Promise<number>;
  /** Writes a few bytes; fails where the database cannot be written, or refused a write of anybody here a moment ago. */
  readonly ping: () => Promise<void>;
};

/** The store on an open database. `now`: the clock that stored times are held against. */
export function createStore(database: Database, now: () => number = Date.now): Store {
  const { db } = database;
  const times = createStoredTimes(now);
  return {
    database,
    times,
    runs: createRunStore(db, times),
    plans: createPlanStore(db),
    batches: createBatchStore(db),
    journal: createJournalStore(db),
    links: createLinkStore(db),
    platforms: createPlatformStore(db, times),
    leases: createLeaseStore(db),
    roster: { ...createRosterStateStore(db, times), ...createRosterPartStore(db) },
    decisions: createDecisionStore(db, times),
    alerts: createAlertStore(db, times),
    results: createResultStore(db, times),
    launches: createLaunchStore(db),
    pacers: createPacerSlots(db),
    tenants: createTenantStore(db),
    tokens: createTokenStore(db),
    looks: createLookStore(db),
    reloads: createReloadStore(db),
    overview: createOverviewStore(db),
    history: (customer, sinceMs) => readHistory(db, customer, sinceMs),
    retain: (customer, retention, nowMs) => applyRetention(db, customer, retention, nowMs),
    ping: async () => {
      await sql`insert into rollcall.meta as m values ('probe', ${databaseClock}::text)
        on conflict (key) do update set value = excluded.value`.execute(db);
      if (!(await database.hasRoom()))
        throw Object.assign(new Error('the disk of the database is full'), { code: '53100' });
      const refusal = database.refusal();
      if (refusal !== null) throw refusal;
    },
  };
}
