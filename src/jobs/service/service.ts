import { RollcallError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Store } from '../../store/store.ts';
import { clockToleranceMs } from '../../store/times.ts';
import { createHealthProbe, type ServiceHealth } from '../queue/health.ts';
import { type DueSlot, dueSlots, jitterOf, type Schedule, slotJobId } from '../schedule/beat.ts';
import type { Customer, Platform } from '../customer.ts';
import type { Engine } from './engine.ts';
import type { Queues } from '../queue/queues.ts';
import { scheduleOf, upcomingRuns } from './upcoming.ts';

/** How often the schedule is looked at. */
const beatEveryMs = 1_000;
/** How often runs that nobody performs any more are looked for. */
const sweepEveryMs = 30_000;
/** How often store and queue are asked whether they answer. */
const pingEveryMs = 2_000;
/** An answer later than this counts as none. */
const answerWithinMs = 5_000;
/** How often old runs are deleted. */
const retainEveryMs = 24 * 3_600_000;

/** How the service is, for readiness, metrics and alerts. */
export type Health = ServiceHealth & {
  /** Platforms with a schedule. */
  readonly schedulers: number;
  /** When the schedule was last looked at; null before the first time. */
  readonly lastBeatMs: number | null;
  /** When the probes of store and queue last came back, well or not; null before the first time. */
  readonly lastProbeMs: number | null;
};

/** The unattended service: workers, schedule, sweep, upkeep. */
export type Service = {
  /** Starts everything; slots that were missed while the service was down are made up for. */
  readonly start: () => Promise<void>;
  /** Called at every beat (each second), one call at a time; what it throws is logged and stops nobody else. */
  readonly onTick: (listener: (nowMs: number) => void | Promise<void>) => void;
  readonly health: () => Health;
  /** When the schedule starts the platform next, jitter included; null when it has no schedule or is paused for good. */
  readonly nextRunMs: (customer: string, platform: string) => number | null;
  /** Stops: no new jobs, requests in flight end, at the latest after that long. */
  readonly stop: (deadlineMs: number) => Promise<void>;
};

export type ServiceOptions = {
  readonly store: Store;
  readonly queues: Queues;
  readonly engine: Engine;
  readonly log: Log;
  readonly now?: () => number;
};

/** A platform's schedule and how far it was taken care of. */
type Watch = {
  readonly customer: Customer;
  readonly platform: Platform;
  readonly schedule: Schedule;
  /** The last slot that was taken care of; null until the store was asked. */
  doneMs: number | null;
  /** The schedule was changed while the service ran, and counts from then on; null where it was not. */
  countsFromMs: number | null;
  /** Nothing is due before that. */
  nextMs: number;
  /** Slots are being enqueued. */
  busy: boolean;
  /** How often the clock was set back. */
  setBack: number;
  pausedUntilMs: number | 'for good' | null;
};

/** Builds the service; nothing runs before `start`. Throws CONFIG_INVALID for a schedule that cannot be. */
export function createService(options: ServiceOptions): Service {
  const { store, queues, engine, log } = options;
  const { customers } = engine.deps;
  const now = options.now ?? Date.now;
  const listeners: { readonly call: (nowMs: number) => void | Promise<void>; busy: boolean }[] = [];
  const watches = new Map<string, Watch>();
  watchAll(null);
  const probe = createHealthProbe({ store, queues, now });
  let health: ServiceHealth = { store: { ok: true }, queue: { ok: true }, mayEvict: false };
  let lastBeatMs: number | null = null;
  let lastProbeMs: number | null = null;
  let stopped = false;
  let toldTimes: ReadonlySet<string> = new Set();
  const timers = new Set<NodeJS.Timeout>();
  let upkeep: Promise<unknown> = Promise.resolve();

  /** Calls `work` again and again, at the same phase of the clock whatever it takes; never twice at once. */
  function every(periodMs: number, name: string, work: () => Promise<void>): void {
    const plan = (): void => {
      if (stopped) return;
      const timer = setTimeout(
        async () => {
          timers.delete(timer);
          try {
            await work();
          } catch (error) {
            log.error({ err: error, work: name }, 'periodic work failed; it is tried again');
          }
          plan();
        },
        periodMs - (Date.now() % periodMs),
      );
      timers.add(timer);
    };
    plan();
  }

  async function readPauses(nowMs: number): Promise<void> {
    const paused = new Map<string, number | 'for good'>();
    for (const row of await store.platforms.paused()) {
      if (row.paused_until_ms !== null && row.paused_until_ms <= nowMs) {
        await store.platforms.resume(row.customer, row.platform);
        log.info({ customer: row.customer, platform: row.platform }, 'the pause is over');
      } else paused.set(`${row.customer}\n${row.platform}`, row.paused_until_ms ?? 'for good');
    }
    for (const watch of watches.values())
      watch.pausedUntilMs = paused.get(`${watch.customer.name}\n${watch.platform.name}`) ?? null;
  }

  async function takeSlots(watch: Watch, nowMs: number): Promise<void> {
    const customer = watch.customer.name;
    const platform = watch.platform.name;
    // What was begun by a clock that was set back since is left: the next beat looks at the schedule anew.
    const { setBack } = watch;
    const isOld = (): boolean => watch.setBack !== setBack || now() < nowMs - clockToleranceMs;
    if (watch.doneMs === null) {
      const row = await store.platforms.find(customer, platform);
      if (isOld()) return;
      const fromMs = watch.countsFromMs ?? row?.last_slot_ms ?? nowMs;
      if (fromMs !== row?.last_slot_ms) await store.platforms.slotDone(customer, platform, fromMs);
      watch.doneMs = fromMs;
      watch.countsFromMs = null;
    }
    const lastGoodMs =
      watch.schedule.last(nowMs, watch.doneMs + 1) === null
        ? null
        : ((await store.platforms.find(customer, platform))?.last_good_ms ?? null);
    for (const slot of dueSlots(watch.schedule, { doneMs: watch.doneMs, lastGoodMs }, nowMs)) {
      if (isOld()) return;
      await enqueueSlot(watch, slot, nowMs);
      if (isOld()) return;
      watch.doneMs = slot.slotMs;
      await store.platforms.slotDone(customer, platform, slot.slotMs);
    }
    if (isOld()) return;
    watch.nextMs = watch.schedule.next(nowMs) ?? Number.POSITIVE_INFINITY;
  }

  async function enqueueSlot(watch: Watch, slot: DueSlot, nowMs: number): Promise<void> {
    const customer = watch.customer.name;
    const platform = watch.platform.name;
    const jitterMs = jitterOf(customer, platform, slot.slotMs, watch.platform.config.jitter);
    await engine.request({
      customer,
      platform,
      trigger: slot.trigger,
      actor: null,
      slotMs: slot.slotMs,
      jobId: slotJobId(customer, platform, slot.slotMs),
      delayMs: slot.trigger === 'catch-up' ? 0 : Math.max(0, slot.slotMs + jitterMs - nowMs),
    });
    log.info(
      { customer, platform, slot: new Date(slot.slotMs).toISOString(), trigger: slot.trigger },
      'slot due',
    );
  }

  async function beat(): Promise<void> {
    const nowMs = now();
    // A clock that was set back: what this process remembers of later times is as little worth as what is stored.
    if (lastBeatMs !== null && nowMs < lastBeatMs - clockToleranceMs) {
      log.warn({ fromMs: lastBeatMs, toMs: nowMs }, 'the clock was set back; the schedule is looked at anew');
      for (const watch of watches.values()) {
        watch.doneMs = null;
        watch.nextMs = 0;
        watch.setBack++;
      }
      void tend(async () => void (await engine.sweep())).catch((error: unknown) =>
        log.error({ err: error }, 'the queue could not be looked at after the clock was set back'),
      );
    }
    lastBeatMs = nowMs;
    watchAll(nowMs);
    tellOfTimes();
    // Without the store the last known pauses hold.
    await within(readPauses(nowMs), answerWithinMs).catch(() => undefined);
    for (const watch of watches.values()) {
      if (nowMs < watch.nextMs || watch.busy || watch.pausedUntilMs !== null) continue;
      watch.busy = true;
      takeSlots(watch, nowMs)
        .catch((error: unknown) =>
          log.error(
            { customer: watch.customer.name, platform: watch.platform.name, err: error },
            'the schedule could not be taken care of; it is tried again',
          ),
        )
        .finally(() => {
          watch.busy = false;
        });
    }
    for (const listener of listeners) {
      if (listener.busy) continue;
      listener.busy = true;
      Promise.resolve()
        .then(() => listener.call(nowMs))
        .catch((error: unknown) => log.error({ err: error }, 'a listener of the beat failed'))
        .finally(() => {
          listener.busy = false;
        });
    }
  }

  /** A slot whose job the queue lost before it began is enqueued again: the store knows that it never ran. */
  async function rebuildSlots(nowMs: number): Promise<void> {
    for (const watch of watches.values()) {
      if (watch.doneMs === null || watch.busy || watch.pausedUntilMs !== null) continue;
      const slotMs = watch.doneMs;
      const dueMs = slotMs + watch.platform.config.jitter;
      const { name: customer } = watch.customer;
      const { name: platform } = watch.platform;
      // Schedules of seconds have their next slot before this one would be missed.
      if (nowMs - dueMs < sweepEveryMs || nowMs - dueMs > lostWithinMs) continue;
      if (watch.schedule.last(slotMs, slotMs) === null) continue;
      if (await store.runs.sinceSlot(customer, platform, slotMs)) continue;
      const state = await store.platforms.find(customer, platform);
      if (state?.last_good_ms != null && state.last_good_ms >= slotMs) continue;
      if ((await queues.sync.getJob(slotJobId(customer, platform, slotMs))) !== undefined) continue;
      log.warn({ customer, platform }, 'the queue lost a slot; it is enqueued again');
      await enqueueSlot(watch, { slotMs, trigger: 'catch-up' }, nowMs);
    }
  }

  async function retain(): Promise<void> {
    for (const customer of customers.values()) {
      try {
        const { journal, results } = customer.config.retention;
        const gone = await store.retain(customer.name, { journalMs: journal, resultsMs: results }, now());
        if (gone > 0) log.info({ customer: customer.name, runs: gone }, 'old runs deleted');
      } catch (error) {
        log.error({ customer: customer.name, err: error }, 'retention failed; it is tried again tomorrow');
      }
    }
  }

  return {
    start: async () => {
      await engine.start();
      await ping();
      await beat();
      every(beatEveryMs, 'beat', beat);
      every(pingEveryMs, 'ping', ping);
      every(sweepEveryMs, 'sweep', () =>
        tend(async () => {
          await engine.sweep();
          await rebuildSlots(now());
        }),
      );
      every(retainEveryMs, 'retention', () => tend(retain));
    },
    onTick: (listener) => {
      listeners.push({ call: listener, busy: false });
    },
    health: () => ({
      ...health,
      schedulers: watches.size,
      lastBeatMs,
      lastProbeMs,
    }),
    nextRunMs: (customer, platform) => {
      const watch = watches.get(`${customer}\n${platform}`);
      if (watch === undefined) return null;
      const { pausedUntilMs } = watch;
      const pause =
        pausedUntilMs === null
          ? null
          : { paused_until_ms: pausedUntilMs === 'for good' ? null : pausedUntilMs };
      return upcomingRuns(watch.customer, watch.platform, pause, now(), 1)[0] ?? null;
    },
    stop: async (deadlineMs) => {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      await engine.drain(deadlineMs);
      await Promise.race([upkeep, sleep(answerWithinMs)]);
    },
  };

  /**
   * Brings the watches in step with what is configured. `sinceMs`: when a schedule that was changed counts from; slots that it
   * would have had before are none that were missed.
   */
  function watchAll(sinceMs: number | null): void {
    const gone = new Set(watches.keys());
    for (const customer of customers.values())
      for (const platform of customer.platforms.values()) {
        const key = `${customer.name}\n${platform.name}`;
        const known = watches.get(key);
        if (known?.platform !== platform) {
          const schedule = scheduleOf(customer, platform);
          if (schedule === undefined) continue;
          const isSame =
            known !== undefined &&
            known.platform.config.schedule === platform.config.schedule &&
            known.platform.config.timezone === platform.config.timezone;
          watches.set(key, {
            customer,
            platform,
            schedule,
            doneMs: isSame ? known.doneMs : null,
            countsFromMs: isSame || known === undefined ? null : sinceMs,
            nextMs: 0,
            busy: false,
            setBack: 0,
            pausedUntilMs: known?.pausedUntilMs ?? null,
          });
        }
        gone.delete(key);
      }
    for (const key of gone) watches.delete(key);
  }

  /** Says once of each stored time that counts as absent. */
  function tellOfTimes(): void {
    const found = new Set(store.times.incredible().map(({ time, of, atMs }) => `${time} ${of} ${atMs}`));
    for (const one of found)
      if (!toldTimes.has(one))
        log.error(
          { time: one },
          'a stored time lies in the future and counts as absent: a clock is or was wrong',
        );
    toldTimes = found;
  }

  /** Upkeep goes one by one, and `stop` waits for what is under way. */
  function tend(work: () => Promise<void>): Promise<void> {
    const done = upkeep.then(work);
    upkeep = done.catch(() => undefined);
    return done;
  }

  async function ping(): Promise<void> {
    const before = health;
    health = await probe();
    lastProbeMs = now();
    for (const part of ['store', 'queue'] as const) {
      if (before[part].ok && !health[part].ok) log.error({ part }, `the ${part} is out of reach`);
      if (!before[part].ok && health[part].ok) log.info({ part }, `the ${part} is back`);
    }
    if (health.mayEvict && !before.mayEvict)
      log.warn({}, 'redis: maxmemory-policy is not noeviction; queued jobs may be dropped');
  }
}

/** A slot older than this is not looked for in the queue any more: jobs are kept about as long. */
const lostWithinMs = 24 * 3_600_000;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new RollcallError('STORE_UNAVAILABLE', `no answer within ${ms} ms.`)),
          ms,
        );
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
