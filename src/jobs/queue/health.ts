import type { Store } from '../../store/store.ts';
import { type Queues, redisKeepsEverything } from './queues.ts';

/** Whether a server that the service stands on answers. */
export type PartHealth = { readonly ok: true } | { readonly ok: false; readonly sinceMs: number };

/** The service's own health, as alerts look at it. */
export type ServiceHealth = {
  readonly store: PartHealth;
  readonly queue: PartHealth;
  /** The Redis of the queue may throw keys away when its memory fills up. */
  readonly mayEvict: boolean;
};

/** How long an answer may take. */
const answerMs = 1_500;
/** Looks in a row before the server counts as down: a restart is no page, and neither is a moment of high load. */
const looksBeforeDown = { refused: 2, late: 3 } as const;
/** How often the memory policy of Redis is asked for. */
const policyEveryMs = 60_000;

/**
 * Looks at database and queue, by writing to them: a server that answers and takes nothing is out of reach too. Call it
 * every few seconds. A few looks in a row have to fail.
 */
export function createHealthProbe(parts: {
  readonly store: Pick<Store, 'ping'>;
  readonly queues: Pick<Queues, 'redis' | 'probe'>;
  readonly now: () => number;
  readonly answerMs?: number;
}): () => Promise<ServiceHealth> {
  const { store, queues, now } = parts;
  const storePart = createPart(now);
  const queuePart = createPart(now);
  let mayEvict = false;
  let policyAskedMs = Number.NEGATIVE_INFINITY;

  async function askQueue(): Promise<void> {
    const { redis } = queues;
    // In PostgreSQL the queue is as well as the store is; one cause is one alert.
    if (redis === null) return;
    await queues.probe();
    if (now() - policyAskedMs < policyEveryMs) return;
    mayEvict = !(await redisKeepsEverything(redis));
    policyAskedMs = now();
  }

  return async () => {
    const limitMs = parts.answerMs ?? answerMs;
    const storeAnswers = answerOf(store.ping(), limitMs, 'late');
    const queueAnswers = answerOf(askQueue(), limitMs, 'late');
    return { store: storePart(await storeAnswers), queue: queuePart(await queueAnswers), mayEvict };
  };
}

type Answer = 'ok' | 'late' | 'refused';

function createPart(now: () => number): (answer: Answer) => PartHealth {
  let refused = 0;
  let looks = 0;
  let sinceMs = 0;
  return (answer) => {
    if (answer === 'ok') {
      refused = 0;
      looks = 0;
      return { ok: true };
    }
    if (looks === 0) sinceMs = now();
    looks++;
    if (answer === 'refused') refused++;
    return refused >= looksBeforeDown.refused || looks >= looksBeforeDown.late
      ? { ok: false, sinceMs }
      : { ok: true };
  };
}

async function answerOf(asked: Promise<unknown>, limitMs: number, whenLate: Answer): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve(whenLate), limitMs);
  });
  try {
    const answered = asked.then(
      (): Answer => 'ok',
      (): Answer => 'refused',
    );
    return await Promise.race([answered, late]);
  } finally {
    clearTimeout(timer);
  }
}
