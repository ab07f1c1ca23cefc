import type { RosterConfig } from '../config/schema.ts';
import { formatDuration } from '../config/units.ts';
import type { IncompleteReason, ReadRosterOptions, RosterBaseline } from './types.ts';

/** What the read counted. */
export type Counts = {
  readonly rows: number;
  /** People delivered, and people rejected (a row without a readable id counts as one). */
  readonly usable: number;
  readonly rejected: number;
  readonly perShrinkValue: ReadonlyMap<string, number>;
  readonly modifiedAtMs: number;
};

const shownValues = 5;

/** Whether `now` is less than `before` by more than `percent`, reckoned without fractions of a percent lost to rounding. */
function shrunk(now: number, before: number, percent: number): boolean {
  return now * 100 < before * (100 - percent);
}

/** The reasons, of those that numbers and times give, why a roster does not count as complete. */
export function incompleteReasons(
  counts: Counts,
  options: Pick<ReadRosterOptions, 'config' | 'baseline' | 'nowMs' | 'lastExpectedMs'>,
): IncompleteReason[] {
  const { config, baseline } = options;
  const reasons: IncompleteReason[] = [];
  if (counts.rows === 0) {
    reasons.push({
      code: 'ROSTER_EMPTY',
      message: 'The roster has no rows. Check the export in the HR system.',
    });
  }
  // People, not rows: an export that has some rows twice is not larger for it, and the next one has not shrunk.
  const everybody = counts.usable + counts.rejected;
  if (baseline.maxPeople !== null && shrunk(everybody, baseline.maxPeople, config.maxShrink)) {
    reasons.push({
      code: 'ROSTER_SHRUNK',
      message:
        `The roster has ${everybody} people; the most in the last 30 days were ${baseline.maxPeople}, and roster.maxShrink ` +
        `allows ${config.maxShrink}% fewer. Check whether the export is complete; if so many people did leave, raise maxShrink for one run.`,
    });
  }
  reasons.push(...shrunkValues(counts.perShrinkValue, baseline, config));
  const stale = staleness(counts.modifiedAtMs, options);
  if (stale !== undefined) reasons.push({ code: 'ROSTER_STALE', message: stale });
  // An id that contradicts itself on five rows is one person who is left as they are.
  if (counts.rejected * 100 > everybody * config.maxRejected) {
    const share = ((counts.rejected / everybody) * 100).toFixed(1);
    reasons.push({
      code: 'ROSTER_REJECTED',
      message:
        `${counts.rejected} of ${everybody} people (${share}%) cannot be used; roster.maxRejected allows ${config.maxRejected}%. ` +
        'See the rejected rows for what to correct in the HR system or in the mapping.',
    });
  }
  return reasons;
}

function shrunkValues(
  now: ReadonlyMap<string, number>,
  baseline: RosterBaseline,
  config: RosterConfig,
): IncompleteReason[] {
  if (config.shrinkBy === undefined) return [];
  const short: string[] = [];
  for (const [value, before] of Object.entries(baseline.maxPerShrinkValue)) {
    const rows = now.get(value) ?? 0;
    if (shrunk(rows, before, config.maxShrink)) short.push(`"${value}" (${rows} of ${before})`);
  }
  if (short.length === 0) return [];
  const more = short.length > shownValues ? ` and ${short.length - shownValues} more` : '';
  return [
    {
      code: 'ROSTER_SHRUNK_VALUE',
      message:
        `Rows are missing by ${config.shrinkBy}: ${short.slice(0, shownValues).join(', ')}${more}, against the most in the last 30 days; ` +
        `roster.maxShrink allows ${config.maxShrink}% fewer each. Check whether a part of the company is missing from the export.`,
    },
  ];
}

/** A file may be dated a little ahead of us: clocks differ. */
const clocksDifferMs = 10 * 60_000;

/** Whether a file is dated in the future: then its date says nothing of its age. */
export function isOfTheFuture(modifiedAtMs: number, nowMs: number): boolean {
  return modifiedAtMs > nowMs + clocksDifferMs;
}

/** Why the file is not fresh; undefined when it is. */
function staleness(
  modifiedAtMs: number,
  options: Pick<ReadRosterOptions, 'config' | 'nowMs' | 'lastExpectedMs'>,
): string | undefined {
  const { expected } = options.config;
  if (expected === undefined) return undefined;
  if (isOfTheFuture(modifiedAtMs, options.nowMs))
    return `The roster is dated ${new Date(modifiedAtMs).toISOString()}, in the future, and may be of any age. Check the clocks here and where it comes from.`;
  const ageMs = options.nowMs - modifiedAtMs;
  const age = formatDuration(Math.max(0, Math.round(ageMs / 60_000) * 60_000));
  if ('maxAge' in expected) {
    if (ageMs <= expected.maxAge) return undefined;
    return `The roster is ${age} old; roster.expected.maxAge is ${formatDuration(expected.maxAge)}. Check why no newer export came.`;
  }
  const dueMs = options.lastExpectedMs(options.nowMs - expected.grace);
  if (modifiedAtMs >= dueMs) return undefined;
  return (
    `The roster is ${age} old; a newer one was due at ${new Date(dueMs).toISOString()} (roster.expected.cron "${expected.cron}", ` +
    `${expected.timezone}) with a grace of ${formatDuration(expected.grace)}. Check why it did not come.`
  );
}
