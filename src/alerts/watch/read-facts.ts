import type { Store } from '../../store/store.ts';
import { askedToWait } from '../../jobs/pace/asked.ts';
import type { Schedule } from '../../jobs/schedule/beat.ts';
import { cronSchedule } from '../../jobs/schedule/cron.ts';
import { createRosterKeys } from '../../jobs/service/roster-keys.ts';
import type { Customer, Part, Platform } from '../../jobs/customer.ts';
import {
  type CustomerFacts,
  keyWarningMs,
  type PlatformFacts,
  pauseOutlivedAtMs,
  rejectedInARow,
} from '../conditions/facts.ts';
import { commandSuffix } from '../conditions/words.ts';

/** Scheduled reads of the same content before on-call hears of it. */
const sameContentReads = 3;
/** Missed slots after which a platform is stale, where `staleAfter` is not set. */
const missedSlots = 2;
/** A slot counts as missed when its run has not come through this long after it (or after half the distance of slots). */
const slotGraceMs = 3_600_000;
/** People of one state that are kept one by one; beyond that the platform as a whole is in trouble. */
const mostPeople = 2_000;
const recentExports = 40;
const dayMs = 24 * 3_600_000;

/** Gathers what alerts look at. `sinceMs`: since when the customer is watched, for platforms that never ran. */
export type FactsReader = (
  customer: Customer,
  nowMs: number,
  sinceMs: number,
) => Promise<{
  readonly facts: CustomerFacts;
  /** When time alone changes what holds; null when only a run can. */
  readonly nextMs: number | null;
}>;

/** Reads facts from the store; what never changes (schedules, failed items of an ended run) is read once. */
export function createFactsReader(store: Store): FactsReader {
  const keysOf = createRosterKeys();
  const schedules = new Map<string, Schedule | null>();
  const failures = new Map<string, { readonly run: string; readonly people: PlatformFacts['failing'] }>();

  function scheduleOf(key: string, cron: string | undefined, timezone: string): Schedule | null {
    // The configuration may change while the service runs.
    const of = `${key}\n${cron}\n${timezone}`;
    const known = schedules.get(of);
    if (known !== undefined) return known;
    const schedule = cron === undefined ? null : cronSchedule(cron, timezone, key);
    schedules.set(of, schedule);
    return schedule;
  }

  function staleAtMs(customer: Customer, platform: Platform, baseMs: number): number | null {
    const { staleAfter, schedule: cron, timezone, jitter } = platform.config;
    if (staleAfter !== undefined) return baseMs + staleAfter;
    const schedule = scheduleOf(`${customer.name}.platforms.${platform.name}.schedule`, cron, timezone);
    if (schedule === null) return null;
    let before = baseMs;
    let slot = baseMs;
    for (let missed = 0; missed < missedSlots; missed++) {
      const next = schedule.next(slot);
      if (next === null) return null;
      before = slot;
      slot = next;
    }
    const waits = customer.parts.map(({ config }) => (config.expected === undefined ? 0 : config.waitFor));
    const graceMs = Math.min(slotGraceMs, (slot - before) / 2);
    return slot + graceMs + jitter + Math.max(...waits);
  }

  async function failingOf(
    key: string,
    run: string | undefined,
    any: boolean,
  ): Promise<PlatformFacts['failing']> {
    if (run === undefined || !any) return [];
    const known = failures.get(key);
    if (known?.run === run) return known.people;
    const people = await store.journal.failedPeople(run, mostPeople);
    failures.set(key, { run, people });
    return people;
  }

  /** The parts whose content has been the same for longer than a roster's should, and since when. */
  async function unchanged(customer: Customer, nowMs: number): Promise<CustomerFacts['unchanged']> {
    const found: { part: string; sinceMs: number }[] = [];
    for (const part of customer.parts) {
      const sinceMs = await unchangedSince(customer, part, nowMs);
      if (sinceMs !== null) found.push({ part: part.name, sinceMs });
    }
    return found;
  }

  /** Since when a part has had the content it has now, if that is longer than a roster should. */
  async function unchangedSince(customer: Customer, part: Part, nowMs: number): Promise<number | null> {
    const exports = await store.roster.recentExports(customer.name, part.name, recentExports);
    const [newest] = exports;
    if (newest === undefined) return null;
    let sinceMs = newest.first_read_ms;
    for (const read of exports) {
      if (read.fingerprint !== newest.fingerprint) break;
      sinceMs = Math.min(sinceMs, read.first_read_ms);
    }
    const { expected, key } = part.config;
    if (expected !== undefined && 'cron' in expected) {
      const schedule = scheduleOf(`${customer.name}.${key}.expected`, expected.cron, expected.timezone);
      let due: number | null = sinceMs;
      for (let count = 0; count < sameContentReads && due !== null; count++)
        due = schedule?.next(due) ?? null;
      return due !== null && newest.last_read_ms >= due + expected.grace ? sinceMs : null;
    }
    if (nowMs - sinceMs < (sameContentReads - 0.5) * dayMs) return null;
    return (await store.runs.scheduledDaysSince(customer.name, sinceMs)) >= sameContentReads ? sinceMs : null;
  }

  return async (customer, nowMs, sinceMs) => {
    const { name } = customer;
    const names = [...customer.platforms.keys()];
    const rows = new Map((await store.platforms.all(name)).map((row) => [row.platform, row]));
    const last = new Map((await store.runs.latest(name, names)).map((run) => [run.platform, run]));
    const failed = [...last.values()].filter(({ status }) => status === 'failed').map((run) => run.platform);
    const through = new Map([...last].filter(([, run]) => run.status !== 'failed'));
    for (const run of await store.runs.latest(name, failed, true)) through.set(run.platform, run);
    const heldRuns = await store.runs.held(name);
    const reviews = Map.groupBy(await store.decisions.reviews(name), (review) => review.platform);
    const rejections = Map.groupBy(
      await store.overview.rejections([name], nowMs),
      (rejection) => rejection.platform,
    );
    const launches = Map.groupBy(await store.launches.waiting(name), (launch) => launch.platform);

    const asked = await askedToWait(store.pacers, customer.platforms.values(), nowMs);

    const platforms: PlatformFacts[] = [];
    const nextMs: number[] = [];
    for (const platform of customer.platforms.values()) {
      const row = rows.get(platform.name);
      const came = through.get(platform.name);
      // What some items or a mode kept from being in step has come through all the same: it is not silent.
      const cameMs = came?.status === 'partial' || came?.status === 'planned' ? came.ended_ms : null;
      const goodMs =
        row?.last_good_ms == null && cameMs === null ? null : Math.max(row?.last_good_ms ?? 0, cameMs ?? 0);
      const watched = platform.config.staleAfter !== undefined || platform.config.schedule !== undefined;
      const baseMs = !watched ? null : (goodMs ?? (await store.runs.firstMs(name, platform.name)) ?? sinceMs);
      const staleMs = baseMs === null ? null : staleAtMs(customer, platform, baseMs);
      const anyFailed = came !== undefined && Object.values(came.failed).some((count) => count > 0);
      platforms.push({
        name: platform.name,
        scheduled: platform.config.schedule !== undefined,
        row,
        last: last.get(platform.name),
        through: came,
        goodMs,
        staleAtMs: staleMs,
        held: heldRuns.find((run) => run.platform === platform.name),
        failing: await failingOf(`${name}/${platform.name}`, came?.id, anyFailed),
        reviews: (reviews.get(platform.name) ?? []).slice(0, mostPeople),
        rejections: rejections.get(platform.name) ?? [],
        launches: launches.get(platform.name) ?? [],
        askedUntilMs: asked.get(platform.name) ?? null,
      });
      for (const ms of [staleMs, pauseOutlivedAtMs(row)]) if (ms !== null && ms > nowMs) nextMs.push(ms);
    }
    const keys = await keysOf(customer, nowMs);
    for (const { endsMs } of keys) if (endsMs - keyWarningMs > nowMs) nextMs.push(endsMs - keyWarningMs);
    return {
      facts: {
        customer: name,
        commandSuffix: commandSuffix(customer.config.file),
        nowMs,
        platforms,
        keys,
        rejected: (await store.roster.rejectedPeople(name, rejectedInARow)).slice(0, mostPeople),
        unchanged: await unchanged(customer, nowMs),
      },
      nextMs: nextMs.length === 0 ? null : Math.min(...nextMs),
    };
  };
}
