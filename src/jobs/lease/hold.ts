import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallContext } from '../../providers/contract.ts';
import { LeaseLost, type LeaseTaken } from '../../store/leases.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { isGone } from './instance.ts';
import { permitOf, writeLastsMs } from './permit.ts';

/** How long a platform stays ours without a sign of life from the process that runs it. */
export const leaseMs = 15_000;
const renewEveryMs = 5_000;
/** How often workers that may have a request on its way are looked at, by whoever took the platform over. */
const quietPollMs = 250;

/** The right to run a platform, held by one execution of one run. */
export type Hold = {
  /** The fencing number: what is begun under it can be told from what a later holder does. */
  readonly number: number;
  /** Aborts as soon as this process learns that somebody else took the platform over. */
  readonly lost: AbortSignal;
  /** Throws LeaseLost when the lease is not held any more, as the store knows it now. */
  readonly prove: () => Promise<void>;
  /** Lets writes of this execution out, each after a proof of its own. */
  readonly permit: NonNullable<CallContext['permit']>;
  readonly release: () => Promise<void>;
};

/**
 * Takes a lease if it is free, or if its holder is a process of this machine that is gone. Whoever held it elsewhere is
 * waited for until the lease has run out.
 */
export async function takeLease(
  store: Pick<Store, 'leases'>,
  customer: string,
  platform: string,
  owner: string,
  ttlMs: number,
): Promise<LeaseTaken> {
  const taken = await store.leases.take(customer, platform, owner, ttlMs);
  if (taken.mine || taken.owner === null || !isGone(taken.owner)) return taken;
  return store.leases.take(customer, platform, owner, ttlMs, taken.owner);
}

/**
 * Takes the platform for one execution; null while somebody else has it. Comes back once no request of whoever had it
 * before can still be on its way: they lost the lease, so no new one is sent, and those that were allowed before have
 * deadlines.
 */
export async function holdPlatform(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: string,
): Promise<Hold | null> {
  const { store } = deps;
  // Each execution has a name of its own: a job that the queue hands out twice must not share the platform with itself.
  const owner = `${deps.instance}/${run}/${randomUUID().slice(0, 8)}`;
  const taken = await takeLease(store, customer.name, platform.name, owner, leaseMs);
  if (!taken.mine) return null;
  const { number } = taken;
  const lost = new AbortController();
  const renewal = setInterval(() => {
    store.leases
      .renew(customer.name, platform.name, owner, number, leaseMs)
      .then((mine) => {
        if (!mine) lost.abort(new LeaseLost());
      })
      .catch(() => undefined);
  }, renewEveryMs);
  const holds = (): Promise<boolean> => store.leases.holds(customer.name, platform.name, number);
  const release = async (): Promise<void> => {
    clearInterval(renewal);
    await store.leases.release(customer.name, platform.name, owner).catch(() => undefined);
  };
  try {
    await untilQuiet(deps, customer, platform, taken.from, lost.signal);
    await store.leases.adopt(customer.name, platform.name, number);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    number,
    lost: lost.signal,
    prove: async () => {
      if (!(await holds())) throw new LeaseLost();
    },
    permit: (timeoutMs) => permitOf(holds, timeoutMs),
    release,
  };
}

/** Waits until no request that was allowed under an earlier lease of the platform can be on its way any more. */
async function untilQuiet(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  from: string | null,
  lost: AbortSignal,
): Promise<void> {
  const { store } = deps;
  const signal = AbortSignal.any([lost, deps.draining]);
  const beganMs = performance.now();
  // A run that did not give its lease back may have been starting a training: those requests it sends itself.
  const launchMs =
    from !== null && mayStillSend(deps, from) && (await store.leases.launching(customer.name, platform.name))
      ? writeLastsMs(platform.config.timeout)
      : 0;
  for (let told = false; ; told = true) {
    const busy = await store.leases.busy(customer.name, platform.name);
    const waitMs = busy
      .filter(({ sender, run, batch }) => mayStillSend(deps, sender, `${run}/${batch}`))
      .reduce((longest, { lastsMs }) => Math.max(longest, lastsMs), launchMs);
    const leftMs = beganMs + waitMs - performance.now();
    if (leftMs <= 0) return;
    if (!told)
      deps.log.info(
        { customer: customer.name, platform: platform.name, waitMs },
        'requests of whoever ran the platform before may be on their way; the run waits for them',
      );
    await sleep(Math.min(quietPollMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Whether that process may have a request on its way. Of this process itself it is known. */
export function mayStillSend(
  deps: Pick<JobDeps, 'instance' | 'sending'>,
  sender: string,
  batch?: string,
): boolean {
  if (sender.split('/', 1)[0] === deps.instance) return batch !== undefined && deps.sending.has(batch);
  return !isGone(sender);
}
