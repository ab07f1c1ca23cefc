import { absenceIsDue } from '../diff/absence.ts';
import { asRulePerson, defaultStates } from '../diff/rules.ts';
import { RollcallError } from '../errors.ts';
import type { Person } from '../person.ts';
import type { Review, Suppression } from '../store/decisions.ts';
import type { StoredChange } from '../store/journal.ts';
import type { LinkRow } from '../store/links.ts';
import type { RejectedRowRecord } from '../store/roster-state.ts';
import { departureOf } from '../diff/platform.ts';
import { type Customer, desireOf, diffPlatform, type Part, type Platform } from '../jobs/customer.ts';
import { holdStateOf } from './decisions.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { failureOf } from '../jobs/failure.ts';
import { findOnRoster } from '../jobs/read/on-roster.ts';
import { lastPartsOf } from '../jobs/read/parts.ts';

/** Lines of the journal that are shown of one person. */
const mostJournal = 200;

/** What the roster says of a person. */
export type RosterStanding =
  | { readonly is: 'present'; readonly person: Person; readonly part: string; readonly why: string }
  | {
      readonly is: 'rejected';
      readonly rows: readonly (Omit<RejectedRowRecord, 'person'> & { readonly part?: string })[];
      readonly exports: number;
    }
  | {
      readonly is: 'missing';
      /** Exports in a row without them that were counted, and since when; null when nothing is counted (yet). */
      readonly absence: { readonly exports: number; readonly sinceMs: number; readonly due: boolean } | null;
      /** The part of the roster that they were in last; empty where that is not known, or there are none. */
      readonly part: string;
      /** The parts of these that did not come: then nobody can say whether they are missing. */
      readonly away: readonly string[];
    }
  /** The roster could not be read. */
  | { readonly is: 'unread'; readonly reason: string };

/** A rule and what it says of the person. */
export type RuleAnswer = { readonly rule: string; readonly answer: boolean };

/** How a person stands with one platform. */
export type PlatformStanding = {
  readonly platform: string;
  /** Null when the person has no usable row: then no rule is asked. */
  readonly accounts: RuleAnswer | null;
  readonly targets: readonly (RuleAnswer & { readonly target: string })[];
  readonly ignored: boolean;
  readonly protectedFrom: readonly string[];
  readonly link: LinkRow | null;
  readonly review: Review | null;
  readonly held: readonly (StoredChange & { readonly hold: 'open' | 'expired' })[];
  readonly suppressions: readonly Suppression[];
  /** What follows from all of this for the next run, in a sentence. */
  readonly next: string;
};

export type JournalLine = StoredChange & { readonly trigger: string; readonly actor: string | null };

/** Everything that Rollcall knows and thinks of one person. */
export type Explanation = {
  readonly person: string;
  readonly roster: RosterStanding;
  readonly platforms: readonly PlatformStanding[];
  readonly journal: readonly JournalLine[];
};

/** Explains a person: why what happened, and what comes next. Throws PERSON_UNKNOWN for one nobody has ever heard of. */
export async function explainPerson(
  deps: JobDeps,
  customer: Customer,
  id: string,
  signal: AbortSignal,
): Promise<Explanation> {
  const { store } = deps;
  const nowMs = deps.now();
  const { roster, today } = await rosterStanding(deps, customer, id, signal);
  const links = await store.links.ofPerson(customer.name, id);
  const journal = await store.journal.ofPerson(customer.name, id, mostJournal);
  const reviews = (await store.decisions.reviews(customer.name)).filter((review) => review.person === id);
  const suppressions = await store.decisions.suppressionsOfPerson(customer.name, id, nowMs);
  const held = await store.journal.heldOfPerson(customer.name, id);
  const holds = new Map<string, 'open' | 'expired'>();
  for (const run of new Set(held.map((change) => change.run_id))) {
    const found = await store.runs.find(run);
    const state = found === undefined ? 'none' : holdStateOf(found, nowMs);
    if (state === 'open' || state === 'expired') holds.set(run, state);
  }
  const unknown =
    (roster.is === 'missing' && roster.absence === null) || roster.is === 'unread'
      ? links.length + journal.length + reviews.length === 0
      : false;
  if (unknown)
    throw new RollcallError(
      'PERSON_UNKNOWN',
      roster.is === 'unread'
        ? `nothing is known of ${id}, and the roster cannot be read: ${roster.reason}`
        : `${id} is not on the roster, and nothing was ever done to them.`,
      { hint: 'Write the employee id as the roster has it, leading zeros included.' },
    );
  const platforms = [...customer.platforms.values()].map((platform) => {
    const of = <T extends { readonly platform: string }>(rows: readonly T[]): readonly T[] =>
      rows.filter((row) => row.platform === platform.name);
    const [link = null] = of(links);
    const [review = null] = of(reviews);
    return standingOn(customer, platform, roster, today, {
      link,
      review,
      suppressions: of(suppressions),
      held: of(held).flatMap((change) => {
        const hold = holds.get(change.run_id);
        return hold === undefined ? [] : [{ ...change, hold }];
      }),
    });
  });
  return { person: id, roster, platforms, journal };
}

async function rosterStanding(
  deps: JobDeps,
  customer: Customer,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly roster: RosterStanding; readonly today: string }> {
  const nowMs = deps.now();
  let read: Awaited<ReturnType<typeof findOnRoster>>;
  try {
    read = await findOnRoster({ customer, store: deps.store, nowMs, signal }, new Set([id]));
  } catch (error) {
    signal.throwIfAborted();
    return { roster: { is: 'unread', reason: failureOf(error).message }, today: '' };
  }
  const { today, rejectedRows } = read.roster;
  const person = read.people.get(id);
  const at = read.roster.partOf(id) ?? 0;
  const part = customer.parts[at];
  if (person !== undefined && part !== undefined)
    return {
      roster: { is: 'present', person, part: part.name, why: whyState(customer, part, person, today) },
      today,
    };
  const rows = rejectedRows.filter((row) => row.id === id && !row.isPassedOver);
  if (rows.length > 0) {
    const counted = await deps.store.roster.rejectedPeople(customer.name, 1);
    return {
      roster: {
        is: 'rejected',
        rows: rows.map(({ line, field, code, message, part: of }) => ({
          line,
          field,
          code,
          message,
          ...inPart(customer.parts[of]?.name ?? ''),
        })),
        exports: counted.find((one) => one.person === id)?.exports ?? 0,
      },
      today,
    };
  }
  const known = (await deps.store.roster.absences(customer.name)).get(id);
  const absence =
    known === undefined
      ? null
      : {
          exports: known.exports,
          sinceMs: known.sinceMs,
          due: absenceIsDue(known, customer.config.absence, nowMs),
        };
  const last = await lastPartsOf(customer, deps.store);
  const of = last.of(id).flatMap((one) => customer.parts[one]?.name ?? []);
  const away = read.roster.parts.flatMap(({ part: { name }, proof }) =>
    proof === null && (of.length === 0 || of.includes(name)) ? [name] : [],
  );
  return {
    roster: { is: 'missing', absence, part: of.join(' or ') || (last.gone(id) ?? ''), away },
    today,
  };
}

function inPart(name: string): { readonly part?: string } {
  return name === '' ? {} : { part: name };
}

/** Which rule gave a person their state, as a sentence. */
function whyState(customer: Customer, part: Part, person: Person, today: string): string {
  const byRule = stateRuleOf(customer, part, person, today);
  if (person.state === 'terminated' && byRule.is !== 'terminated')
    return `${byRule.text}; but the end date ${person.endDate} is past`;
  if (person.state === 'preHire' && byRule.is !== 'preHire')
    return `${byRule.text}; but the start date ${person.startDate} is still to come`;
  return byRule.text;
}

function stateRuleOf(
  customer: Customer,
  { config: roster, stateKey }: Part,
  person: Person,
  today: string,
): { readonly is: string; readonly text: string } {
  if (roster.state === undefined) {
    const is =
      person.status === null ? 'active' : (defaultStates.get(person.status.toLowerCase()) ?? 'active');
    return roster.columns.status === undefined
      ? { is: 'active', text: 'there is no status column: everybody on the roster is active' }
      : { is, text: `the status "${person.status ?? ''}" means ${is} by default` };
  }
  const { state: _state, ...row } = person;
  const seen = asRulePerson(row);
  for (const [at, rule] of roster.state.entries()) {
    const when = customer.compiler.predicate(rule.when, `${stateKey}[${at}].when`);
    if (when(seen, today)) return { is: rule.is, text: `rule ${at + 1} of ${stateKey}: ${rule.when}` };
  }
  return { is: person.state, text: `no rule of ${stateKey} matches` };
}

type Known = Pick<PlatformStanding, 'link' | 'review' | 'held' | 'suppressions'>;

function standingOn(
  customer: Customer,
  platform: Platform,
  roster: RosterStanding,
  today: string,
  known: Known,
): PlatformStanding {
  const { config } = customer;
  const { enrollments } = platform.config;
  const id = roster.is === 'present' ? roster.person.id : (known.link?.person ?? '');
  const named = {
    ignored: config.ignore.people.includes(id),
    protectedFrom: config.protect.people.includes(id) ? config.protect.from : [],
  };
  if (roster.is !== 'present') {
    const next = nextWithoutRow(roster, known, named, outlookOf(customer, platform));
    return { platform: platform.name, accounts: null, targets: [], ...named, ...known, next };
  }
  const desired = desireOf(customer, platform, today).of(roster.person);
  const protectedFrom =
    desired.protectedFrom === 'both'
      ? ['deactivate', 'unenroll']
      : desired.protectedFrom === 'nothing'
        ? []
        : [desired.protectedFrom];
  const seen = asRulePerson(roster.person);
  const standing = {
    platform: platform.name,
    accounts: {
      rule: platform.config.accounts,
      answer: customer.compiler.predicate(platform.config.accounts, `platforms.${platform.name}.accounts`)(
        seen,
        today,
      ),
    },
    targets: enrollments.map((rule, at) => ({
      target: rule.target,
      rule: rule.when,
      answer: desired.targets[at] === true,
    })),
    ignored: desired.ignored,
    protectedFrom,
    ...known,
  };
  return { ...standing, next: nextOf(desired, protectedFrom, known, outlookOf(customer, platform)) };
}

/** What a plan of that platform can do to people, by the code that plans. */
type Outlook = ReturnType<typeof departureOf> & {
  readonly owns: boolean;
  readonly enrolls: boolean;
  readonly mode: Platform['config']['mode'];
};

function outlookOf(customer: Customer, platform: Platform): Outlook {
  const diff = diffPlatform(customer, platform, []);
  return {
    ...departureOf(diff),
    owns: diff.accounts === 'write',
    enrolls: platform.config.enrollments.length > 0,
    mode: platform.config.mode,
  };
}

/** How somebody goes; null when nothing happens to them, with the reason in `stays`. */
function leaving(
  outlook: Outlook,
  protectedFrom: readonly string[],
): { readonly goes: string } | { readonly stays: string } {
  const { deactivates, unenrolls, owns, enrolls, mode } = outlook;
  if (mode === 'additive') return { stays: 'nothing: nobody is removed in mode additive' };
  const later = mode === 'observe' ? ' once the mode is not observe' : '';
  if (deactivates)
    return protectedFrom.includes('deactivate')
      ? { stays: 'the account stays: they are protected' }
      : { goes: `the account is deactivated${later} where it is active` };
  const why = owns
    ? 'the account stays as it is'
    : 'Rollcall does not own the accounts there, and leaves theirs as it is';
  if (!unenrolls || !enrolls) return { stays: `nothing: ${why}` };
  return protectedFrom.includes('unenroll')
    ? { stays: `nothing: ${why}, and they are protected from being taken out of targets` }
    : { goes: `they are taken out of the targets${later}; ${why}` };
}

function nextWithoutRow(
  roster: Exclude<RosterStanding, { is: 'present' }>,
  known: Known,
  { ignored, protectedFrom }: { readonly ignored: boolean; readonly protectedFrom: readonly string[] },
  outlook: Outlook,
): string {
  if (ignored) return 'nothing: they are ignored';
  if (roster.is === 'rejected') return 'nothing: a rejected row leaves a person as they are';
  if (roster.is === 'unread') return 'nothing, until the roster can be read';
  if (roster.away.length > 0) return `nothing: ${roster.away.join(', ')} did not come, and they may be there`;
  if (known.link === null) return 'nothing: they are not on the roster and have no account of ours';
  const way = leaving(outlook, protectedFrom);
  if ('stays' in way) return way.stays;
  return roster.absence?.due === true
    ? `${way.goes}, if the roster is complete: they have been missing long enough`
    : 'nothing yet: they are missing, and absence is not termination until absence.exports and absence.days are reached';
}

function nextOf(
  desired: { readonly ignored: boolean; readonly terminated: boolean; readonly wantsAccount: boolean },
  protectedFrom: readonly string[],
  known: Known,
  outlook: Outlook,
): string {
  if (desired.ignored) return 'nothing: they are ignored';
  if (known.review !== null) return 'nothing, until the review is settled';
  const held = known.held.some(({ hold }) => hold === 'open') ? '; what is held waits for a decision' : '';
  if (desired.wantsAccount) {
    if (!outlook.owns)
      return `they are enrolled by the rules; Rollcall does not own the accounts there${held}`;
    return known.link === null
      ? `an account is created, or an active one of the same id or email is adopted${held}`
      : `the account is kept active and in step with the row${held}`;
  }
  if (known.link === null) return 'nothing: they are not to have an account';
  const why = desired.terminated ? 'they have left' : 'the account rule says no';
  if (outlook.deactivates && known.suppressions.some((one) => one.kind === 'deactivate'))
    return 'the account stays: its deactivation was rejected or undone';
  const way = leaving(outlook, protectedFrom);
  return 'stays' in way ? way.stays : `${way.goes}: ${why}${held}`;
}
