import type { Rate } from '../config/units.ts';
import type { OpenBatches } from '../store/batches.ts';

type Counted = { readonly done: number; readonly total: number | null };

/** What a run is doing, for whoever watches it. Counts, never people. */
export type Progress =
  | ({ readonly phase: 'roster' } & Counted)
  | ({ readonly phase: 'accounts' } & Counted)
  | ({ readonly phase: 'members' } & Counted)
  | ({ readonly phase: 'plan' } & Counted)
  /** `leastMs`: what the rate takes for the requests that are left, in ms. */
  | ({ readonly phase: 'apply'; readonly leastMs: number } & Counted);

export type OnProgress = (progress: Progress) => void;

/** How far the applying of a run is. */
export function applyProgress({ done, total, left }: OpenBatches, rate: Rate): Progress {
  return { phase: 'apply', done, total, leastMs: (left * rate.windowMs) / rate.count };
}
