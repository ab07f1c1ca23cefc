import { EventEmitter } from 'node:events';
import type { Log } from '../../log.ts';
import { patience } from '../../providers/rate-limit.ts';
import type { Store } from '../../store/store.ts';
import type { Customer } from '../customer.ts';
import type { EngineEvents, JobDeps } from '../deps.ts';
import { createGate } from '../gate.ts';
import { instanceName } from '../lease/instance.ts';
import type { Queues } from '../queue/queues.ts';
import { createRunOwners } from '../run-owners.ts';

/** Batches looked up at once, and batches whose outcomes are stored at once: two of each keep a database busy. */
const storingAtOnce = 2;

/** What the parts of a process are made of. */
export type JobDepsOptions = {
  readonly customers: ReadonlyMap<string, Customer>;
  readonly begunWith: Map<string, Customer>;
  readonly store: Store;
  readonly queues: Queues;
  readonly log: Log;
  readonly now?: () => number;
  readonly batchBackoffMs: number;
  readonly giveUpAfterMs?: number;
  readonly draining: AbortSignal;
};

/** What every job is given, and every command that asks the store. Loads nothing of the queue. */
export function createJobDeps(options: JobDepsOptions): JobDeps {
  const { store, queues, log, batchBackoffMs, draining } = options;
  const events = new EventEmitter<EngineEvents>();
  events.setMaxListeners(0);
  return {
    instance: instanceName(),
    customers: options.customers,
    begunWith: options.begunWith,
    store,
    queues,
    log,
    now: options.now ?? Date.now,
    batchBackoffMs,
    giveUpAfterMs: options.giveUpAfterMs ?? patience.giveUpAfterMs,
    preparing: createGate(storingAtOnce),
    finishing: createGate(storingAtOnce),
    ownerOf: createRunOwners(store),
    sending: new Set(),
    events,
    draining,
  };
}
