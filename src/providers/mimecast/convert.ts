import type { Account } from '../../account.ts';
import { normaliseEmail, normaliseText } from '../../normalise.ts';
import type { FieldSpec, ResultRow } from '../contract.ts';
import type { WireParticipant, WireUser } from './schema.ts';

/** The fields of a user that we write. Mimecast has one name, and knows people by their address. */
export const fields: Readonly<Record<string, FieldSpec>> = {
  displayName: { from: 'fullName', readBack: true },
  email: { from: 'email', readBack: true, required: true },
};

/** Whether a row of the internal users is somebody: aliases and distribution lists are listed among them. */
export function isPerson(user: WireUser): boolean {
  return user.alias !== true && !/^dl_/i.test(user.addressType ?? '');
}

/**
 * An internal user as an account: its address is its id, and cannot be changed. One whose `accountDisabled` is not told
 * counts as active (an assumption), unless we disabled it.
 */
export function toAccount(user: WireUser): Account {
  const email = normaliseEmail(user.emailAddress);
  return {
    id: email,
    externalId: null,
    email,
    active: user.accountDisabled !== true,
    ...(typeof user.accountDisabled === 'boolean' ? {} : { activeTold: false }),
    fields: { displayName: normaliseText(user.name ?? ''), email },
  };
}

export function emailOf(row: WireParticipant): string {
  return normaliseEmail(row.email || row.emailAddress || '');
}

/** How one question stands, whatever its case. Null when the word is none that we know. */
function answerOf(value: unknown): 'sent' | 'correct' | 'incorrect' | null {
  const word = typeof value === 'string' ? normaliseText(value).toLowerCase() : '';
  return word === 'sent' || word === 'correct' || word === 'incorrect' ? word : null;
}

type Standing = {
  readonly completed: boolean;
  /** Share of correct answers in percent, once all are given; null when it cannot be told. */
  readonly score: number | null;
  readonly rawStatus: string;
};

/**
 * How a person stands: completed when every question has an answer, right or wrong; `SENT` means unanswered, and null or a
 * word that we do not know is no answer. The questions are `results.forQuestion1`, `2`, …; without any, the
 * acknowledgement counts.
 */
export function standingOf(row: WireParticipant): Standing {
  const questions = Object.entries(row.results ?? {}).filter(([key]) => /^forQuestion\d+$/i.test(key));
  if (questions.length === 0) {
    const completed = row.acknowledgement === true;
    return { completed, score: null, rawStatus: completed ? 'acknowledged' : 'not acknowledged' };
  }
  const answers = questions.map(([, value]) => answerOf(value));
  const completed = answers.every((answer) => answer === 'correct' || answer === 'incorrect');
  const correct = answers.filter((answer) => answer === 'correct').length;
  return {
    completed,
    score: completed ? Math.round((100 * correct) / answers.length) : null,
    rawStatus: questions.map(([, value]) => (typeof value === 'string' ? value : 'no answer')).join(' '),
  };
}

/** One person's row of a campaign. The rows carry no time and no id: campaign and address make one. */
export function toResult(
  row: WireParticipant,
  of: { readonly campaignId: string; readonly target: string; readonly targetName: string },
): ResultRow {
  const email = emailOf(row);
  const { completed, score, rawStatus } = standingOf(row);
  return {
    ref: { id: null, externalId: null, email },
    id: `${of.campaignId}/${email}`,
    target: of.target,
    targetName: of.targetName,
    status: completed ? 'completed' : 'open',
    score,
    at: null,
    rawStatus,
  };
}

/** ISO 8601 of a time such as `2022-01-11T23:32:00+0000`; null when it is none. */
export function toIso(text: string | null | undefined): string | null {
  const atMs = Date.parse((text ?? '').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString();
}

/** Somebody who is in the group and has no row in the campaign: it was not sent to them. */
export function notReached(email: string): Omit<ResultRow, 'target' | 'targetName'> {
  const ref = { id: null, externalId: null, email };
  return { ref, id: null, status: 'open', score: null, at: null, rawStatus: 'not sent' };
}
