import type { ChangeKind } from '../change.ts';
import { type ErrorCode, errorCodes } from '../errors.ts';
import type { Run } from '../store/run-lookups.ts';
import type { RunReason } from '../store/schema.ts';

/** The side that did not prove that it is complete; null: how many removals wait for that. */
type Withholds = { readonly does: 'withholds'; readonly side: 'roster' | 'platform' | null };

/**
 * What a reason or a note of a run does:
 *
 * - `holds`: a limit was broken, somebody decides;
 * - `withholds`: no removal is planned;
 * - `fails`: the run ends `partial`; some of it did not go through;
 * - `plans`, `applies`: besides its changes the run would do something, or did it;
 * - `tells`: nothing follows from it.
 */
export type Effect = (Withholds | { readonly does: 'holds' | 'fails' | 'plans' | 'applies' | 'tells' }) & {
  /** It is of the trainings that a run starts, and found anew whenever it looks at them. */ readonly ofLaunch?: true;
};

const holds = { does: 'holds' } as const;
const roster = { does: 'withholds', side: 'roster' } as const;
const platform = { does: 'withholds', side: 'platform' } as const;
const fails = { does: 'fails' } as const;
const plans = { does: 'plans' } as const;
const applies = { does: 'applies' } as const;
const tells = { does: 'tells' } as const;
const launch = { ofLaunch: true } as const;

/**
 * Every code that a run gives to a reason or a note besides those of errors, and what it does. Nothing else decides by a
 * code, and none by how one begins. `docs/errors.md` has an entry for each; a test holds the two together.
 */
export const reasonCodes = {
  HELD_CREATE: holds,
  HELD_UPDATE: holds,
  HELD_REACTIVATE: holds,
  HELD_DEACTIVATE: holds,
  HELD_ENROLL: holds,
  HELD_UNENROLL: holds,
  HELD_VALUES: holds,
  HELD_LAUNCH: { ...holds, ...launch },

  REMOVALS_WITHHELD: { does: 'withholds', side: null },
  ROSTER_EMPTY: roster,
  ROSTER_TORN: roster,
  ROSTER_SHRUNK: roster,
  ROSTER_SHRUNK_VALUE: roster,
  ROSTER_STALE: roster,
  ROSTER_REJECTED: roster,
  ROSTER_SKIPPED: roster,
  ROSTER_ID_UNREADABLE: roster,
  ROSTER_PART_AWAY: roster,
  ROSTER_IDS_RESPELLED: roster,
  ROSTER_SLIPPED: roster,
  TRAILER_MISSING: roster,
  TRAILER_COUNT: roster,
  PLATFORM_EMPTY: platform,
  PLATFORM_SHRUNK: platform,
  TARGET_SHRUNK: platform,

  ITEMS_FAILED: fails,
  LAUNCH_FAILED: { ...fails, ...launch },
  LAUNCH_UNKNOWN: { ...fails, ...launch },

  LAUNCH_CREATE: { ...plans, ...launch },
  LAUNCH_SEND: { ...plans, ...launch },
  LAUNCH_CREATED: { ...applies, ...launch },
  LAUNCH_SENT: { ...applies, ...launch },

  LAUNCH_FOUND: { ...tells, ...launch },
  LAUNCH_WAITS: { ...tells, ...launch },
  NEWCOMERS_NEED_ENROLLMENT: { ...tells, ...launch },
  PEOPLE_ABSENT: tells,
  MANAGERS_EMPTY: tells,
  MANAGERS_AWAITED: tells,
  MANAGERS_WITHOUT_ACCOUNT: tells,
  ROSTER_FIELD_ABSENT: tells,
  ROSTER_PART_GONE: tells,
  ROSTER_PART_RENAMED: tells,
  ROSTER_PEOPLE_APART: tells,
  CHANGES_SUPPRESSED: tells,
  CHANGES_UNDONE: tells,
  TARGET_CLOSED: tells,
  VALUES_CUT: tells,
  VALUES_DOUBTED: tells,
  VALUES_NOT_COMPARED: tells,
  REASON: tells,
  ROSTER_AWAITED: tells,
  ROSTER_LATE: tells,
  ROSTER_UNCHANGED: tells,
  APPROVAL_USED: tells,
  APPROVAL_EXPIRED: tells,
  CANCELLED: tells,
  RUN_REPLACED: tells,
  UNDOES: tells,
  NOT_UNDONE: tells,
} as const satisfies Readonly<Record<string, Effect>>;

export type ReasonCode = keyof typeof reasonCodes;

/** What a roster that cannot be had fails with. All else is a defect of ours or of the configuration. */
export const rosterFailures: ReadonlySet<string> = new Set<ErrorCode>([
  'ROSTER_UNREACHABLE',
  'ROSTER_NOT_FOUND',
  'ROSTER_UNREADABLE',
  'ROSTER_HEADER',
  'ROSTER_FORMAT',
  'ROSTER_ENCODING',
  'ROSTER_KEY',
  'ROSTER_DECRYPT',
  'ROSTER_SIGNATURE',
  'ROSTER_CHANGING',
]);

/** A reason or a note of a run; one that failed as a whole has the code of its error. */
export type Reason = RunReason & { readonly code: ReasonCode | ErrorCode };

/** What a reason does that was stored, maybe by another version. An error's code ends a run by itself. */
function effectOf(code: string): Effect | { readonly does: 'ends'; readonly ofLaunch?: never } {
  if (Object.hasOwn(reasonCodes, code)) return reasonCodes[code as ReasonCode];
  return Object.hasOwn(errorCodes, code) ? { does: 'ends' } : tells;
}

/** Whether one of the reasons, or notes, does that. */
export function some(reasons: readonly { readonly code: string }[], does: Effect['does'] | 'ends'): boolean {
  return reasons.some(({ code }) => effectOf(code).does === does);
}

/** Of the reasons, those that hold something. */
export function holding<T extends { readonly code: string }>(reasons: readonly T[]): readonly T[] {
  return reasons.filter(({ code }) => effectOf(code).does === 'holds');
}

/** Of the reasons, those for which a side, or that one, was not complete. */
export function incomplete<T extends { readonly code: string }>(
  reasons: readonly T[],
  side?: 'roster' | 'platform',
): readonly T[] {
  return reasons.filter(({ code }) => {
    const effect = effectOf(code);
    return (
      effect.does === 'withholds' && effect.side !== null && (side === undefined || effect.side === side)
    );
  });
}

/** The reasons, without those of trainings that the run starts. */
export function withoutLaunches<T extends { readonly code: string }>(reasons: readonly T[]): readonly T[] {
  return reasons.filter(({ code }) => effectOf(code).ofLaunch !== true);
}

/** The code of a hold on that kind of change. */
export function heldCode(kind: ChangeKind): ReasonCode {
  return `HELD_${kind.toUpperCase() as Uppercase<ChangeKind>}`;
}

/** The reason that a cancelled run ends with. */
export function cancelledReason(run: Pick<Run, 'decided'>): Reason {
  return { code: 'CANCELLED', message: `${run.decided ?? 'cancelled'}; what was not sent was skipped` };
}

/** Reasons as they are told to whoever asks: what on-call gets instead is left out. */
export function toldReasons(
  reasons: readonly RunReason[],
): { readonly code: string; readonly message: string }[] {
  return reasons.map(({ code, message }) => ({ code, message }));
}
