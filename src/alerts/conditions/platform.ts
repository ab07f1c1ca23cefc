import type { Condition } from '../state.ts';
import { changeKinds, countsInWords, sumOf } from '../../change.ts';
import { holding } from '../../jobs/reasons.ts';
import type { Review } from '../../store/decisions.ts';
import type { PlatformRow } from '../../store/platforms.ts';
import type { RejectionGlance } from '../../store/overview.ts';
import type { Run } from '../../store/run-lookups.ts';
import { at, codesInWords, plural, sentences } from './words.ts';
import { launchFailed, launchHeld, launchUnknown } from './launch.ts';
import { rosterFailures } from '../../jobs/reasons.ts';
import { platformWithheld } from './withheld.ts';
import {
  type Command,
  type CustomerFacts,
  type OfPlatform,
  type PlatformFacts,
  pauseOutlivedAtMs,
} from './facts.ts';

/** What on-call has to know of one platform. */
export function platformConditions(facts: CustomerFacts, platform: PlatformFacts): Condition[] {
  const of = { customer: facts.customer, platform: platform.name };
  const run = (verb: string): string => `rollcall ${verb}${facts.commandSuffix}`;
  const again = run(platform.scheduled ? `resync ${platform.name}` : `sync ${platform.name}`);
  const { last, through } = platform;
  return [
    ...(last?.status === 'failed' ? failed(of, last, platform.askedUntilMs, run, again) : []),
    ...(platform.held === undefined ? [] : [held(of, platform.held, facts.nowMs, run, again)]),
    ...(through === undefined
      ? []
      : [...platformWithheld(of, through, run, again), ...undone(of, through, run)]),
    ...(through === undefined || platform.failing.length === 0 ? [] : [failing(of, through, platform, run)]),
    ...stale(of, platform, facts.nowMs, run, again),
    ...paused(of, platform.row, facts.nowMs, run),
    ...(platform.reviews.length === 0 ? [] : [inReview(of, platform.reviews, run)]),
    ...platform.rejections.map((rejection) => rejected(of, rejection, run)),
    ...(through === undefined ? [] : launchFailed(of, through, run, again)),
    ...platform.launches.map((launch) =>
      launch.state === 'unknown' ? launchUnknown(of, launch, run) : launchHeld(of, launch, run, again),
    ),
  ];
}

function failed(
  of: OfPlatform,
  last: Run,
  askedUntilMs: number | null,
  run: Command,
  again: string,
): Condition[] {
  const [reason] = last.reasons;
  const code = reason?.code ?? 'INTERNAL';
  // One file for all platforms: one alert of the customer says it.
  if (rosterFailures.has(code)) return [];
  const applied = sumOf(last.applied);
  const base = {
    ...of,
    runId: last.id,
    notDone:
      applied === 0
        ? 'Nothing was changed there; joiners, changes and leavers wait for the next good run.'
        : `${countsInWords(last.applied)} were applied; the rest of ${sumOf(last.planned)} changes was not.`,
    details: { error: code, ended: at(last.ended_ms ?? last.created_ms), ...asked(askedUntilMs) },
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

function held(of: OfPlatform, run: Run, nowMs: number, command: Command, again: string): Condition {
  const counts = countsInWords(run.held);
  const expiresMs = run.hold_expires_ms ?? 0;
  const isOver = run.decided !== null || expiresMs <= nowMs;
  const hash = run.hash ?? '';
  const reasons = holding(run.reasons);
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

/** Silence that somebody chose: on-call is reminded of it for as long as it lasts. */
function rejected(of: OfPlatform, rejection: RejectionGlance, run: Command): Condition {
  const { run_id: id, until_ms: untilMs } = rejection;
  const changes = Number(rejection.changes);
  return {
    ...of,
    kind: 'REJECTION_STANDS',
    subject: id,
    runId: id,
    summary: `${plural(changes, 'change', 'changes')} of ${of.platform} ${changes === 1 ? 'was' : 'were'} rejected and ${changes === 1 ? 'is' : 'are'} not proposed again${untilMs === null ? '' : ` until ${at(untilMs)}`}.`,
    notDone: 'They stay as they are there, whatever the roster says, unless they become other changes.',
    nextStep: `Nothing, if it is right; to take it back: ${run(`reject ${id} --withdraw`)}`,
    details: { rejected: changes },
  };
}

function undone(of: OfPlatform, through: Run, run: Command): Condition[] {
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

function failing(
  of: OfPlatform,
  through: Run,
  { failing, scheduled }: PlatformFacts,
  run: Command,
): Condition {
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

function stale(
  of: OfPlatform,
  platform: PlatformFacts,
  nowMs: number,
  run: Command,
  again: string,
): Condition[] {
  const { staleAtMs, goodMs, last, row, askedUntilMs } = platform;
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
      details: { ...(goodMs === null ? {} : { 'last good run': at(goodMs) }), ...asked(askedUntilMs) },
    },
  ];
}

function asked(untilMs: number | null): Readonly<Record<string, string>> {
  return untilMs === null ? {} : { 'asked to wait until': at(untilMs) };
}

function paused(of: OfPlatform, row: PlatformRow | undefined, nowMs: number, run: Command): Condition[] {
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

function inReview(of: OfPlatform, reviews: readonly Review[], run: Command): Condition {
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
