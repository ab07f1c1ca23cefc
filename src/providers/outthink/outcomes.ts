import { normaliseEmail, normaliseId } from '../../normalise.ts';
import type { ItemOutcome } from '../contract.ts';
import { safeCode } from '../error.ts';
import { type ChangeAnswer, refusalIn } from './schema.ts';
import type { Identifier } from './settings.ts';

/** An identifier as two of them are compared. */
export function sameText(value: string, identifier: Identifier): string {
  return identifier === 'userEmail' ? normaliseEmail(value) : normaliseId(value);
}

/** The identifier in an entry of an answer: the value, the user, or something around the user. */
export function valueIn(entry: unknown, identifier: Identifier): string | undefined {
  if (typeof entry === 'string' || typeof entry === 'number') return sameText(String(entry), identifier);
  if (typeof entry !== 'object' || entry === null) return undefined;
  const own = (entry as Record<string, unknown>)[identifier];
  if (typeof own === 'string' || typeof own === 'number') return sameText(String(own), identifier);
  return 'user' in entry ? valueIn(entry.user, identifier) : undefined;
}

/** A refusal that says that the user already is as wanted. */
const asWanted = {
  enroll: /already|duplicate[_ ]?enrol/i,
  unenroll: /not[_ ]?(?:currently[_ ]?)?(?:in|enrolled|assigned|an?[_ ]?(?:member|participant))\b/i,
};

function outcomeOfFailure(entry: unknown, operation: 'enroll' | 'unenroll'): ItemOutcome {
  const { code, error } = (typeof entry === 'object' ? entry : {}) as { code?: unknown; error?: unknown };
  // The text is looked at and never passed on: it may hold names.
  const said = [code, error].filter((part) => typeof part === 'string').join(' ');
  if (asWanted[operation].test(said)) {
    return { ok: true, note: operation === 'enroll' ? 'was enrolled already' : 'was not enrolled' };
  }
  const known = safeCode(code) ?? safeCode(error) ?? 'REFUSED';
  return { ok: false, code: known, message: 'the platform refused the user' };
}

/**
 * Outcomes by value. An answer without any list is a yes to all; where it lists somebody, a value that it does not name has
 * no outcome, unless all that it lists are failures, each of a value that was sent: then the others went through.
 */
export function outcomesOf(
  { success, failed, results, hasFailures }: ChangeAnswer,
  values: readonly string[],
  identifier: Identifier,
  operation: 'enroll' | 'unenroll',
): ReadonlyMap<string, ItemOutcome> {
  const sent = new Set(values.map((value) => sameText(value, identifier)));
  const outcomes = new Map<string, ItemOutcome>();
  let isClear = !hasFailures;
  for (const entry of success ?? []) {
    const value = valueIn(entry, identifier);
    if (value !== undefined) outcomes.set(value, { ok: true });
  }
  const listed = [
    ...(failed ?? []).map((entry) => ({ entry, isRefused: true })),
    ...(results ?? []).map((entry) => ({ entry, isRefused: refusalIn(entry) })),
  ];
  for (const { entry, isRefused } of listed) {
    const value = valueIn(entry, identifier);
    if (value === undefined || !sent.has(value)) isClear = false;
    else outcomes.set(value, isRefused ? outcomeOfFailure(entry, operation) : { ok: true });
  }
  if (success === undefined && results === undefined && isClear) {
    for (const value of sent) if (!outcomes.has(value)) outcomes.set(value, { ok: true });
  }
  return outcomes;
}
