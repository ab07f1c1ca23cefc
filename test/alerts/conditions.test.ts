import { expect, it } from 'vitest';
import { conditionsOf } from '../../src/alerts/conditions/index.ts';
import { dayMs, startMs } from './channels/sample.ts';

it('a rejection that stands is a state of its own, so that reminders tell of it', () => {
  const rejection = {
    customer: 'acme',
    platform: 'academy',
    run_id: 'academy-1',
    changes: 153,
    actor: 'jo, page',
    until_ms: startMs + 30 * dayMs,
    created_ms: startMs,
  };
  const conditions = (rejections: readonly (typeof rejection)[]) =>
    conditionsOf({
      customer: 'acme',
      commandSuffix: '',
      nowMs: startMs,
      platforms: [
        {
          name: 'academy',
          scheduled: true,
          row: undefined,
          last: undefined,
          through: undefined,
          askedUntilMs: null,
          goodMs: null,
          staleAtMs: null,
          held: undefined,
          failing: [],
          reviews: [],
          rejections,
          launches: [],
        },
      ],
      rejected: [],
      unchanged: [],
      keys: [],
    });
  expect(conditions([])).toEqual([]);
  expect(conditions([rejection])).toMatchObject([
    {
      kind: 'REJECTION_STANDS',
      runId: 'academy-1',
      summary: expect.stringContaining('153 changes of academy were rejected'),
      nextStep: expect.stringContaining('rollcall reject academy-1 --withdraw'),
    },
  ]);
  // Who decided is for the page: on-call gets no names.
  expect(JSON.stringify(conditions([rejection]))).not.toContain('jo');
});
