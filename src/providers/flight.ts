import type { CallContext } from './contract.ts';

/** Settles as the promise does, or rejects as soon as the signal aborts. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Shares one run of `run` among all who ask while it is under way. Each caller's own signal ends only that caller's
 * waiting; when the one who started the run gives up, another takes over.
 *
 * @throws what `run` threw, to all who waited for it
 */
export function singleFlight<T>(run: (ctx: CallContext) => Promise<T>): (ctx: CallContext) => Promise<T> {
  let flight: { readonly done: Promise<T>; readonly signal: AbortSignal } | undefined;

  function start(ctx: CallContext): { readonly done: Promise<T>; readonly signal: AbortSignal } {
    const done = run(ctx).finally(() => {
      flight = undefined;
    });
    // All who waited may have gone when it fails.
    done.catch(() => undefined);
    flight = { done, signal: ctx.signal };
    return flight;
  }

  return async (ctx) => {
    for (;;) {
      ctx.signal.throwIfAborted();
      const underWay = flight ?? start(ctx);
      try {
        return await orAborted(underWay.done, ctx.signal);
      } catch (error) {
        if (ctx.signal.aborted || !underWay.signal.aborted) throw error;
      }
    }
  };
}
