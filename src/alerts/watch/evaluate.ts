import { isDeepStrictEqual } from 'node:util';
import { isRouted } from '../deliver.ts';
import { type AlertKind, alertKinds } from '../kinds.ts';
import { type AlertMessage, messagesOf } from '../message.ts';
import {
  type Evaluation,
  type OpenAlert,
  openAfter,
  type Scope,
  type Transition,
  transition,
} from '../state.ts';
import type { OutboxRow } from '../../store/alert-state.ts';
import type { FactsReader } from './read-facts.ts';
import type { ServiceHealth } from '../../jobs/queue/health.ts';
import { fileConditions, fileKinds } from '../conditions/files.ts';
import { clockConditions, healthConditions, healthKinds } from '../conditions/health.ts';
import type { Outbox, Waiting } from './outbox.ts';
import { conditionsOf, scopeOf } from '../conditions/index.ts';
import { certificateConditions, troubleConditions, troubleKinds } from '../conditions/service.ts';
import type { SeenCertificate } from '../../jobs/service/certificates.ts';
import type { Trouble } from '../../jobs/service/vitals.ts';
import type { CustomerConfig } from '../../config/schema.ts';
import type { UnusableFile } from '../../config/unusable-file.ts';
import type { Customer } from '../../jobs/customer.ts';
import type { JobDeps } from '../../jobs/deps.ts';

/** How often a customer is evaluated although nothing is known to have happened: somebody resumed, linked, settled. */
export const evaluateEveryMs = 60_000;
/** How often a process that does not have a customer's alerting asks for it. */
const takeOverEveryMs = 10_000;

/** The service itself, as it sees itself. */
export type ServiceSelf = {
  readonly troubles: readonly Trouble[];
  readonly certificates: readonly SeenCertificate[];
};

/** Whose on-call it is: a customer's, or that of whoever runs the service. */
export type Listener = {
  readonly name: string;
  readonly alerts: CustomerConfig['alerts'];
  readonly publicUrl: string | undefined;
  /** Null: what belongs to no customer. */
  readonly customer: Customer | null;
};

/** What is remembered of a listener between evaluations. */
export type Watch = {
  of: Listener;
  /** Hears of the service's own health: the operator, or else one of all customers with the same channels. */
  hearsHealth: boolean;
  /** Hears of files that cannot be used, of its own or of all. */
  hearsFiles: 'own' | 'all' | 'none';
  /** No longer configured: whatever is open of it ends, and it is forgotten. */
  gone: boolean;
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
  /** What is wrong with the service itself, and the certificates it saw; null where they are none of our business. */
  readonly self: () => ServiceSelf | null;
  /** The files of customers that cannot be used; null where they are none of our business. */
  readonly files: () => readonly UnusableFile[] | null;
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

  function waitingOf({ alerts }: Listener, messages: readonly AlertMessage[]): Waiting[] {
    const { channels } = alerts;
    return messages.flatMap((message) => {
      const routed = channels.flatMap((channel, index) => (isRouted(channel, message) ? [index] : []));
      return routed.length === 0 ? [] : [{ id: message.id, message, channels: routed }];
    });
  }

  function say({ name }: Listener, { begin, news, end }: Transition): void {
    for (const [event, alerts] of Object.entries({ begin, news, end }))
      for (const { kind, platform, runId } of alerts)
        log.warn({ customer: name, platform, run: runId, alert: kind, event }, 'alert');
  }

  async function storedAlerts(customer: string): Promise<OpenAlert[]> {
    const rows = await store.alerts.open(customer);
    // Written by us, as an OpenAlert; a kind of a newer version that was here before is left to it.
    return rows.map((row) => row.alert as OpenAlert).filter(({ kind }) => Object.hasOwn(alertKinds, kind));
  }

  /** What holds of a listener, and of what an evaluation may say that it is over. */
  async function present(
    watch: Watch,
    known: readonly OpenAlert[],
    nowMs: number,
  ): Promise<Evaluation & { readonly nextMs: number | null }> {
    const { name, customer } = watch.of;
    if (watch.gone)
      return { conditions: [], scope: [{ customer: name, platforms: 'all', kinds: 'all' }], nextMs: null };
    const health = parts.health();
    const files = parts.files();
    const self = parts.self();
    const told = customer === null ? null : await readFacts(customer, nowMs, Math.min(startedMs, nowMs));
    const own = (kinds: readonly AlertKind[]): Scope => ({ customer: name, platforms: [null], kinds });
    return {
      conditions: [
        ...(told === null ? [] : conditionsOf(told.facts)),
        ...(health !== null && watch.hearsHealth
          ? [...healthConditions(name, health), ...clockConditions(name, store.times.incredible())]
          : []),
        ...fileConditions(name, watch.hearsFiles, files ?? []),
        ...(self !== null && watch.hearsHealth ? troubleConditions(name, self.troubles) : []),
        ...(self === null || watch.hearsFiles === 'none'
          ? []
          : certificateConditions(
              name,
              watch.hearsFiles === 'all' || customer === null ? null : hostsOf(customer.config),
              self.certificates,
              nowMs,
            )),
      ],
      scope: [
        ...(told === null
          ? []
          : scopeOf(
              told.facts,
              known.map(({ platform }) => platform),
            )),
        ...(health === null ? [] : [own(healthKinds)]),
        ...(files === null ? [] : [own(fileKinds)]),
        ...(self === null ? [] : [own(troubleKinds)]),
      ],
      nextMs: told?.nextMs ?? null,
    };
  }

  /** The whole picture, from the store and into it. */
  async function evaluateStored(watch: Watch): Promise<boolean> {
    const listener = watch.of;
    const { name, alerts, publicUrl } = listener;
    const nowMs = now();
    if (!(await own(watch))) {
      watch.evaluatedMs = nowMs - evaluateEveryMs + takeOverEveryMs;
      return false;
    }
    const stored = await storedAlerts(name);
    const known = watch.offline ? merge(stored, watch.open) : stored;
    const { nextMs, ...evaluation } = await present(watch, known, nowMs);
    const changes = transition(known, evaluation, nowMs, alerts.remindAfter);
    const open = openAfter(changes);
    const before = new Map(stored.map((alert) => [alert.key, alert]));
    const put = open.filter((alert) => !isDeepStrictEqual(before.get(alert.key), alert));
    const closed = changes.end.map(({ key }) => key);
    const kept = outbox.takeHeld(name);
    const queued = [...kept, ...waitingOf(listener, messagesOf(changes, { publicUrl }))];
    if (put.length > 0 || closed.length > 0 || queued.length > 0) {
      try {
        await store.alerts.record(name, {
          put: put.map((alert) => ({
            customer: name,
            key: alert.key,
            platform: alert.platform,
            alert,
            began_ms: alert.beganAtMs,
            last_sent_ms: alert.lastSentAtMs,
          })),
          closed,
          queue: queued.map((waiting) => rowOf(name, waiting, nowMs)),
        });
      } catch (error) {
        // Nothing was stored, and the next evaluation finds the same again.
        outbox.hold(name, kept);
        throw error;
      }
    }
    say(listener, changes);
    const reminders = open.map(({ lastSentAtMs }) => lastSentAtMs + alerts.remindAfter);
    const times = [...(nextMs === null ? [] : [nextMs]), ...(alerts.remindAfter > 0 ? reminders : [])];
    watch.open = open;
    watch.offline = false;
    watch.nextMs = times.length === 0 ? null : Math.min(...times);
    watch.evaluatedMs = nowMs;
    outbox.kick(name);
    return true;
  }

  /** The store is away: the service's own health is all that can be said, from what is remembered. */
  function evaluateOffline(watch: Watch, present: ServiceHealth): boolean {
    const listener = watch.of;
    const { name, alerts, publicUrl } = listener;
    // Of several processes the one speaks that spoke last.
    const isOwner = watch.ownedUntilMs > 0;
    if (!watch.hearsHealth || !isOwner) return true;
    const nowMs = now();
    const changes = transition(
      watch.open,
      {
        conditions: healthConditions(name, present),
        scope: [{ customer: name, platforms: [null], kinds: healthKinds }],
      },
      nowMs,
      alerts.remindAfter,
    );
    watch.open = openAfter(changes);
    watch.offline = true;
    outbox.hold(name, waitingOf(listener, messagesOf(changes, { publicUrl })));
    say(listener, changes);
    outbox.kick(name);
    return true;
  }

  async function evaluateOnce(watch: Watch): Promise<boolean> {
    const health = parts.health();
    try {
      return health !== null && !health.store.ok
        ? evaluateOffline(watch, health)
        : await evaluateStored(watch);
    } catch (error) {
      log.error({ customer: watch.of.name, err: error }, 'alerts not evaluated');
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

/** The hosts that a customer's work goes to. */
function hostsOf({ platforms, roster, alerts }: CustomerConfig): ReadonlySet<string> {
  const urls = [
    ...Object.values(platforms).map(({ baseUrl }) => baseUrl),
    ...[JSON.stringify(roster), JSON.stringify(alerts)].flatMap(
      (text) => text.match(/(?:https|smtps?):\/\/[^"/]+/g) ?? [],
    ),
  ];
  return new Set(urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname] : [])));
}

/** What is open: as stored, but the service's own health as remembered while the store was away. */
function merge(stored: readonly OpenAlert[], remembered: readonly OpenAlert[]): OpenAlert[] {
  const isOurs = ({ kind }: OpenAlert): boolean => (healthKinds as readonly string[]).includes(kind);
  return [...stored.filter((alert) => !isOurs(alert)), ...remembered.filter(isOurs)];
}

function rowOf(customer: string, { id, message, channels }: Waiting, nowMs: number): OutboxRow {
  return { id, customer, message, channels: [...channels], created_ms: nowMs, next_ms: nowMs, tries: 0 };
}
