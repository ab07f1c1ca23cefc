import type { Review } from '../../store/decisions.ts';
import type { PlatformRow } from '../../store/platforms.ts';
import type { LaunchRow } from '../../store/results.ts';
import type { RejectionGlance } from '../../store/overview.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { KeyEnd } from '../../jobs/service/roster-keys.ts';

/** What the store says of one platform, as far as alerts look. Runs are of the whole platform. */
export type PlatformFacts = {
  readonly name: string;
  /** Runs come by a schedule of the service: the next step is a resync, not a sync from the command line. */
  readonly scheduled: boolean;
  readonly row: PlatformRow | undefined;
  /** The last ended run, and the last one that came to a plan and its end. */
  readonly last: Run | undefined;
  readonly through: Run | undefined;
  /** When it was in step last, and from when on that is too long ago (null: nobody said how often it should be). */
  readonly goodMs: number | null;
  readonly staleAtMs: number | null;
  /** The run whose held changes wait for a decision. */
  readonly held: Run | undefined;
  readonly failing: readonly { readonly person: string; readonly code: string }[];
  readonly reviews: readonly Review[];
  /** What was rejected and still stands, by run, the newest first. */
  readonly rejections: readonly RejectionGlance[];
  /** Until when it asked to wait; null when it did not. */
  readonly askedUntilMs: number | null;
  /** Trainings that wait for a person. */
  readonly launches: readonly LaunchRow[];
};

/** What the store says of one customer at one moment. */
export type CustomerFacts = {
  readonly customer: string;
  /** What follows a command so that it finds this customer: empty, or ` -c FILE`. */
  readonly commandSuffix: string;
  readonly nowMs: number;
  readonly platforms: readonly PlatformFacts[];
  /** People rejected in `rejectedInARow` exports in a row. */
  readonly rejected: readonly { readonly person: string; readonly exports: number; readonly code: string }[];
  /** When keys end that the roster cannot be read without. */
  readonly keys: readonly KeyEnd[];
  /** The parts of the roster ('' is the only one) that have had the same content for too long, and since when. */
  readonly unchanged: readonly { readonly part: string; readonly sinceMs: number }[];
};

/** A key is told of so long before its end: whoever sends the export needs time for theirs. */
export const keyWarningMs = 30 * 24 * 3_600_000;
/** Exports in a row in which a row is rejected before on-call hears of it. */
export const rejectedInARow = 3;
/** A pause without an end is forgotten when it lasts longer than this. */
const endlessPauseMs = 24 * 3_600_000;
/** A service ends a pause by itself when its time has come; it is given this long. */
const pauseGraceMs = 5_000;

/** When a pause has lasted too long; null when there is none. */
export function pauseOutlivedAtMs(row: PlatformRow | undefined): number | null {
  if (row?.paused_ms == null) return null;
  return row.paused_until_ms === null ? row.paused_ms + endlessPauseMs : row.paused_until_ms + pauseGraceMs;
}

/** The platform that a condition is of. */
export type OfPlatform = { readonly customer: string; readonly platform: string };
/** Makes a command of ours that finds the customer: `show RUN` gives `rollcall show RUN -c FILE`. */
export type Command = (verb: string) => string;
