import type { AlertKind } from '../alerts/kinds.ts';
import type { Condition, Scope } from '../alerts/state.ts';
import { changeKinds } from '../change.ts';
import type { Review } from '../store/decisions.ts';
import type { PlatformRow } from '../store/platforms.ts';
import type { LaunchRow } from '../store/results.ts';
import type { Run } from '../store/runs.ts';
import type { RunReason } from '../store/schema.ts';
import { countsInWords, sumOf } from './alerting-words.ts';
import { arrivalNotes } from './arrivals.ts';
import { isWithholding } from './finish.ts';

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
  /** Since when the roster has had the same content, when that is for too long; else null. */
  readonly unchangedSinceMs: number | null;
};

/** Exports in a row in which a row is rejected before on-call hears of it. */
export const rejectedInARow = 3;
/** A pause without an end is forgotten when it lasts longer than this. */
export const endlessPauseMs = 24 * 3_600_000;
/** A service ends a pause by itself when its time has come; it is given this long. */
const pauseGraceMs = 5_000;

const rosterFailures = ['ROSTER_NOT_FOUND', 'ROSTER_UNREADABLE', 'ROSTER_HEADER', 'ROSTER_CHANGING'];
const rosterReason = /^(ROSTER_|TRAILER_)/;
/** Kinds that end only with a run that came through: another kind of failure does not say that they are over. */
const failureKinds = ['RUN_FAILED', 'SIGN_IN_REFUSED'] as const satisfies readonly AlertKind[];
const platformKinds = [
  'RUN_HELD',
  'REMOVALS_WITHHELD',
  'PLATFORM_STALE',
  'ITEMS_FAILING',
  'PEOPLE_IN_REVIEW',
  'CHANGES_UNDONE',
  'PAUSE_OUTLIVED',
  'LAUNCH_UNKNOWN',
] as const satisfies readonly AlertKind[];
const rosterKinds = [
  'ROSTER_LATE',
  'ROSTER_UNCHANGED',
  'REMOVALS_WITHHELD',
  'PEOPLE_REJECTED',
] as const satisfies readonly AlertKind[];

const at = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const listed = (names: readonly string[]): string => names.join(', ');
const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** How many there are of each code, the most frequent first: `EMAIL_INVALID 3, ID_MISSING 1`. */
function codesInWords(of: readonly { readonly code: string }[]): string {
  const counts = new Map<string, number>();
  for (const { code } of of) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${count}`)
    .join(', ');
}

const sentences = (reasons: readonly RunReason[]): string =>
  reasons.map(({ message }) => (/[.!?]$/.test(message) ? message : `${message}.`)).join(' ');

/** What on-call has to know of a customer at this moment. Pure. No names, no emails: employee ids at most. */
export function conditionsOf(facts: CustomerFacts): readonly Condition[] {
  return [
    ...facts.platforms.flatMap((platform) => platformConditions(facts, platform)),
    ...rosterConditions(facts),
  ];
}

/**
 * What an evaluation of these facts may end. A failed run says nothing of what a run that comes through would find; so
 * the failures of a platform stay open until one does.
 */
export function scopeOf(facts: CustomerFacts, openPlatforms: readonly (string | null)[]): readonly Scope[] {
  const { customer } = facts;
  const known = facts.platforms.map(({ name }) => name);
  const gone = openPlatforms.filter((name) => name !== null && !known.includes(name));
  const through = facts.platforms.filter(({ last }) => last !== undefined && last.status !== 'failed');
  return [
    { customer, platforms: known, kinds: platformKinds },
    { customer, platforms: through.map(({ name }) => name), kinds: failureKinds },
    { customer, platforms: [null], kinds: rosterKinds },
    { customer, platforms: through.length > 0 ? [null] : [], kinds: ['ROSTER_UNREADABLE'] },
    // A platform that is no longer configured has no state any more.
    { customer, platforms: gone, kinds: 'all' },
  ];
}

function platformConditions(facts: CustomerFacts, platform: PlatformFacts): Condition[] {
  const of = { customer: facts.customer, platform: platform.name };
  const run = (verb: string): string => `rollcall ${verb}${facts.commandSuffix}`;
  const again = run(platform.scheduled ? `resync ${platform.name}` : `sync ${platform.name}`);
  const { last, through } = platform;
  return [
    ...(last?.status === 'failed' ? failed(of, last, run, again) : []),
    ...(platform.held === undefined ? [] : [held(of, platform.held, facts.nowMs, run, again)]),
    ...(through === undefined ? [] : [...withheld(of, through, run, again), ...undone(of, through, run)]),
    ...(through === undefined || platform.failing.length === 0 ? [] : [failing(of, through, platform, run)]),
    ...stale(of, platform, facts.nowMs, run, again),
    ...paused(of, platform.row, facts.nowMs, run),
    ...(platform.reviews.length === 0 ? [] : [inReview(of, platform.reviews, run)]),
    ...(through === undefined ? [] : launchFailed(of, through, run, again)),
    ...platform.launches.map((launch) =>
      launch.state === 'unknown' ? launchUnknown(of, launch, run) : launchHeld(of, launch, run, again),
    ),
  ];
}

type Of = { readonly customer: string; readonly platform: string };
type Command = (verb: string) => string;

function failed(of: Of, last: Run, run: Command, again: string): Condition[] {
  const [reason] = last.reasons;
  const code = reason?.code ?? 'INTERNAL';
  // One file for all platforms: one alert of the customer says it.
  if (rosterFailures.includes(code)) return [];
  const applied = sumOf(last.applied);
  const base = {
    ...of,
    runId: last.id,
    notDone:
      applied === 0
        ? 'Nothing was changed there; joiners, changes and leavers wait for the next good run.'
        : `${countsInWords(last.applied)} were applied; the rest of ${sumOf(last.planned)} changes was not.`,
    details: { error: code, ended: at(last.ended_ms ?? last.created_ms) },
  };
  const why = reason === undefined ? 'It has no reason.' : sentences([reason]);
  if (code === 'SIGN_IN_REFUSED')
    return [
      {
        ...base,
        kind: 'SIGN_IN_REFUSED',
        summary: `${of.platform} refuses our credentials. ${why}`,
        nextStep: `${run('check')}; put a valid credential where the configuration reads it, restart the service, then ${again}`,
      },
    ];
  return [
    {
      ...base,
      kind: 'RUN_FAILED',
      summary: `A run of ${of.platform} failed with ${code}. ${why}`,
      nextStep: `${run(`show ${last.id}`)}; once its cause is settled: ${again}`,
    },
  ];
}

function held(of: Of, run: Run, nowMs: number, command: Command, again: string): Condition {
  const counts = countsInWords(run.held);
  const expiresMs = run.hold_expires_ms ?? 0;
  const isOver = run.decided !== null || expiresMs <= nowMs;
  const hash = run.hash ?? '';
  const reasons = run.reasons.filter(({ code }) => code.startsWith('HELD_'));
  return {
    ...of,
    kind: 'RUN_HELD',
    runId: run.id,
    summary: sentences(reasons) || `${counts} are held.`,
    notDone: `${counts} of ${of.platform} wait for a decision; everything else of the run went ahead.`,
    nextStep: isOver
      ? `The hold has expired; propose it anew with ${again}`
      : `${command(`show ${run.id}`)}; then ${command(`approve ${run.id} --hash ${hash}`)} or ${command(`reject ${run.id}`)}`,
    details: {
      ...Object.fromEntries(
        changeKinds.filter((kind) => run.held[kind] > 0).map((kind) => [kind, run.held[kind]]),
      ),
      hash,
      'decide by': at(expiresMs),
    },
    fingerprint: hash,
  };
}

/** Removals that wait because the platform did not prove that it was read whole. Those of the roster are one alert. */
function withheld(of: Of, through: Run, run: Command, again: string): Condition[] {
  const reasons = through.reasons.filter(
    (reason) => isWithholding(reason) && !rosterReason.test(reason.code),
  );
  if (reasons.length === 0) return [];
  return [
    {
      ...of,
      kind: 'REMOVALS_WITHHELD',
      runId: through.id,
      summary: `${of.platform} was not read whole. ${sentences(reasons)}`,
      notDone: removalsNotDone([through]),
      nextStep: `${run(`show ${through.id}`)}; ${run('check')}; when it is whole again: ${again}`,
      details: { reasons: listed(reasons.map(({ code }) => code)) },
    },
  ];
}

function removalsNotDone(runs: readonly Run[]): string {
  const waiting = runs.flatMap(({ reasons }) => reasons.filter(({ code }) => code === 'REMOVALS_WITHHELD'));
  const where = listed(runs.map(({ platform }) => platform));
  const counted = waiting.length === 0 ? '' : ` ${sentences(waiting)}`;
  return `Nobody was deactivated or unenrolled on ${where}; everything else went ahead.${counted}`;
}

function undone(of: Of, through: Run, run: Command): Condition[] {
  const notes = through.notes.filter(({ code }) => code === 'CHANGES_UNDONE');
  if (notes.length === 0) return [];
  return [
    {
      ...of,
      kind: 'CHANGES_UNDONE',
      runId: through.id,
      summary: sentences(notes),
      notDone: null,
      nextStep: `${run(`show ${through.id}`)}; find who else writes to ${of.platform}; to keep out meanwhile: ${run(`pause ${of.platform} --reason "another sync writes there"`)}`,
      details: {},
    },
  ];
}

function failing(of: Of, through: Run, { failing, scheduled }: PlatformFacts, run: Command): Condition {
  const [first] = failing;
  const one = first?.person ?? '';
  return {
    ...of,
    kind: 'ITEMS_FAILING',
    runId: through.id,
    summary: `${of.platform} does not take the changes of ${plural(failing.length, 'person', 'people')} (${codesInWords(failing)}).`,
    notDone: `The changes of ${plural(failing.length, 'this person', 'these people')}; everybody else's went through.`,
    nextStep: `${run(`show ${through.id}`)}; ${run(`explain ${one}`)}; when it is corrected: ${run(scheduled ? `resync ${of.platform} --person ${one}` : `sync ${of.platform}`)}`,
    details: { people: failing.length },
    items: failing.map(({ person }) => person),
  };
}

function stale(of: Of, platform: PlatformFacts, nowMs: number, run: Command, again: string): Condition[] {
  const { staleAtMs, goodMs, last, row } = platform;
  // A pause is silence on purpose; it has an alert of its own when it outlives its end.
  if (staleAtMs === null || nowMs < staleAtMs || row?.paused_ms != null) return [];
  const good =
    goodMs === null ? 'There has been no good run yet.' : `The last good run ended at ${at(goodMs)}.`;
  const since =
    last?.ended_ms == null || (goodMs !== null && last.ended_ms <= goodMs)
      ? 'No run has ended since.'
      : `The last run ended at ${at(last.ended_ms)}: ${last.status}.`;
  return [
    {
      ...of,
      kind: 'PLATFORM_STALE',
      ...(last === undefined ? {} : { runId: last.id }),
      summary: `No good run of ${of.platform} for too long. ${good} ${since}`,
      notDone: `Whatever changed on the roster since then has not reached ${of.platform} in full.`,
      nextStep: `${run('status')}; ${run('schedule')}; then ${again}`,
      details: goodMs === null ? {} : { 'last good run': at(goodMs) },
    },
  ];
}

function paused(of: Of, row: PlatformRow | undefined, nowMs: number, run: Command): Condition[] {
  if (row?.paused_ms == null) return [];
  const endMs = pauseOutlivedAtMs(row);
  if (endMs === null || nowMs < endMs) return [];
  const by = row.paused_by === null ? '' : ` by ${row.paused_by}`;
  const end = row.paused_until_ms === null ? 'without an end' : `until ${at(row.paused_until_ms)}`;
  return [
    {
      ...of,
      kind: 'PAUSE_OUTLIVED',
      summary: `${of.platform} was paused${by} at ${at(row.paused_ms)} ${end}, and still is.`,
      notDone: `No run of ${of.platform} starts: nobody joins, changes or leaves there.`,
      nextStep: `${run(`resume ${of.platform}`)}, or ask again later: ${run(`pause ${of.platform} --for 24h`)}`,
      details: row.pause_reason === null ? {} : { reason: row.pause_reason },
    },
  ];
}

/** When a pause has lasted too long; null when there is none. */
export function pauseOutlivedAtMs(row: PlatformRow | undefined): number | null {
  if (row?.paused_ms == null) return null;
  return row.paused_until_ms === null ? row.paused_ms + endlessPauseMs : row.paused_until_ms + pauseGraceMs;
}

function inReview(of: Of, reviews: readonly Review[], run: Command): Condition {
  const [first] = reviews;
  return {
    ...of,
    kind: 'PEOPLE_IN_REVIEW',
    summary: `${plural(reviews.length, 'person', 'people')} of ${of.platform} cannot be matched safely (${codesInWords(reviews)}).`,
    notDone: `${plural(reviews.length, 'this person was', 'these people were')} left as they are.`,
    nextStep: `${run('review')}; then for each: ${run(`link ${first?.person ?? 'PERSON'} ${of.platform} ACCOUNT`)}`,
    details: { people: reviews.length },
    items: reviews.map(({ person }) => person),
  };
}

/** A training whose sending would reach more people than the limit: somebody has to release it. */
function launchHeld(of: Of, launch: LaunchRow, run: Command, again: string): Condition {
  return {
    ...of,
    kind: 'RUN_HELD',
    subject: subjectOf(launch),
    runId: launch.run_id,
    summary: `"${launch.name}" would be sent to ${plural(launch.reach, 'person', 'people')}, which passes the limit on enroll.`,
    notDone: 'It is not sent; everything else of the run went ahead.',
    nextStep: `${run(`show ${launch.run_id}`)}; then ${run(`targets ${of.platform} --settle "${launch.name}" approve`)}; then ${again}`,
    details: { reach: launch.reach },
  };
}

function launchFailed(of: Of, through: Run, run: Command, again: string): Condition[] {
  const reasons = through.reasons.filter(({ code }) => code === 'LAUNCH_FAILED');
  if (reasons.length === 0) return [];
  return [
    {
      ...of,
      kind: 'ITEMS_FAILING',
      subject: 'launches',
      runId: through.id,
      summary: `A training of ${of.platform} could not be started. ${sentences(reasons)}`,
      notDone: 'It was not sent to anybody; accounts and groups are up to date. The next run tries again.',
      nextStep: `${run(`show ${through.id}`)}; when its cause is settled: ${again}`,
      details: {},
    },
  ];
}

const subjectOf = (launch: LaunchRow): string => `${launch.target}\n${launch.name}\n${launch.training}`;

function launchUnknown(of: Of, launch: LaunchRow, run: Command): Condition {
  const settle = (as: string): string => run(`targets ${of.platform} --settle "${launch.name}" ${as}`);
  return {
    ...of,
    kind: 'LAUNCH_UNKNOWN',
    subject: subjectOf(launch),
    runId: launch.run_id,
    summary: `Nobody knows whether "${launch.name}" was sent to its ${plural(launch.reach, 'member', 'members')}: the answer never came.`,
    notDone: 'It is not sent again by itself, so that nobody is invited twice.',
    nextStep: `Look it up on ${of.platform}; then ${settle('sent')} or ${settle('unsent')}`,
    details: { enrollment: launch.enrollment_id ?? 'unknown', since: at(launch.changed_ms) },
  };
}

function rosterConditions(facts: CustomerFacts): Condition[] {
  const of = { customer: facts.customer, platform: null };
  const run = (verb: string): string => `rollcall ${verb}${facts.commandSuffix}`;
  const scheduled = facts.platforms.some((platform) => platform.scheduled);
  const again = run(scheduled ? 'resync' : 'sync');
  const conditions: Condition[] = [];

  const unreadable = facts.platforms.flatMap(({ last }) =>
    last?.status === 'failed' && rosterFailures.includes(last.reasons[0]?.code ?? '') ? [last] : [],
  );
  const [firstUnreadable] = unreadable;
  if (firstUnreadable !== undefined)
    conditions.push({
      ...of,
      kind: 'ROSTER_UNREADABLE',
      runId: firstUnreadable.id,
      summary: `The roster cannot be read. ${sentences(firstUnreadable.reasons.slice(0, 1))}`,
      notDone: `Nothing was changed on ${listed(unreadable.map(({ platform }) => platform))}; nobody was removed.`,
      nextStep: `${run('check')}; when it is readable again: ${again}`,
      details: { error: firstUnreadable.reasons[0]?.code ?? '' },
    });

  // The roster is one for all platforms: the run that read it last knows best.
  const newest = facts.platforms
    .flatMap(({ through }) => (through === undefined ? [] : [through]))
    .sort((a, b) => (b.planned_ms ?? 0) - (a.planned_ms ?? 0))[0];
  const late = lateOf(newest);
  if (late !== undefined && newest !== undefined)
    conditions.push({
      ...of,
      kind: 'ROSTER_LATE',
      runId: newest.id,
      summary: sentences([late]),
      notDone:
        'Nobody was removed on the strength of an old file; joiners and leavers since then are not known yet.',
      nextStep: `Ask for the export; ${run('check')}; when it is there: ${again}`,
      details: {},
    });
  else if (facts.unchangedSinceMs !== null)
    conditions.push({
      ...of,
      kind: 'ROSTER_UNCHANGED',
      summary: `The roster has had the very same content since ${at(facts.unchangedSinceMs)}, run after run.`,
      notDone:
        'Nothing was left out; but if the export has stopped, joiners and leavers since then are not known.',
      nextStep: `${run('status')}; ask whether the export ran; when there is a new one: ${again}`,
      details: {},
    });

  const incomplete = facts.platforms.flatMap(({ through }) =>
    through !== undefined && rosterDoubts(through).length > 0 ? [through] : [],
  );
  const [firstIncomplete] = incomplete;
  if (firstIncomplete !== undefined) {
    const doubts = rosterDoubts(firstIncomplete);
    conditions.push({
      ...of,
      kind: 'REMOVALS_WITHHELD',
      runId: firstIncomplete.id,
      summary: `The roster does not prove that it is complete. ${sentences(doubts)}`,
      notDone: removalsNotDone(incomplete),
      nextStep: `${run('check')}; have the export repaired, then ${again}`,
      details: { reasons: listed(doubts.map(({ code }) => code)) },
    });
  }
  if (facts.rejected.length > 0) {
    const one = facts.rejected[0]?.person ?? '';
    conditions.push({
      ...of,
      kind: 'PEOPLE_REJECTED',
      summary: `The rows of ${plural(facts.rejected.length, 'person', 'people')} were rejected in ${rejectedInARow} exports in a row or more (${codesInWords(facts.rejected)}).`,
      notDone: `${plural(facts.rejected.length, 'this person is', 'these people are')} left as they are: not created, not changed, not removed.`,
      nextStep: `${run('check')}; ${run(`explain ${one}`)}; have HR correct the rows`,
      details: { people: facts.rejected.length },
      items: facts.rejected.map(({ person }) => person),
    });
  }
  return conditions;
}

/** Why the roster was late for that run; undefined when it was not. */
function lateOf(run: Run | undefined): RunReason | undefined {
  return (
    run?.reasons.find(({ code }) => code === 'ROSTER_STALE') ??
    run?.notes.find(({ code }) => code === arrivalNotes.late)
  );
}

/** Doubts about the roster besides its age, which is an alert of its own. */
function rosterDoubts(run: Run): readonly RunReason[] {
  return run.reasons.filter(
    (reason) => isWithholding(reason) && rosterReason.test(reason.code) && reason.code !== 'ROSTER_STALE',
  );
}
