import { createHash } from 'node:crypto';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** How far ahead and back a slot is looked for: a leap day is eight years from the next at most. */
const longestSearchMs = 9 * 366 * dayMs;
/** A change of the clock is looked for so far ahead at a time: the next slot is nearly always nearer. */
const stretchMs = 32 * dayMs;
/** A slot older than this when it is noticed was missed: the service was down, asleep or cut off from its queue. */
export const missedAfterMs = 60_000;

/**
 * A schedule as wall-clock times, without a time zone. All times are wall-clock milliseconds: what the clock on the wall
 * shows, read as if it were UTC.
 */
export type WallClock = {
  /** Whether there are slots on that day (a midnight). */
  readonly hasDay: (midnightMs: number) => boolean;
  /** The slots of a day on which there are any, in seconds since midnight, ascending. */
  readonly seconds: readonly number[];
  /**
   * The schedule goes by intervals (it has slots in every hour of the day, such as every five minutes): a repeated hour
   * has its slots again, and a skipped hour has none. Any other schedule goes by the clock on the wall: each time of day
   * comes once a day, whatever the clock is put to.
   */
  readonly everyHour: boolean;
};

/** The offset of a time zone from UTC at an instant, in ms (positive east of Greenwich). */
export type Offset = (atMs: number) => number;

/** A schedule in a time zone. Slots are instants, in ms since 1970. */
export type Schedule = {
  /** The slots after `fromMs` and up to and including `toMs`, ascending. */
  readonly between: (fromMs: number, toMs: number) => Iterable<number>;
  /** The first slot after that instant; null when there is none in the next years. */
  readonly next: (afterMs: number) => number | null;
  /** The last slot at or before that instant, not before `sinceMs`; null when there is none. */
  readonly last: (atMs: number, sinceMs: number) => number | null;
};

/** A stretch of time in which the clock is not put forward or back. `beforeMs`: the offset before it, if another. */
type Stretch = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly offsetMs: number;
  readonly beforeMs: number;
};

/**
 * The schedule of wall-clock times in a time zone.
 *
 * Where the clock is put forward, times of day that do not exist that day come once, together, right after the gap. Where
 * it is put back, times of day that come twice count the first time. Schedules that go by intervals (`everyHour`) keep
 * their distances instead; in a gap of less than an hour, which would make one of them longer, they have a slot after it.
 */
export function createSchedule(clock: WallClock, offset: Offset): Schedule {
  function* between(fromMs: number, toMs: number): Generator<number> {
    let last = fromMs;
    for (const stretch of stretches(offset, fromMs, toMs)) {
      for (const slot of slotsOfStretch(clock, stretch)) {
        if (slot <= last) continue;
        if (slot > toMs) return;
        last = slot;
        yield slot;
      }
    }
  }
  return {
    between,
    next: (afterMs) => {
      for (const slot of between(afterMs, afterMs + longestSearchMs)) return slot;
      return null;
    },
    last: (atMs, sinceMs) => {
      // Days backwards: the last slot is nearly always on this one or the one before.
      for (let toMs = atMs; toMs >= sinceMs; toMs -= dayMs) {
        let found: number | null = null;
        for (const slot of between(Math.max(toMs - dayMs, sinceMs - 1), toMs)) found = slot;
        if (found !== null) return found;
      }
      return null;
    },
  };
}

function* slotsOfStretch(clock: WallClock, stretch: Stretch): Generator<number> {
  const { fromMs, toMs, offsetMs, beforeMs } = stretch;
  let startMs = fromMs;
  if (offsetMs > beforeMs) {
    const gapMs = offsetMs - beforeMs;
    const skipped = !walls(clock, fromMs + beforeMs, fromMs + offsetMs).next().done;
    if (skipped && (!clock.everyHour || gapMs < hourMs)) yield fromMs;
  } else if (offsetMs < beforeMs && !clock.everyHour) startMs = fromMs + (beforeMs - offsetMs);
  for (const wall of walls(clock, startMs + offsetMs, toMs + offsetMs)) yield wall - offsetMs;
}

/** Wall-clock slots from (inclusive) to (exclusive). */
function* walls(clock: WallClock, fromMs: number, toMs: number): Generator<number> {
  for (let midnight = Math.floor(fromMs / dayMs) * dayMs; midnight < toMs; midnight += dayMs) {
    if (!clock.hasDay(midnight)) continue;
    for (let at = firstAtLeast(clock.seconds, (fromMs - midnight) / 1_000); ; at++) {
      const second = clock.seconds[at];
      if (second === undefined) break;
      const wall = midnight + second * 1_000;
      if (wall >= toMs) return;
      yield wall;
    }
  }
}

function firstAtLeast(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The stretches from the one before `fromMs` (a change of the clock just before it still matters) on. */
function* stretches(offset: Offset, fromMs: number, toMs: number): Generator<Stretch> {
  // Far enough back that a change of the clock whose repeated times reach past `fromMs` is seen.
  let startMs = fromMs - 3 * hourMs;
  let before = offset(startMs);
  let current = before;
  while (startMs <= toMs) {
    const seenMs = Math.min(startMs + stretchMs, toMs + dayMs);
    const endMs = nextChange(offset, startMs, seenMs) ?? seenMs;
    yield { fromMs: startMs, toMs: endMs, offsetMs: current, beforeMs: before };
    before = current;
    current = offset(endMs);
    startMs = endMs;
  }
}

/** The first instant after `fromMs` at which the clock is put forward or back. */
function nextChange(offset: Offset, fromMs: number, toMs: number): number | null {
  const known = offset(fromMs);
  for (let at = fromMs; at < toMs; at += dayMs) {
    if (offset(at + dayMs) === known) continue;
    let low = at;
    let high = at + dayMs;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offset(middle) === known) low = middle;
      else high = middle;
    }
    return high;
  }
  return null;
}

/** A slot that a run is due for. */
export type DueSlot = { readonly slotMs: number; readonly trigger: 'schedule' | 'catch-up' };

/**
 * The slots that are due now and were not taken care of. `doneMs` is the last slot that was (or when the schedule was
 * first seen). Slots that were missed are made up for once, by the last of them, unless a good run came later.
 */
export function dueSlots(
  schedule: Schedule,
  state: { readonly doneMs: number; readonly lastGoodMs: number | null },
  nowMs: number,
): readonly DueSlot[] {
  const freshMs = Math.max(state.doneMs, nowMs - missedAfterMs);
  const fresh = [...schedule.between(freshMs, nowMs)];
  if (fresh.length > 0) return fresh.map((slotMs) => ({ slotMs, trigger: 'schedule' }));
  if (freshMs === state.doneMs) return [];
  const missed = schedule.last(freshMs, state.doneMs + 1);
  if (missed === null || (state.lastGoodMs !== null && state.lastGoodMs >= missed)) return [];
  return [{ slotMs: missed, trigger: 'catch-up' }];
}

/**
 * The job of a slot: the same id whoever enqueues it. Names have no dots, so that no two slots share one; BullMQ takes
 * neither a colon nor digits alone.
 */
export function slotJobId(customer: string, platform: string, slotMs: number): string {
  const at = new Date(slotMs).toISOString().replace(/[-:]/g, '').slice(0, 15);
  return `slot.${customer}.${platform}.${at}Z`;
}

/** How long after its slot a run starts, in ms: spread over the jitter, and the same for all who ask. */
export function jitterOf(customer: string, platform: string, slotMs: number, jitterMs: number): number {
  if (jitterMs <= 0) return 0;
  const hash = createHash('sha256')
    .update(slotJobId(customer, platform, slotMs))
    .digest();
  return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * jitterMs);
}
