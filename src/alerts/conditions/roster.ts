import type { Condition } from '../state.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { RunReason } from '../../store/schema.ts';
import { at, codesInWords, listed, plural, sentences } from './words.ts';
import { rosterFailures } from '../../jobs/reasons.ts';
import { rosterWithheld } from './withheld.ts';
import { type CustomerFacts, keyWarningMs, rejectedInARow } from './facts.ts';

/** What on-call has to know of a customer's roster. */
export function rosterConditions(facts: CustomerFacts): Condition[] {
  const of = { customer: facts.customer, platform: null };
  const run = (verb: string): string => `rollcall ${verb}${facts.commandSuffix}`;
  const scheduled = facts.platforms.some((platform) => platform.scheduled);
  const again = run(scheduled ? 'resync' : 'sync');
  const conditions: Condition[] = [];

  const unreadable = facts.platforms.flatMap(({ last }) =>
    last?.status === 'failed' && rosterFailures.has(last.reasons[0]?.code ?? '') ? [last] : [],
  );
  // One that did not come is another matter than one that cannot be read: other people, another place to look at.
  const [unreached, broken] = [true, false].map((isAway) =>
    unreadable.filter(({ reasons }) => (reasons[0]?.code === 'ROSTER_UNREACHABLE') === isAway),
  );
  const failed = [
    {
      kind: 'ROSTER_UNREACHABLE',
      runs: unreached ?? [],
      what: 'The roster did not come.',
      good: 'when it comes again',
    },
    {
      kind: 'ROSTER_UNREADABLE',
      runs: broken ?? [],
      what: 'The roster cannot be read.',
      good: 'when it is readable again',
    },
  ] as const;
  for (const { kind, runs, what, good } of failed) {
    const [first] = runs;
    if (first === undefined) continue;
    conditions.push({
      ...of,
      kind,
      runId: first.id,
      summary: `${what} ${sentences(first.reasons.slice(0, 1))}`,
      notDone: `Nothing was changed on ${listed(runs.map(({ platform }) => platform))}; nobody was removed.`,
      nextStep: `${run('check')}; ${good}: ${again}`,
      details: { error: first.reasons[0]?.code ?? '' },
    });
  }

  // The roster is one for all platforms: the run that read it last knows best.
  const throughs = facts.platforms.flatMap(({ through }) => (through === undefined ? [] : [through]));
  const [newest] = throughs.toSorted((a, b) => (b.planned_ms ?? 0) - (a.planned_ms ?? 0));
  const late = lateOf(newest);
  for (const reason of late)
    conditions.push({
      ...of,
      ...subjectOf(reason.part),
      kind: 'ROSTER_LATE',
      ...(newest === undefined ? {} : { runId: newest.id }),
      summary: sentences([reason]),
      notDone:
        'Nobody was removed on the strength of an old file; joiners and leavers since then are not known yet.',
      nextStep: `Ask for the export; ${run('check')}; when it is there: ${again}`,
      details: {},
    });
  const isLate = (name: string): boolean => late.some(({ part = '' }) => part === name);
  for (const { part, sinceMs } of facts.unchanged.filter(({ part: name }) => !isLate(name)))
    conditions.push({
      ...of,
      ...subjectOf(part),
      kind: 'ROSTER_UNCHANGED',
      summary: `${part === '' ? 'The roster' : `The part ${part} of the roster`} has had the very same content since ${at(sinceMs)}, run after run.`,
      notDone:
        'Nothing was left out; but if the export has stopped, joiners and leavers since then are not known.',
      nextStep: `${run('status')}; ask whether the export ran; when there is a new one: ${again}`,
      details: {},
    });

  for (const { part = '', message } of newest?.reasons.filter(({ code }) => code === 'ROSTER_PART_AWAY') ??
    [])
    conditions.push({
      ...of,
      ...subjectOf(part),
      kind: 'ROSTER_PART_AWAY',
      ...(newest === undefined ? {} : { runId: newest.id }),
      summary: `A part of the roster did not come: ${message}`,
      notDone: `Nothing happened to the people of ${part}: joiners, changes and leavers of it wait. All others went ahead.`,
      nextStep: `${run('check')}; when it comes again: ${again}`,
      details: { part },
    });

  for (const { part, role, fingerprint, endsMs } of facts.keys.filter(
    (key) => key.endsMs - facts.nowMs < keyWarningMs,
  ))
    conditions.push({
      ...of,
      kind: 'ROSTER_KEY_ENDS',
      subject: `${part} ${role}`.trim(),
      summary: `${part === '' ? '' : `${part}: `}${role === 'privateKey' ? 'Our OpenPGP key' : 'The OpenPGP key of whoever signs the roster'} (${fingerprint}) ends on ${at(endsMs)}.`,
      notDone: 'From then on the roster is not read: runs fail, and nobody is changed.',
      nextStep:
        role === 'privateKey'
          ? `gpg --quick-set-expire ${fingerprint} 2y; export it again; ${run('check')}`
          : `Ask for their key with more time, or for the next one; ${run('check')}`,
      details: { key: role },
      fingerprint: `${fingerprint} ${endsMs}`,
    });

  conditions.push(...rosterWithheld(facts.customer, throughs, run, again));
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

/** Several states of one kind, one a part. */
function subjectOf(part: string | undefined): { readonly subject?: string } {
  return part === undefined || part === '' ? {} : { subject: part };
}

/** Why the roster, or parts of it, were late for that run: one reason each. */
function lateOf(run: Run | undefined): readonly RunReason[] {
  const all = [
    ...(run?.reasons.filter(({ code }) => code === 'ROSTER_STALE') ?? []),
    ...(run?.notes.filter(({ code }) => code === 'ROSTER_LATE') ?? []),
  ];
  return all.filter(({ part }, at) => all.findIndex((other) => other.part === part) === at);
}
