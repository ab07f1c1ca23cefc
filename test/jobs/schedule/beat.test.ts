import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createSchedule,
  dueSlots,
  jitterOf,
  missedAfterMs,
  slotJobId,
} from '../../../src/jobs/schedule/beat.ts';
import { cronSchedule } from '../../../src/jobs/schedule/cron.ts';

const at = (iso: string): number => Date.parse(iso);
const slots = (cron: string, zone: string, from: string, to: string): string[] =>
  [...cronSchedule(cron, zone, 'schedule').between(at(from), at(to))].map((slot) =>
    new Date(slot).toISOString().replace('.000', ''),
  );

describe('a time of day where the clock is changed', () => {
  test.each([
    // [what, cron, zone, from, to, expected instants]
    [
      'Dublin, spring: 01:30 does not exist and comes right after the gap',
      '30 1 * * *',
      'Europe/Dublin',
      '2026-03-28T00:00Z',
      '2026-03-30T23:00Z',
      ['2026-03-28T01:30:00Z', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
    ],
    [
      'Dublin, autumn: 01:30 exists twice and counts the first time',
      '30 1 * * *',
      'Europe/Dublin',
      '2026-10-24T00:00Z',
      '2026-10-26T23:00Z',
      ['2026-10-24T00:30:00Z', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    ],
    [
      'New York, spring: 02:30 does not exist',
      '30 2 * * *',
      'America/New_York',
      '2026-03-07T00:00Z',
      '2026-03-09T23:00Z',
      ['2026-03-07T07:30:00Z', '2026-03-08T07:00:00Z', '2026-03-09T06:30:00Z'],
    ],
    [
      'New York, autumn: 01:30 exists twice',
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T00:00Z',
      '2026-11-02T23:00Z',
      ['2026-10-31T05:30:00Z', '2026-11-01T05:30:00Z', '2026-11-02T06:30:00Z'],
    ],
    [
      'New York, autumn: 02:00, the end of the repeated hour, comes once',
      '0 2 * * *',
      'America/New_York',
      '2026-10-31T00:00Z',
      '2026-11-02T23:00Z',
      ['2026-10-31T06:00:00Z', '2026-11-01T07:00:00Z', '2026-11-02T07:00:00Z'],
    ],
    [
      'New York, spring: several times in the gap come once',
      '0,20,40 2 * * *',
      'America/New_York',
      '2026-03-08T00:00Z',
      '2026-03-08T23:00Z',
      ['2026-03-08T07:00:00Z'],
    ],
    [
      'New York, spring: a time in the gap and the time after it are one instant, one run',
      '30 2,3 * * *',
      'America/New_York',
      '2026-03-08T00:00Z',
      '2026-03-08T23:00Z',
      ['2026-03-08T07:00:00Z', '2026-03-08T07:30:00Z'],
    ],
    [
      'New York, spring: 02:00 and 03:00 fall together',
      '0 2,3 * * *',
      'America/New_York',
      '2026-03-08T00:00Z',
      '2026-03-08T23:00Z',
      ['2026-03-08T07:00:00Z'],
    ],
    [
      'Lord Howe, spring: half an hour is skipped',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T00:00Z',
      '2026-10-05T00:00Z',
      ['2026-10-03T15:30:00Z', '2026-10-04T15:15:00Z'],
    ],
    [
      'Lord Howe, autumn: half an hour is repeated',
      '45 1 * * *',
      'Australia/Lord_Howe',
      '2026-04-03T12:00Z',
      '2026-04-06T00:00Z',
      ['2026-04-03T14:45:00Z', '2026-04-04T14:45:00Z', '2026-04-05T15:15:00Z'],
    ],
    [
      'Lord Howe, spring: an hourly slot in the gap is not lost',
      '15 * * * *',
      'Australia/Lord_Howe',
      '2026-10-03T14:00Z',
      '2026-10-03T17:00Z',
      ['2026-10-03T14:45:00Z', '2026-10-03T15:30:00Z', '2026-10-03T16:15:00Z'],
    ],
    [
      'Kolkata never changes its clock',
      '30 2 * * *',
      'Asia/Kolkata',
      '2026-03-27T12:00Z',
      '2026-03-30T12:00Z',
      ['2026-03-27T21:00:00Z', '2026-03-28T21:00:00Z', '2026-03-29T21:00:00Z'],
    ],
    [
      'six fields have seconds first',
      '*/20 30 1 * * *',
      'Europe/Dublin',
      '2026-10-25T00:00Z',
      '2026-10-25T02:00Z',
      ['2026-10-25T00:30:00Z', '2026-10-25T00:30:20Z', '2026-10-25T00:30:40Z'],
    ],
  ])('%s', (_what, cron, zone, from, to, expected) => {
    expect(slots(cron, zone, from, to)).toEqual(expected);
  });

  test.each([
    ['Europe/Dublin', '2026-03-29T00:00Z'],
    ['Europe/Dublin', '2026-10-25T00:00Z'],
    ['America/New_York', '2026-03-08T06:00Z'],
    ['America/New_York', '2026-11-01T05:00Z'],
    ['Australia/Lord_Howe', '2026-10-03T14:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T14:00Z'],
    ['Asia/Kolkata', '2026-03-29T00:00Z'],
  ])(
    '%s around %s: every minute is every minute that passes, and every 30 minutes likewise',
    (zone, from) => {
      const end = new Date(at(from) + 4 * 3_600_000).toISOString();
      expect(slots('* * * * *', zone, from, end)).toHaveLength(240);
      expect(slots('*/30 * * * *', zone, from, end)).toHaveLength(8);
      expect(slots('*/10 * * * * *', zone, from, end)).toHaveLength(1_440);
    },
  );

  test('an hourly schedule keeps its hour where a whole hour is skipped or repeated', () => {
    expect(slots('30 * * * *', 'America/New_York', '2026-03-08T06:00Z', '2026-03-08T09:00Z')).toEqual([
      '2026-03-08T06:30:00Z',
      '2026-03-08T07:30:00Z',
      '2026-03-08T08:30:00Z',
    ]);
    expect(slots('30 * * * *', 'America/New_York', '2026-11-01T05:00Z', '2026-11-01T08:00Z')).toEqual([
      '2026-11-01T05:30:00Z',
      '2026-11-01T06:30:00Z',
      '2026-11-01T07:30:00Z',
    ]);
  });
});

test('however the time is cut into beats, the same slots come, each once', () => {
  const zones = ['Europe/Dublin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
  const changes = [
    at('2026-03-08T00:00Z'),
    at('2026-03-29T00:00Z'),
    at('2026-10-03T12:00Z'),
    at('2026-11-01T00:00Z'),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...changes),
      fc.constantFrom(
        '30 1 * * *',
        '30 2 * * *',
        '*/7 1-3 * * *',
        '15 * * * *',
        '0 0 2 * * *',
        '45 1,2 * * 0,6',
      ),
      fc.array(fc.integer({ min: 1, max: 3 * 3_600_000 }), { minLength: 5, maxLength: 40 }),
      (zone, start, cron, steps) => {
        const schedule = cronSchedule(cron, zone, 'schedule');
        const cut: number[] = [];
        let now = start;
        for (const step of steps) {
          cut.push(...schedule.between(now, now + step));
          now += step;
        }
        expect(cut).toEqual([...schedule.between(start, now)]);
        expect(new Set(cut).size).toBe(cut.length);
        let next = schedule.next(start);
        for (const slot of cut) {
          expect(next).toBe(slot);
          next = schedule.next(slot);
        }
        if (cut.length > 0) expect(schedule.last(now, start)).toBe(cut.at(-1));
      },
    ),
    { numRuns: 25 },
  );
});

test('rare schedules are found, and impossible ones are an error with its place', () => {
  const leap = cronSchedule('0 0 29 2 *', 'UTC', 'schedule');
  expect(leap.next(at('2026-11-22T00:00Z'))).toBe(at('2028-02-29T00:00Z'));
  expect(() => cronSchedule('99 * * * *', 'UTC', 'platforms.academy.schedule')).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', place: { key: 'platforms.academy.schedule' } }),
  );
});

describe('what is due at a beat', () => {
  const nightly = cronSchedule('0 2 * * *', 'UTC', 'schedule');
  const night = at('2026-11-22T02:00Z');

  test('a slot that has just come is due, and is not due again', () => {
    const state = { doneMs: night - 86_400_000, lastGoodMs: night - 86_000_000 };
    expect(dueSlots(nightly, state, night - 1)).toEqual([]);
    expect(dueSlots(nightly, state, night)).toEqual([{ slotMs: night, trigger: 'schedule' }]);
    expect(dueSlots(nightly, state, night + missedAfterMs - 1)).toEqual([
      { slotMs: night, trigger: 'schedule' },
    ]);
    expect(dueSlots(nightly, { ...state, doneMs: night }, night + 1_000)).toEqual([]);
  });

  test('slots missed while the service was down are made up for once, by the last', () => {
    const state = { doneMs: night - 5 * 86_400_000, lastGoodMs: night - 5 * 86_400_000 + 60_000 };
    expect(dueSlots(nightly, state, night + 3_600_000)).toEqual([{ slotMs: night, trigger: 'catch-up' }]);
    expect(dueSlots(nightly, { ...state, doneMs: night }, night + 3_600_000)).toEqual([]);
  });

  test('nothing is made up for when a good run came after the slot, nor when none was missed', () => {
    const doneMs = night - 86_400_000;
    expect(dueSlots(nightly, { doneMs, lastGoodMs: night + 1 }, night + 3_600_000)).toEqual([]);
    expect(dueSlots(nightly, { doneMs: night + 60_000, lastGoodMs: null }, night + 3_600_000)).toEqual([]);
  });

  test('a beat that comes late by a few slots of seconds takes all of them', () => {
    const often = cronSchedule('*/5 * * * * *', 'UTC', 'schedule');
    expect(dueSlots(often, { doneMs: night, lastGoodMs: null }, night + 12_000)).toEqual([
      { slotMs: night + 5_000, trigger: 'schedule' },
      { slotMs: night + 10_000, trigger: 'schedule' },
    ]);
  });
});

test('the next slot is found without asking how the clocks stand for years', () => {
  const daily = { hasDay: () => true, seconds: [7_200], everyHour: false };
  let asked = 0;
  const schedule = createSchedule(daily, () => {
    asked++;
    return 0;
  });
  expect(schedule.next(at('2026-03-02T06:00:00Z'))).toBe(at('2026-03-03T02:00:00Z'));
  expect(asked).toBeLessThan(50);
  // Beyond the first stretch it goes on.
  const leap = createSchedule({ ...daily, hasDay: (day) => new Date(day).getUTCMonth() === 1 }, () => 0);
  expect(leap.next(at('2026-03-02T06:00:00Z'))).toBe(at('2027-02-01T02:00:00Z'));
});

test('a slot has one job id, which BullMQ takes and no other slot has', () => {
  const id = slotJobId('a-b', 'c', at('2026-11-22T02:00:05Z'));
  expect(id).toBe('slot.a-b.c.20261122T020005Z');
  expect(id).not.toContain(':');
  expect(slotJobId('a', 'b-c', 0)).not.toBe(slotJobId('a-b', 'c', 0));
});

test('jitter is the same for all who ask, spread, and within its bounds', () => {
  const delays = Array.from({ length: 500 }, (_, day) =>
    jitterOf('acme', 'academy', day * 86_400_000, 600_000),
  );
  expect(delays).toEqual(
    Array.from({ length: 500 }, (_, day) => jitterOf('acme', 'academy', day * 86_400_000, 600_000)),
  );
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...delays)).toBeLessThan(600_000);
  expect(new Set(delays.map((delay) => Math.floor(delay / 60_000))).size).toBe(10);
  expect(jitterOf('acme', 'academy', 0, 0)).toBe(0);
});
