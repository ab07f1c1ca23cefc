import type { Notifier } from '../deliver.ts';
import type { AlertMessage } from '../message.ts';
import { compactOutbox } from '../outbox.ts';
import type { Log } from '../../log.ts';
import type { OutboxRow } from '../../store/alert-state.ts';
import type { Store } from '../../store/store.ts';

/** Wait after a channel did not take a message although it was tried a few times; doubled each time. */
export const laneBackoffMs = 15_000;
const longestBackoffMs = 15 * 60_000;
/** A message that was not taken for this long says nothing any more. */
const outdatedMs = 3 * 24 * 3_600_000;
const mostTicked = 10_000;

/** A message with the channels (by index) that have not taken it. */
export type Waiting = {
  readonly id: string;
  readonly message: AlertMessage;
  readonly channels: readonly number[];
};

/** Where a customer's messages go out: one lane a channel, in order, so that a slow one keeps nobody waiting. */
export type Outbox = {
  /** Sends what waits, as far as channels take it. Returns at once. */
  readonly kick: (customer: string) => void;
  /** Tries channels again that did not take a message, where it is time. Costs nothing where all is well. */
  readonly retry: (customer: string) => void;
  /** Keeps messages that the store cannot take now; they go out all the same. */
  readonly hold: (customer: string, messages: readonly Waiting[]) => void;
  /** Takes back what was held and has not gone out. */
  readonly takeHeld: (customer: string) => readonly Waiting[];
  /** Resolves when nothing is being sent. What a channel did not take waits for its next try. */
  readonly idle: () => Promise<void>;
};

type Lane = { busy: boolean; again: boolean; failures: number; notBeforeMs: number };

/** A store row as it waits. */
function asWaiting(row: OutboxRow): Waiting {
  // Written by us, as an AlertMessage.
  return { id: row.id, message: row.message as AlertMessage, channels: row.channels };
}

/** Creates the outbox of one process. Only the process that has a customer's alerting may kick it. */
export function createOutbox(parts: {
  readonly store: Pick<Store, 'alerts'>;
  readonly notifiers: ReadonlyMap<string, { readonly notifier: Notifier; readonly channels: number }>;
  readonly now: () => number;
  readonly log: Log;
}): Outbox {
  const { store, notifiers, now, log } = parts;
  const lanes = new Map<string, Lane>();
  const held = new Map<string, Waiting[]>();
  const running = new Set<Promise<void>>();
  /** Messages and channels, as `id channel`, that this process has sent. */
  const ticked = new Set<string>();

  /** A clock that was set back must not keep a lane waiting for the day that it had shown. */
  const isDue = (lane: Lane): boolean =>
    now() >= lane.notBeforeMs || lane.notBeforeMs - now() > longestBackoffMs;

  /** The oldest message that is still worth sending on this channel. */
  async function next(customer: string, channel: number, channels: number): Promise<Waiting | undefined> {
    const kept = await store.alerts.pending(customer).catch(() => []);
    const waiting: Waiting[] = [];
    for (const entry of [...kept.map(asWaiting), ...(held.get(customer) ?? [])]) {
      const open = entry.channels.filter((index) => index < channels && !ticked.has(`${entry.id} ${index}`));
      if (open.length > 0 && now() - entry.message.atMs <= outdatedMs)
        waiting.push({ ...entry, channels: open });
      else await forget(customer, entry);
    }
    const { send, superseded } = compactOutbox(waiting);
    for (const old of superseded) await forget(customer, old);
    return send.find((one) => one.channels.includes(channel))?.entry;
  }

  async function forget(customer: string, entry: Waiting): Promise<void> {
    const kept = held.get(customer) ?? [];
    if (kept.some(({ id }) => id === entry.id))
      held.set(
        customer,
        kept.filter(({ id }) => id !== entry.id),
      );
    await store.alerts.sent(entry.id).catch(() => undefined);
  }

  async function tick(entry: Waiting, channel: number): Promise<void> {
    // What the store cannot be told now is known here all the same, so that nothing is sent twice.
    if (ticked.size >= mostTicked) ticked.clear();
    ticked.add(`${entry.id} ${channel}`);
    await store.alerts.taken(entry.id, channel).catch(() => undefined);
  }

  async function work(customer: string, channel: number, lane: Lane): Promise<void> {
    const known = notifiers.get(customer);
    if (known === undefined) return;
    do {
      lane.again = false;
      while (isDue(lane)) {
        const entry = await next(customer, channel, known.channels);
        if (entry === undefined) break;
        const [outcome] = await known.notifier.deliver(entry.message, [channel]);
        if (outcome === undefined || outcome.ok) {
          await tick(entry, channel);
          lane.failures = 0;
          continue;
        }
        lane.failures++;
        lane.notBeforeMs = now() + Math.min(longestBackoffMs, laneBackoffMs * 2 ** (lane.failures - 1));
      }
    } while (lane.again);
  }

  function kick(customer: string): void {
    const channels = notifiers.get(customer)?.channels ?? 0;
    for (let channel = 0; channel < channels; channel++) {
      const key = `${customer}/${channel}`;
      const lane = lanes.get(key) ?? { busy: false, again: false, failures: 0, notBeforeMs: 0 };
      lanes.set(key, lane);
      if (lane.busy) {
        lane.again = true;
        continue;
      }
      lane.busy = true;
      const done: Promise<void> = work(customer, channel, lane)
        .catch((error: unknown) => log.error({ customer, err: error }, 'alerts not sent'))
        .finally(() => {
          lane.busy = false;
          running.delete(done);
          if (lane.again) kick(customer);
        });
      running.add(done);
    }
  }

  return {
    kick,
    retry: (customer) => {
      const channels = notifiers.get(customer)?.channels ?? 0;
      const anyIsDue = Array.from({ length: channels }, (_, channel) =>
        lanes.get(`${customer}/${channel}`),
      ).some((lane) => lane !== undefined && lane.failures > 0 && isDue(lane));
      if (anyIsDue) kick(customer);
    },
    hold: (customer, messages) => {
      held.set(customer, [...(held.get(customer) ?? []), ...messages]);
    },
    takeHeld: (customer) => {
      const kept = held.get(customer) ?? [];
      held.delete(customer);
      return kept;
    },
    idle: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
