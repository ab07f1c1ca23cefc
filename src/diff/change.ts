import { createHash, hash } from 'node:crypto';
import type { AccountRef } from '../account.ts';
import type { ChangeCore } from '../change.ts';

/** Why a change is planned. */
export type ChangeReason =
  | 'NEW_PERSON'
  | 'FIELDS_DIFFER'
  | 'BACK_ON_ROSTER'
  | 'TERMINATED'
  | 'ACCOUNT_RULE_FALSE'
  | 'ABSENT'
  | 'TARGET_RULE_TRUE'
  | 'TARGET_RULE_FALSE'
  | 'EMAIL_MOVED'
  /** Takes back what an earlier run did. */
  | 'UNDO';

/** One change of a plan. */
export type Change = ChangeCore & {
  readonly reason: ChangeReason;
  /** Whose account has to be made before, for a field that refers to it. */
  readonly awaits?: string;
};

/** A person on whom the plan does nothing until somebody looks. */
export type Review = {
  readonly person: string;
  readonly code: ReviewCode;
  /** The accounts concerned, by the platform's ids. */
  readonly accounts: readonly string[];
};

export const reviewCodes = {
  LINKED_TO_OTHER: 'the account is linked to someone else',
  INACTIVE_NOT_OURS: 'the account is inactive and was never ours',
  ID_AND_EMAIL_DIFFER: 'id and email point to two accounts',
  IDENTITY_CHANGED: 'name and email changed at once under one id',
  TWO_CLAIM: 'two active people claim one account',
  EMAIL_REUSED: 'the email belonged to someone else of another name',
  SEVERAL_ACCOUNTS: 'several accounts carry the id',
  FIELD_MISSING: 'a field that the platform requires is empty',
} as const;
export type ReviewCode = keyof typeof reviewCodes;

/** An account that becomes ours without a write: linked when the plan is stored. */
export type Adoption = {
  readonly person: string;
  readonly ref: AccountRef;
  /** The person whose link it takes over: a contractor hired under a new id. */
  readonly from: string | null;
};

/**
 * The fingerprint of a change: 128 bits of SHA-256, in hex. An enrollment is of a person, whatever their account is called:
 * it stays the same when the account is created meanwhile.
 */
export function fingerprintOf(change: Omit<Change, 'fingerprint'>): string {
  const after = change.after ?? {};
  const values = change.changed.map((name) => [name, after[name] ?? '']);
  const isMembership = change.kind === 'enroll' || change.kind === 'unenroll';
  const account = isMembership ? null : (change.ref.id ?? change.ref.externalId);
  const email = change.reason === 'EMAIL_MOVED' ? change.ref.email : null;
  const text = JSON.stringify([change.kind, change.person, account, change.target, values, email]);
  return hash('sha256', text, 'hex').slice(0, 32);
}

/** The hash that an approval names: SHA-256 over the sorted fingerprints, 16 hex digits shown and compared. */
export function hashOf(fingerprints: Iterable<string>): string {
  const sum = createHash('sha256');
  for (const fingerprint of [...fingerprints].sort()) sum.update(fingerprint);
  return sum.digest('hex').slice(0, 16);
}
