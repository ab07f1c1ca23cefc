import type { EventEmitter } from 'node:events';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { Customer } from './customer.ts';
import type { Gate } from './gate.ts';
import type { Progress } from './progress.ts';
import type { Queues } from './queue/queues.ts';
import type { RunOwner } from './run-owners.ts';

/** What happens inside this process, for progress bars and for waking up: nothing relies on it for correctness. */
export type EngineEvents = {
  readonly progress: [run: string, progress: Progress];
  readonly batchDone: [run: string];
  readonly runEnded: [run: string];
};

/** What every job is given. */
export type JobDeps = {
  /** Identifies this process in leases and batches. */
  readonly instance: string;
  /** The customers as they are configured now: a service takes changes up while it runs. */
  readonly customers: ReadonlyMap<string, Customer>;
  /** The configuration that runs under way began with, by run: they end with it, whatever becomes of the file. */
  readonly begunWith: Map<string, Customer>;
  readonly store: Store;
  readonly queues: Queues;
  readonly log: Log;
  readonly now: () => number;
  /** First back-off of a batch, in ms. */
  readonly batchBackoffMs: number;
  /** After so long of nothing but 429 a batch gives up. */
  readonly giveUpAfterMs: number;
  /**
   * Batches are looked up a few at a time, each until it is ready to go out, and outcomes are stored a few at a time: all
   * at once, those of one kind would keep the others waiting, and slots would pass unused.
   */
  readonly preparing: Gate;
  readonly finishing: Gate;
  /** Whose a run is, by its id. */
  readonly ownerOf: (run: string) => Promise<RunOwner | undefined>;
  /** Batches (`run/batch`) that this process is sending now. */
  readonly sending: Set<string>;
  readonly events: EventEmitter<EngineEvents>;
  /** Aborts when the process drains: runs stop where they are and go on after the next start. */
  readonly draining: AbortSignal;
};
