import { expect, test } from 'vitest';
import { clockToleranceMs, createStoredTimes, legalSpansMs, type StoredTime } from '../../src/store/times.ts';

const nowMs = Date.UTC(2026, 2, 2);
const times = Object.keys(legalSpansMs) as StoredTime[];

test.for(times)('%s: later than now plus its span counts as absent, and is remembered', (time) => {
  const { credible, incredible } = createStoredTimes(() => nowMs);
  const lastMs = nowMs + legalSpansMs[time];
  for (const atMs of [0, nowMs, lastMs]) expect(credible(time, atMs, 'acme/academy')).toBe(atMs);
  expect(credible(time, null, 'acme/academy')).toBeNull();
  expect(incredible()).toEqual([]);
  expect(credible(time, lastMs + 1, 'acme/academy')).toBeNull();
  expect(incredible()).toEqual([{ time, of: 'acme/academy', atMs: lastMs + 1 }]);
});

test('what is credible again, because the clock or the time was put right, is forgotten once it could be told', () => {
  let clockMs = nowMs;
  let upMs = 0;
  const { credible, incredible } = createStoredTimes(
    () => clockMs,
    () => upMs,
  );
  const atMs = nowMs + 3_600_000;
  expect(credible('lastGood', atMs, 'acme/academy')).toBeNull();
  clockMs = atMs - clockToleranceMs;
  expect(credible('lastGood', atMs, 'acme/academy')).toBe(atMs);
  // Conditions are looked at once a minute.
  upMs += 60_000;
  expect(credible('lastGood', nowMs, 'acme/academy')).toBe(nowMs);
  expect(incredible()).toEqual([{ time: 'lastGood', of: 'acme/academy', atMs }]);
  upMs += 61_000;
  expect(incredible()).toEqual([]);
});
