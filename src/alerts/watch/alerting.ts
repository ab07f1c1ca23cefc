import { isDeepStrictEqual } from 'node:util';
import { operatorName, type UnusableFile } from '../../config/unusable-file.ts';
import { createNotifier, type Notifier } from '../deliver.ts';
import { pingHeartbeat } from '../heartbeat.ts';
import type { RetryPolicy } from '../retry.ts';
import { createEvaluator, evaluateEveryMs, type Listener, type ServiceSelf, type Watch } from './evaluate.ts';
import { createFactsReader } from './read-facts.ts';
import type { ServiceHealth } from '../../jobs/queue/health.ts';
import { createOutbox } from './outbox.ts';
import type { JobDeps } from '../../jobs/deps.ts';
import { takeLease } from '../../jobs/lease/hold.ts';

/** How often the service looks at itself, and for runs that other processes ended. */
const alertingTickMs = 2_000;
/** How long alerting of a customer stays with a process without a sign of life from it. */
const alertingLeaseMs = 30_000;
/** The row of `platforms` that the lease of a customer's alerting is kept in; no platform can have that name. */
export const alertingLeaseName = '*';

export type AlertingOptions = {
  readonly deps: JobDeps;
  /** Asked at every tick; without it database and queue are none of our business (a command). */
  readonly health?: () => Promise<ServiceHealth>;
  /** The files of customers that cannot be used; without it they are none of our business. */
  readonly files?: () => readonly UnusableFile[];
  /** What is wrong with the service itself, and the certificates it saw; without it they are none of our business. */
  readonly self?: () => Promise<ServiceSelf>;
  /** Who hears of what belongs to no customer; without it the customers do. */
  readonly operator?: () => Pick<Listener, 'alerts' | 'publicUrl'> | null;
  /** How a channel or a heartbeat is tried again at once. */
  readonly retry?: RetryPolicy;
  readonly tickMs?: number;
};

/** Tells on-call what they need to know: once, when it begins, and again when it is over. */
export type Alerting = {
  /** Listens to runs that end here, and ticks. */
  readonly start: () => void;
  /** One round: the service's health, runs that ended elsewhere, states that time alone changes. */
  readonly tick: () => Promise<void>;
  /** Looks at one customer now. False when another process has the customer's alerting. */
  readonly evaluate: (customer: string) => Promise<boolean>;
  /** Resolves true when everything that began here (evaluations, messages, heartbeats) has ended, false after the time. */
  readonly settled: (limitMs: number) => Promise<boolean>;
  /** Stops listening and ticking, lets what began end for a while, and leaves alerting to others. */
  readonly stop: (limitMs?: number) => Promise<void>;
};

/** Services whose runs are watched already: a command that runs inside one must not watch them a second time. */
const watched = new WeakSet<JobDeps>();

/** Whether alerting has been started for the runs of this engine. */
export function isAlerting(deps: JobDeps): boolean {
  return watched.has(deps);
}

/** Creates the alerting of a process for all customers of its engine. */
export function createAlerting(options: AlertingOptions): Alerting {
  const { deps } = options;
  const { store, log, now } = deps;
  const retry = options.retry === undefined ? {} : { retry: options.retry };
  const startedMs = now();
  const readFacts = createFactsReader(store);
  const watches = new Map<string, Watch>();
  const notifiers = new Map<string, { readonly notifier: Notifier; readonly channels: number }>();
  const outbox = createOutbox({ store, now, log, notifiers });
  followConfiguration();

  /** Watches are those of the customers as they are configured now, and of whoever runs the service. */
  function followConfiguration(): void {
    const operator = options.operator?.() ?? null;
    const listeners: Listener[] = [...deps.customers.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((customer) => ({
        name: customer.name,
        alerts: customer.config.alerts,
        publicUrl: customer.config.control.publicUrl,
        customer,
      }));
    if (operator !== null) listeners.push({ ...operator, name: operatorName, customer: null });
    const lists = new Set(listeners.map(({ alerts }) => JSON.stringify(alerts.channels)));
    const heard = new Set<string>();
    for (const of of listeners) {
      const channels = JSON.stringify(of.alerts.channels);
      // What belongs to no customer is the operator's; where nobody said who that is, each of them hears of it once.
      const hearsHealth = operator === null ? !heard.has(channels) : of.customer === null;
      heard.add(channels);
      // Customers with channels of their own must not read each other's names.
      const isAll = operator === null ? lists.size === 1 && hearsHealth : of.customer === null;
      const hearsFiles = isAll ? 'all' : operator === null && lists.size > 1 ? 'own' : 'none';
      const known = watches.get(of.name);
      if (known === undefined || !isDeepStrictEqual(known.of.alerts.channels, of.alerts.channels))
        notifiers.set(of.name, {
          notifier: createNotifier({ channels: of.alerts.channels, log, ...retry }),
          channels: of.alerts.channels.length,
        });
      if (known !== undefined) Object.assign(known, { of, hearsHealth, hearsFiles, gone: false });
      else
        watches.set(of.name, {
          of,
          hearsHealth,
          hearsFiles,
          gone: false,
          open: [],
          offline: false,
          evaluatedMs: Number.NEGATIVE_INFINITY,
          nextMs: null,
          ownedUntilMs: 0,
          running: null,
          again: false,
        });
    }
    const names = new Set(listeners.map(({ name }) => name));
    for (const [name, watch] of watches) if (!names.has(name)) watch.gone = true;
  }

  const heartbeats = new Set<Promise<void>>();
  let health: ServiceHealth | null = null;
  let self: ServiceSelf | null = null;
  let toldFiles: readonly UnusableFile[] = [];
  let lookedMs = startedMs;
  let ticking: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;

  const ownerName = `${deps.instance}/alerts`;
  /** The right to speak for a customer: one process at a time, so that everything is said once and in order. */
  async function own(watch: Watch): Promise<boolean> {
    const nowMs = now();
    // A clock that was set back must not let a lease pass for one that lasts longer than leases do.
    const leftMs = watch.ownedUntilMs - nowMs;
    if (leftMs > alertingLeaseMs / 2 && leftMs <= alertingLeaseMs) return true;
    const { name } = watch.of;
    const { mine } = await takeLease(store, name, alertingLeaseName, ownerName, alertingLeaseMs);
    watch.ownedUntilMs = mine ? nowMs + alertingLeaseMs : 0;
    return mine;
  }

  const evaluateWatch = createEvaluator({
    deps,
    readFacts,
    outbox,
    own,
    health: () => health,
    files: () => options.files?.() ?? null,
    self: () => self,
    startedMs,
  });

  async function evaluate(name: string): Promise<boolean> {
    const watch = watches.get(name);
    if (watch === undefined) return false;
    const done = await evaluateWatch(watch);
    if (done && watch.gone && !watch.offline && watch.open.length === 0) {
      watches.delete(name);
      await giveUp(watch);
    }
    return done;
  }

  async function giveUp(watch: Watch): Promise<void> {
    if (watch.ownedUntilMs === 0) return;
    await store.leases.release(watch.of.name, alertingLeaseName, ownerName).catch(() => undefined);
    watch.ownedUntilMs = 0;
  }

  function onRunEnded(id: string): void {
    const done: Promise<void> = afterRun(id)
      .catch((error: unknown) => log.error({ run: id, err: error }, 'nobody was told of a run'))
      .finally(() => heartbeats.delete(done));
    heartbeats.add(done);
  }

  async function afterRun(id: string): Promise<void> {
    const run = await store.runs.find(id);
    const customer = run === undefined ? undefined : deps.customers.get(run.customer);
    if (run === undefined || customer === undefined) return;
    const evaluated = evaluate(customer.name);
    const isGood = run.person === null && (run.status === 'applied' || run.status === 'unchanged');
    const urls = [
      customer.platforms.get(run.platform)?.config.heartbeatUrl,
      customer.config.alerts.heartbeatUrl,
    ];
    const pings = urls.map(async (url) => {
      if (!isGood || url === undefined) return;
      const result = await pingHeartbeat(url, retry);
      if (!result.ok)
        log.warn(
          { customer: customer.name, platform: run.platform, error: result.error },
          'heartbeat not heard',
        );
    });
    await Promise.all([evaluated, ...pings]);
  }

  async function tickOnce(): Promise<void> {
    const nowMs = now();
    followConfiguration();
    const was = health;
    const before = toldFiles;
    toldFiles = options.files?.() ?? [];
    const selfBefore = self;
    self = options.self === undefined ? null : await options.self();
    const filesChanged = !isDeepStrictEqual(before, toldFiles) || !isDeepStrictEqual(selfBefore, self);
    health = options.health === undefined ? null : await options.health();
    const due = new Set<string>();
    const healthChanged = !isDeepStrictEqual(was, health);
    if (health === null || health.store.ok) {
      // A little overlap: clocks of other processes differ, and an evaluation too many says nothing twice.
      const ended = await store.runs.customersEndedSince(lookedMs - 2 * (options.tickMs ?? alertingTickMs));
      lookedMs = nowMs;
      for (const customer of ended) due.add(customer);
    }
    for (const [name, watch] of watches) {
      // A clock that was set back shows a time before the last look.
      const timeIsUp =
        (watch.nextMs !== null && watch.nextMs <= nowMs) ||
        (watch.evaluatedMs > nowMs && Number.isFinite(watch.evaluatedMs));
      const isNews =
        watch.gone || (healthChanged && watch.hearsHealth) || (filesChanged && watch.hearsFiles !== 'none');
      if (timeIsUp || isNews || nowMs - watch.evaluatedMs >= evaluateEveryMs) due.add(name);
      if (watch.ownedUntilMs > 0 && (health === null || health.store.ok)) await own(watch);
      outbox.retry(name);
    }
    await Promise.all([...due].map(evaluate));
  }

  function tick(): Promise<void> {
    ticking ??= tickOnce()
      .catch((error: unknown) => log.error({ err: error }, 'alerting could not look around'))
      .finally(() => {
        ticking = null;
      });
    return ticking;
  }

  async function everythingEnded(): Promise<void> {
    for (;;) {
      const busy = [...watches.values()].flatMap(({ running }) => (running === null ? [] : [running]));
      await Promise.all([...busy, ...heartbeats, ...(ticking === null ? [] : [ticking])]);
      await outbox.idle();
      if (
        heartbeats.size === 0 &&
        ticking === null &&
        [...watches.values()].every((one) => one.running === null)
      )
        return;
    }
  }

  async function settled(limitMs: number): Promise<boolean> {
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      limit = setTimeout(() => resolve(false), limitMs);
    });
    try {
      return await Promise.race([everythingEnded().then(() => true), late]);
    } finally {
      clearTimeout(limit);
    }
  }

  return {
    start: () => {
      if (watched.has(deps)) return;
      watched.add(deps);
      deps.events.on('runEnded', onRunEnded);
      timer = setInterval(() => void tick(), options.tickMs ?? alertingTickMs);
      timer.unref();
    },
    tick,
    evaluate,
    settled,
    stop: async (limitMs = 10_000) => {
      clearInterval(timer);
      deps.events.off('runEnded', onRunEnded);
      watched.delete(deps);
      await settled(limitMs);
      for (const watch of watches.values()) await giveUp(watch);
    },
  };
}
