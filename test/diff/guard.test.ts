import { describe, expect, it } from 'vitest';
import { type ChangeKind, changeKinds, noChanges } from '../../src/change.ts';
import { absenceIsDue } from '../../src/diff/absence.ts';
import {
  defaultLimits,
  describeHold,
  type GuardInput,
  guard,
  type Limit,
  limitOf,
} from '../../src/diff/guard.ts';

function judge(over: {
  planned?: Partial<Record<ChangeKind, number>>;
  approved?: Partial<Record<ChangeKind, number>>;
  recent?: Partial<Record<ChangeKind, number>>;
  managed: number;
  limits?: GuardInput['limits'];
}) {
  return guard({
    planned: { ...noChanges(), ...over.planned },
    approved: { ...noChanges(), ...over.approved },
    recent: { ...noChanges(), ...over.recent },
    managed: over.managed,
    limits: over.limits ?? {},
  });
}

describe('a limit', () => {
  it.each<[ChangeKind, number, number]>([
    // max(floor, min(count, percent of managed))
    ['deactivate', 12, 3],
    ['deactivate', 60, 3],
    ['deactivate', 80, 4],
    ['deactivate', 999, 49],
    ['deactivate', 1_000, 50],
    ['deactivate', 1_000_000, 50],
    ['reactivate', 0, 3],
    ['unenroll', 0, 5],
    ['unenroll', 500, 50],
    ['unenroll', 100_000, 200],
    ['create', 1, 50],
    ['create', 1_000, 200],
    ['update', 30, 20],
    ['update', 1_000, 500],
    ['enroll', 100, 100],
    ['enroll', 1_000, 500],
  ])('of %s with %i managed accounts is %i by default', (kind, managed, limit) => {
    expect(limitOf(kind, managed)).toBe(limit);
  });

  it('does not bind create and enroll while nothing is managed, and only these', () => {
    const unbound = changeKinds.filter((kind) => limitOf(kind, 0) === Number.POSITIVE_INFINITY);
    expect(unbound).toEqual(['create', 'enroll']);
    expect(judge({ planned: { create: 1e6, enroll: 1e6 }, managed: 0 })).toEqual([]);
    expect(judge({ planned: { update: 21 }, managed: 0 })).toHaveLength(1);
  });

  it('takes what the configuration says and the defaults for the rest, key by key', () => {
    expect(limitOf('deactivate', 1_000, { count: 10 })).toBe(10);
    expect(limitOf('deactivate', 1_000, { percent: 1, floor: 0 })).toBe(10);
    expect(limitOf('deactivate', 1_000, { count: 0, floor: 0 })).toBe(0);
    expect(limitOf('deactivate', 1_000, { count: 0 })).toBe(3);
    // A key that is there without a value must not switch the limit off.
    const holes = { count: undefined, percent: undefined, floor: undefined } as unknown as Partial<Limit>;
    expect(limitOf('deactivate', 1_000, holes)).toBe(50);
    expect(limitOf('create', 100, { percent: 29, floor: 0 })).toBe(29);
  });
});

describe('the guard', () => {
  it.each<[number, number, boolean]>([
    [4, 0, false],
    [5, 0, true],
    [1, 3, false],
    [1, 4, true],
    [0, 9, false],
  ])('with a limit of 4: %i planned after %i in 24 hours is held: %s', (planned, recent, held) => {
    const holds = judge({ planned: { deactivate: planned }, recent: { deactivate: recent }, managed: 80 });
    expect(holds).toEqual(held ? [{ kind: 'deactivate', planned, recent, limit: 4, managed: 80 }] : []);
  });

  it('holds each kind by itself, whole', () => {
    const holds = judge({ planned: { create: 30, deactivate: 51, update: 3 }, managed: 1_000 });
    expect(holds.map(({ kind, planned }) => [kind, planned])).toEqual([['deactivate', 51]]);
  });

  it('does not count approved changes', () => {
    expect(judge({ planned: { deactivate: 60 }, approved: { deactivate: 60 }, managed: 100 })).toEqual([]);
    const [hold] = judge({ planned: { deactivate: 66 }, approved: { deactivate: 60 }, managed: 100 });
    expect(hold).toMatchObject({ planned: 6, limit: 5 });
  });

  it('holds the twelve of a company of twelve whose status column breaks', () => {
    const [hold] = judge({ planned: { deactivate: 12 }, managed: 12 });
    expect(hold).toMatchObject({ kind: 'deactivate', planned: 12, limit: 3 });
    expect(describeHold(hold ?? { kind: 'create', planned: 0, recent: 0, limit: 0, managed: 0 })).toBe(
      '12 deactivate would pass the limit of 3 (12 managed accounts); all 12 are held.',
    );
    expect(judge({ planned: { deactivate: 3 }, managed: 12 })).toEqual([]);
  });

  it('holds 49 leavers an hour from the second hour on: many small runs are no way around', () => {
    const went: number[] = [];
    for (let hour = 0; hour < 6; hour++) {
      const recent = { deactivate: went.reduce((sum, count) => sum + count, 0) };
      const holds = judge({ planned: { deactivate: 49 }, recent, managed: 10_000 });
      went.push(holds.length === 0 ? 49 : 0);
    }
    expect(went).toEqual([49, 0, 0, 0, 0, 0]);
  });

  it('holds the creates of an id column swapped by mistake', () => {
    expect(judge({ planned: { create: 1_000 }, managed: 1_000 })).toMatchObject([
      { kind: 'create', limit: 200 },
    ]);
  });

  it('has the limits of the contract', () => {
    expect(defaultLimits.deactivate).toEqual({ count: 50, percent: 5, floor: 3 });
    expect(defaultLimits.unenroll).toEqual({ count: 200, percent: 10, floor: 5 });
  });

  it('says what came before', () => {
    const hold = { kind: 'unenroll', planned: 2, recent: 5, limit: 5, managed: 9 } as const;
    expect(describeHold(hold)).toContain('2 unenroll after 5 in the last 24 h would pass the limit of 5');
  });
});

describe('absence', () => {
  const day = 86_400_000;
  it.each<[number, number, boolean]>([
    [3, 2 * day, true],
    [3, 2 * day - 1, false],
    [2, 30 * day, false],
    [4, 2 * day, true],
  ])('of %i exports over %i ms is due: %s', (exports, ms, isDue) => {
    const sinceMs = 1_000;
    expect(absenceIsDue({ exports, sinceMs }, { exports: 3, days: 2 }, sinceMs + ms)).toBe(isDue);
  });
});
