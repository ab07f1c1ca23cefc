import { alertKinds } from '../alerts/kinds.ts';
import { stopping } from '../jobs/service/vitals.ts';
import type { ControlWorld } from './world.ts';

/** How long database and queue may take to answer. */
const answerMs = 5_000;

/** Whether the service can work. */
export type Health = {
  /** Why it cannot; empty when it can. Holds codes and fixed sentences: everybody may read it. */
  readonly reasons: () => Promise<readonly { readonly code: string; readonly message: string }[]>;
  /** What is not as it should be and does not stop the others: to be looked at, not to be taken out of service for. */
  readonly warnings: () => readonly { readonly code: string; readonly message: string }[];
};

/** Health of a running service. Requests that come at the same time share one look. */
export function createHealth(
  world: Pick<ControlWorld, 'store' | 'queues' | 'engine' | 'files' | 'troubles'>,
): Health {
  let looking: ReturnType<Health['reasons']> | null = null;
  async function look(): ReturnType<Health['reasons']> {
    const reasons: { code: string; message: string }[] = [];
    if (world.engine.deps.draining.aborted) {
      reasons.push({ code: 'DRAINING', message: 'the service is stopping' });
    }
    const [store, queue] = await Promise.all([
      answers(world.store.ping()),
      answers(Promise.all([world.queues.probe(), world.queues.sync.getJobCounts('waiting')])),
    ]);
    if (!store)
      reasons.push({
        code: 'STORE_UNAVAILABLE',
        message: 'the database does not answer, or cannot be written',
      });
    if (!queue)
      reasons.push({ code: 'QUEUE_UNAVAILABLE', message: 'the queue does not answer, or cannot be written' });
    for (const { kind } of world.troubles())
      if (stopping.has(kind)) reasons.push({ code: kind, message: alertKinds[kind].title });
    return reasons;
  }
  return {
    warnings: () => {
      const files = world.files();
      const out = files.filter(({ keeps }) => !keeps).length;
      const kept = files.length - out;
      const are = (count: number): string => `${count} ${count === 1 ? 'file' : 'files'}`;
      return [
        ...world
          .troubles()
          .flatMap(({ kind }) =>
            stopping.has(kind) ? [] : [{ code: kind, message: alertKinds[kind].title }],
          ),
        ...(out === 0
          ? []
          : [
              {
                code: 'CUSTOMER_LEFT_OUT',
                message: `${are(out)} of customers cannot be used: nothing is done for them`,
              },
            ]),
        ...(kept === 0
          ? []
          : [
              {
                code: 'CONFIG_NOT_TAKEN',
                message: `${are(kept)} cannot be used since a change: the last good configuration goes on`,
              },
            ]),
      ];
    },
    reasons: () => {
      looking ??= look().finally(() => {
        looking = null;
      });
      return looking;
    },
  };
}

async function answers(asked: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), answerMs);
  });
  try {
    return await Promise.race([
      asked.then(
        () => true,
        () => false,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
