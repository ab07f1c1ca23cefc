import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AlertKind,
  alertKey,
  alertKinds,
  type Condition,
  type OpenAlert,
  openAfter,
  type Scope,
  type Transition,
  transition,
} from '../../src/alerts/state.ts';
import { dayMs, everything, hourMs, sampleCondition, startMs } from './channels/sample.ts';

const kinds = Object.keys(alertKinds) as AlertKind[];
const lists = ['begin', 'news', 'remind', 'keep', 'end'] as const;

/** Which list each key went to. */
const shape = (result: Transition): Record<string, string[]> =>
  Object.fromEntries(
    lists
      .map((list): [string, string[]] => [list, result[list].map((alert) => alert.key)])
      .filter(([, keys]) => keys.length > 0),
  );

function begun(...conditions: Condition[]): OpenAlert[] {
  return openAfter(transition([], { conditions, scope: everything }, startMs, dayMs));
}

const academy = sampleCondition();
const key = alertKey(academy);
const items = (...ids: string[]): Condition => sampleCondition({ kind: 'ITEMS_FAILING', items: ids });
const failingKey = alertKey(items());
const scopeOf = (platforms: Scope['platforms'], of: Scope['kinds'], customer = 'acme'): Scope[] => [
  { customer, platforms, kinds: of },
];

type Row = {
  name: string;
  open: OpenAlert[];
  conditions: Condition[];
  scope?: readonly Scope[];
  afterMs?: number;
  remindAfterMs?: number;
  expected: Record<string, string[]>;
};

const rows: Row[] = [
  { name: 'nothing, and nothing open', open: [], conditions: [], expected: {} },
  { name: 'a state begins', open: [], conditions: [academy], expected: { begin: [key] } },
  { name: 'a state goes on', open: begun(academy), conditions: [academy], expected: { keep: [key] } },
  {
    name: 'a state goes on with other numbers, texts and run',
    open: begun(academy),
    conditions: [
      sampleCondition({
        summary: '70 deactivations',
        details: { deactivate: 70 },
        runId: 'r-2',
        nextStep: 'rollcall show r-2',
      }),
    ],
    expected: { keep: [key] },
  },
  { name: 'a state ends', open: begun(academy), conditions: [], expected: { end: [key] } },
  {
    name: 'one condition reported twice begins once',
    open: [],
    conditions: [academy, academy],
    expected: { begin: [key] },
  },
  {
    name: 'one alert stored twice is told of once',
    open: [...begun(academy), ...begun(academy)],
    conditions: [],
    expected: { end: [key] },
  },
  {
    name: 'another platform is another state',
    open: begun(academy),
    conditions: [academy, sampleCondition({ platform: 'awareness' })],
    expected: { keep: [key], begin: [alertKey(sampleCondition({ platform: 'awareness' }))] },
  },
  {
    name: 'another subject is another state',
    open: begun(sampleCondition({ subject: 'launch-1' })),
    conditions: [sampleCondition({ subject: 'launch-2' })],
    expected: {
      end: [alertKey(sampleCondition({ subject: 'launch-1' }))],
      begin: [alertKey(sampleCondition({ subject: 'launch-2' }))],
    },
  },
  {
    name: 'a reminder is not due a moment early',
    open: begun(academy),
    conditions: [academy],
    afterMs: dayMs - 1,
    expected: { keep: [key] },
  },
  {
    name: 'a reminder is due',
    open: begun(academy),
    conditions: [academy],
    afterMs: dayMs,
    expected: { remind: [key] },
  },
  {
    name: 'reminders can be switched off',
    open: begun(academy),
    conditions: [academy],
    afterMs: 40 * dayMs,
    remindAfterMs: 0,
    expected: { keep: [key] },
  },
  {
    name: 'a clock that was set back a little reminds of nothing',
    open: begun(academy),
    conditions: [academy],
    afterMs: -60_000,
    expected: { keep: [key] },
  },
  {
    name: 'one that was sent at a time that has not come is due: nobody waits for that day',
    open: begun(academy),
    conditions: [academy],
    afterMs: -3 * dayMs,
    expected: { remind: [key] },
  },
  {
    name: 'an evaluation of another platform ends nothing',
    open: begun(academy),
    conditions: [],
    scope: scopeOf(['awareness'], 'all'),
    expected: { keep: [key] },
  },
  {
    name: 'an evaluation of other kinds ends nothing',
    open: begun(academy),
    conditions: [],
    scope: scopeOf('all', ['RUN_FAILED', 'PLATFORM_STALE']),
    expected: { keep: [key] },
  },
  {
    name: 'an evaluation of another customer ends nothing',
    open: begun(academy),
    conditions: [],
    scope: scopeOf('all', 'all', 'umbra'),
    expected: { keep: [key] },
  },
  {
    name: 'an evaluation of the platform and kind ends it',
    open: begun(academy),
    conditions: [],
    scope: [...scopeOf(['awareness'], 'all'), ...scopeOf(['academy'], ['RUN_HELD'])],
    expected: { end: [key] },
  },
  {
    name: 'a platform evaluation does not end what concerns the customer',
    open: begun(sampleCondition({ kind: 'ROSTER_LATE', platform: null })),
    conditions: [],
    scope: scopeOf(['academy'], 'all'),
    expected: { keep: [alertKey({ kind: 'ROSTER_LATE', customer: 'acme', platform: null })] },
  },
  {
    name: 'a customer evaluation ends what concerns the customer',
    open: begun(sampleCondition({ kind: 'ROSTER_LATE', platform: null })),
    conditions: [],
    scope: scopeOf([null], ['ROSTER_LATE']),
    expected: { end: [alertKey({ kind: 'ROSTER_LATE', customer: 'acme', platform: null })] },
  },
  {
    name: 'a tick that evaluated nothing sends due reminders',
    open: begun(academy),
    conditions: [],
    scope: [],
    afterMs: dayMs,
    expected: { remind: [key] },
  },
  {
    name: 'the same items are no news, in whatever order',
    open: begun(items('10442', '10443')),
    conditions: [items('10443', '10442')],
    expected: { keep: [failingKey] },
  },
  {
    name: 'fewer items are no news',
    open: begun(items('10442', '10443')),
    conditions: [items('10443')],
    expected: { keep: [failingKey] },
  },
  {
    name: 'a new item is news',
    open: begun(items('10442')),
    conditions: [items('10442', '10444')],
    expected: { news: [failingKey] },
  },
  {
    name: 'a changed fingerprint is news',
    open: begun(sampleCondition({ fingerprint: 'a' })),
    conditions: [sampleCondition({ fingerprint: 'b' })],
    expected: { news: [key] },
  },
  {
    name: 'news that come with a due reminder are one message',
    open: begun(items('10442')),
    conditions: [items('10444')],
    afterMs: 2 * dayMs,
    expected: { news: [failingKey] },
  },
];

describe('transition', () => {
  it.each(rows)('$name', (row) => {
    const result = transition(
      row.open,
      { conditions: row.conditions, scope: row.scope ?? everything },
      startMs + (row.afterMs ?? hourMs),
      row.remindAfterMs ?? dayMs,
    );
    expect(shape(result)).toEqual(row.expected);
  });

  it.each(kinds)('%s: one message at its beginning, none over 20 evaluations, one at its end', (kind) => {
    const sent: string[] = [];
    let open: OpenAlert[] = [];
    for (let round = 0; round <= 21; round++) {
      const condition = sampleCondition({
        kind,
        summary: `Round ${round}`,
        details: { round },
        runId: `r-${round}`,
        items: round % 2 === 0 ? ['10442', '10443'] : ['10443'],
      });
      const conditions = round < 21 ? [condition] : [];
      const nowMs = startMs + round * hourMs;
      const result = transition(open, { conditions, scope: everything }, nowMs, 40 * dayMs);
      for (const list of ['begin', 'news', 'remind', 'end'] as const)
        sent.push(...result[list].map(() => `${list} ${round}`));
      open = openAfter(result);
    }
    expect(sent).toEqual(['begin 0', 'end 21']);
    expect(open).toEqual([]);
  });

  it('reminds once an interval, with the present numbers, from the last message on', () => {
    let open = begun(academy);
    const reminded: (number | string | undefined)[] = [];
    for (let hour = 1; hour <= 72; hour++) {
      const condition = sampleCondition({ details: { deactivate: 61 + hour } });
      const nowMs = startMs + hour * hourMs;
      const result = transition(open, { conditions: [condition], scope: everything }, nowMs, dayMs);
      reminded.push(...result.remind.map((alert) => alert.details['deactivate']));
      open = openAfter(result);
      expect(open[0]?.beganAtMs).toBe(startMs);
    }
    expect(reminded).toEqual([61 + 24, 61 + 48, 61 + 72]);
  });

  it('names the new items only, and forgets none while the state lasts', () => {
    const first = begun(items('10442', '10443'));
    const second = transition(
      first,
      { conditions: [items('10443', '10444')], scope: everything },
      startMs + 1,
      0,
    );
    expect(second.news.map((alert) => alert.newItems)).toEqual([['10444']]);
    // 10442 works again and then fails again: on-call has heard of it in this state.
    const third = transition(
      openAfter(second),
      { conditions: [items('10442', '10444')], scope: everything },
      startMs + 2,
      0,
    );
    expect(shape(third)).toEqual({ keep: [failingKey] });
    expect(openAfter(third)[0]?.items).toEqual(['10442', '10443', '10444']);
    const ended = transition(openAfter(third), { conditions: [], scope: everything }, startMs + 3, 0);
    expect(ended.end.map((alert) => alert.endedAtMs)).toEqual([startMs + 3]);
    const again = transition(
      openAfter(ended),
      { conditions: [items('10442')], scope: everything },
      startMs + 4,
      0,
    );
    expect(shape(again)).toEqual({ begin: [failingKey] });
  });

  it('loses and doubles nothing, survives JSON, and says nothing when asked twice', () => {
    const condition = fc.record({
      kind: fc.constantFrom<AlertKind>('RUN_FAILED', 'ITEMS_FAILING', 'ROSTER_LATE'),
      customer: fc.constantFrom('acme', 'umbra'),
      platform: fc.constantFrom('academy', 'awareness', null),
      summary: fc.constantFrom('a', 'b'),
      notDone: fc.constant(null),
      nextStep: fc.constant('rollcall status'),
      details: fc.constant({}),
      items: fc.subarray(['1', '2', '3']),
    });
    const evaluation = fc.record({
      conditions: fc.array(condition, { maxLength: 6 }),
      scope: fc.array(
        fc.record({
          customer: fc.constantFrom('acme', 'umbra'),
          platforms: fc.oneof(fc.constant('all' as const), fc.subarray(['academy', 'awareness', null])),
          kinds: fc.oneof(fc.constant('all' as const), fc.subarray<AlertKind>(['RUN_FAILED', 'ROSTER_LATE'])),
        }),
        { maxLength: 2 },
      ),
      afterMs: fc.integer({ min: 0, max: 2 * dayMs }),
    });
    fc.assert(
      fc.property(fc.array(evaluation, { maxLength: 8 }), (evaluations) => {
        let open: OpenAlert[] = [];
        let nowMs = startMs;
        for (const { afterMs, ...now } of evaluations) {
          nowMs += afterMs;
          const result = transition(open, now, nowMs, dayMs);
          const all = lists.flatMap((list) => result[list].map((alert) => alert.key));
          const expected = new Set([...open.map((alert) => alert.key), ...now.conditions.map(alertKey)]);
          expect(all.toSorted()).toEqual([...expected].sort());
          open = JSON.parse(JSON.stringify(openAfter(result))) as OpenAlert[];
          expect(open).toEqual(openAfter(result));
          const repeated = transition(open, now, nowMs, dayMs);
          const quiet = {
            begin: repeated.begin,
            news: repeated.news,
            remind: repeated.remind,
            end: repeated.end,
          };
          expect(quiet).toEqual({ begin: [], news: [], remind: [], end: [] });
        }
      }),
    );
  });
});

describe('alertKey', () => {
  it('is short and plain however long or odd its parts are, and still tells them apart', () => {
    const odd = ['x'.repeat(400), 'x'.repeat(401), 'a/b', 'a b', 'a.b', 'Ünï', '', '-'];
    const keys = odd.flatMap((part) => [
      alertKey({ kind: 'REMOVALS_WITHHELD', customer: part, platform: part, subject: part }),
      alertKey({ kind: 'REMOVALS_WITHHELD', customer: part, platform: part }),
    ]);
    for (const each of keys) {
      expect(each.length).toBeLessThanOrEqual(255);
      expect(each).toMatch(/^[A-Za-z0-9._~-]+$/);
    }
    expect(new Set(keys).size).toBe(keys.length);
  });
});
