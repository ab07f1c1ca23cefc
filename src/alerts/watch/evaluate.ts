import { isDeepStrictEqual } from 'node:util';
import { isRouted } from '../deliver.ts';
import { alertKinds } from '../kinds.ts';
import { type AlertMessage, messagesOf } from '../message.ts';
import { type OpenAlert, openAfter, type Scope, type Transition, transition } from '../state.ts';
import type { OutboxRow } from '../../store/alert-state.ts';
import type { FactsReader } from './read-facts.ts';
import type { ServiceHealth } from '../../jobs/queue/health.ts';
import { clockConditions, healthConditions, healthKinds } from '../conditions/health.ts';
import type { Outbox, Waiting } from './outbox.ts';
import { conditionsOf, scopeOf } from '../conditions/index.ts';
import type { Customer } from '../../jobs/customer.ts';
import type { JobDeps } from '../../jobs/deps.ts';

/** How often a customer is evaluated although nothing is known to have happened: somebody resumed, linked, settled. */
export const evaluateEveryMs = 60_000;
/** How often a process that does not have a customer's alerting asks for it. */
const takeOverEveryMs = 10_000;

/** What is remembered of a customer between evaluations. */
export type Watch = {
  readonly customer: Customer;
  /** The one of all customers with the same channels that hears of the service's own health. */
  readonly hearsHealth: boolean;
  open: readonly OpenAlert[];
  /** Open alerts changed while the store was away. */
  offline: boolean;
  evaluatedMs: number;
  nextMs: number | null;
  ownedUntilMs: number;
  running: Promise<boolean> | null;
  again: boolean;
};

export type EvaluatorParts = {
  readonly deps: Pick<JobDeps, 'store' | 'log' | 'now'>;
  readonly readFacts: FactsReader;
  readonly outbox: Outbox;
  /** The right to speak for a customer: one process at a time, so that everything is said once and in order. */
  readonly own: (watch: Watch) => Promise<boolean>;
  /** The service's own health; null where it is none of our business. */
  readonly health: () => ServiceHealth | null;
  /** Since when this process watches. */
  readonly startedMs: number;
};

/**
 * Compares what holds of a customer with what on-call was told, stores the difference and hands it to the outbox. One
 * evaluation of a customer at a time; one that is asked for meanwhile begins after it. False when another process has the
 * customer's alerting, or when the evaluation failed.
 */
export function createEvaluator(parts: EvaluatorParts): (watch: Watch) => Promise<boolean> {
  const { deps, readFacts, outbox, own, startedMs } = parts;
  const { store, log, now } = deps;

  function waitingOf(customer: Customer, messages: readonly AlertMessage[]): Waiting[] {
    const { channels } = customer.config.alerts;
    return messages.flatMap((message) => {
      const routed = channels.flatMap((channel, index) => (isRouted(channel, message) ? [index] : []));
      return routed.length === 0 ? [] : [{ id: message.id, message, channels: routed }];
    });
  }

  function say(customer: Customer, { begin, news, end }: Transition): void {
    for (const [event, alerts] of Object.entries({ begin, news, end }))
      for (const { kind, platform, runId } of alerts)
        log.warn({ customer: customer.name, platform, run: runId, alert: kind, event }, 'alert');
  }

  async function storedAlerts(customer: string): Promise<OpenAlert[]> {
    const rows = await store.alerts.open(customer);
    // Written by us, as an OpenAlert; a kind of a newer version that was here before is left to it.
    return rows.map((row) => row.alert as OpenAlert).filter(({ kind }) => Object.hasOwn(alertKinds, kind));
  }

  /** The whole picture, from the store and into it. */
  async function evaluateStored(watch: Watch): Promise<boolean> {
    const { customer } = watch;
    const nowMs = now();
    if (!(await own(watch))) {
      watch.evaluatedMs = nowMs - evaluateEveryMs + takeOverEveryMs;
      return false;
    }
    const stored = await storedAlerts(customer.name);
    const known = watch.offline ? merge(stored, watch.open) : stored;
    const health = parts.health();
    const { facts, nextMs } = await readFacts(customer, nowMs, Math.min(startedMs, nowMs));
    const healthScope: Scope[] =
      health === null ? [] : [{ customer: customer.name, platforms: [null], kinds: healthKinds }];
    const changes = transition(
      known,
      {
        conditions: [
          ...conditionsOf(facts),
          ...(health !== null && watch.hearsHealth ? healthConditions(customer.name, health) : []),
          ...(health !== null && watch.hearsHealth
            ? clockConditions(customer.name, store.times.incredible())
            : []),
        ],
        scope: [
          ...scopeOf(
            facts,
            known.map(({ platform }) => platform),
          ),
          ...healthScope,
        ],
      },
      nowMs,
      customer.config.alerts.remindAfter,
    );
    const open = openAfter(changes);
    const before = new Map(stored.map((alert) => [alert.key, alert]));
    const put = open.filter((alert) => !isDeepStrictEqual(before.get(alert.key), alert));
    const closed = changes.end.map(({ key }) => key);
    const kept = outbox.takeHeld(customer.name);
    const queued = [
      ...kept,
      ...waitingOf(customer, messagesOf(changes, { publicUrl: customer.config.control.publicUrl })),
    ];
    if (put.length > 0 || closed.length > 0 || queued.length > 0) {
      try {
        await store.alerts.record(customer.name, {
          put: put.map((alert) => ({
            customer: customer.name,
            key: alert.key,
            platform: alert.platform,
            alert,
            began_ms: alert.beganAtMs,
            last_sent_ms: alert.lastSentAtMs,
          })),
          closed,
          queue: queued.map((waiting) => rowOf(customer.name, waiting, nowMs)),
        });
      } catch (error) {
        // Nothing was stored, and the next evaluation finds the same again.
        outbox.hold(customer.name, kept);
        throw error;
      }
    }
    say(customer, changes);
    const reminders = open.map(({ lastSentAtMs }) => lastSentAtMs + customer.config.alerts.remindAfter);
    const times = [
      ...(nextMs === null ? [] : [nextMs]),
      ...(customer.config.alerts.remindAfter > 0 ? reminders : []),
    ];
    watch.open = open;
    watch.offline = false;
    watch.nextMs = times.length === 0 ? null : Math.min(...times);
    watch.evaluatedMs = nowMs;
    outbox.kick(customer.name);
    return true;
  }

  /** The store is away: the service's own health is all that can be said, from what is remembered. */
  function evaluateOffline(watch: Watch, present: ServiceHealth): boolean {
    const { customer } = watch;
    // Of several processes the one speaks that spoke last.
    const isOwner = watch.ownedUntilMs > 0;
    if (!watch.hearsHealth || !isOwner) return true;
    const nowMs = now();
    const changes = transition(
      watch.open,
      {
        conditions: healthConditions(customer.name, present),
        scope: [{ customer: customer.name, platforms: [null], kinds: healthKinds }],
      },
      nowMs,
      customer.config.alerts.remindAfter,
    );
    watch.open = openAfter(changes);
    watch.offline = true;
    outbox.hold(
      customer.name,
      waitingOf(customer, messagesOf(changes, { publicUrl: customer.config.control.publicUrl })),
    );
    say(customer, changes);
    outbox.kick(customer.name);
    return true;
  }

  async function evaluateOnce(watch: Watch): Promise<boolean> {
    const health = parts.health();
    try {
      return health !== null && !health.store.ok
        ? evaluateOffline(watch, health)
        : await evaluateStored(watch);
    } catch (error) {
      log.error({ customer: watch.customer.name, err: error }, 'alerts not evaluated');
      return false;
    }
  }

  return (watch) => {
    if (watch.running !== null) {
      watch.again = true;
      return watch.running;
    }
    watch.running = (async () => {
      let done: boolean;
      do {
        watch.again = false;
        done = await evaluateOnce(watch);
      } while (watch.again);
      return done;
    })().finally(() => {
      watch.running = null;
    });
    return watch.running;
  };
}

/** What is open: as stored, but the service's own health as remembered while the store was away. */
function merge(stored: readonly OpenAlert[], remembered: readonly OpenAlert[]): OpenAlert[] {
  const isOurs = ({ kind }: OpenAlert): boolean => (healthKinds as readonly string[]).includes(kind);
  return [...stored.filter((alert) => !isOurs(alert)), ...remembered.filter(isOurs)];
}

function rowOf(customer: string, { id, message, channels }: Waiting, nowMs: number): OutboxRow {
  return { id, customer, message, channels: [...channels], created_ms: nowMs, next_ms: nowMs, tries: 0 };
}
