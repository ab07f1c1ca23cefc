import { type AlertMessage, messagesOf } from '../../../src/alerts/message.ts';
import { type Condition, openAfter, type Scope, transition } from '../../../src/alerts/state.ts';

/** 2 March 2026, 02:00:07 UTC. */
export const startMs = Date.UTC(2026, 2, 2, 2, 0, 7);
export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Everything of the sample customer. */
export const everything: readonly Scope[] = [{ customer: 'acme', platforms: 'all', kinds: 'all' }];

export function sampleCondition(change: Partial<Condition> = {}): Condition {
  return {
    kind: 'RUN_HELD',
    customer: 'acme',
    platform: 'academy',
    runId: 'r-20260302-0200',
    summary: '61 deactivations would pass the limit of 50 in 24 hours.',
    notDone: '61 people keep their accounts until someone decides.',
    nextStep: 'rollcall show r-20260302-0200',
    details: { deactivate: 61, limit: 50 },
    ...change,
  };
}

/** The messages of one state from its beginning over a reminder to its end. */
export function lifeOf(condition: Condition): {
  begin: AlertMessage;
  reminder: AlertMessage;
  end: AlertMessage;
} {
  const scope: readonly Scope[] = [{ customer: condition.customer, platforms: 'all', kinds: 'all' }];
  const begun = transition([], { conditions: [condition], scope }, startMs, dayMs);
  const reminded = transition(openAfter(begun), { conditions: [condition], scope }, startMs + dayMs, dayMs);
  const ended = transition(openAfter(reminded), { conditions: [], scope }, startMs + 2 * dayMs, dayMs);
  const [begin] = messagesOf(begun);
  const [reminder] = messagesOf(reminded);
  const [end] = messagesOf(ended);
  if (begin === undefined || reminder === undefined || end === undefined)
    throw new Error('a message is missing');
  return { begin, reminder, end };
}
