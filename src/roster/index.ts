import type { DecryptConfig } from '../config/roster-source.ts';
import type { ReadRosterOptions, RosterFile, RosterProof } from './types.ts';
import type { Survey } from './survey/survey.ts';

export { type Across, createAcross } from './across.ts';
export { incompleteReasons, isOfTheFuture } from './completeness.ts';
export { compileDateFormat, type ParseDate } from './mapping/dates.ts';
export { deliver, isRemote, lookAtRoster } from './sources/deliver.ts';
export { findRoster } from './sources/file.ts';
export { inboxOf, sweepInbox } from './sources/inbox.ts';
export { DeliveryError } from './sources/source.ts';
export { asPart } from './part.ts';
export { type Guess, type GuessedState, guessConfiguration } from './survey/guess.ts';
export type { Survey } from './survey/survey.ts';
export type { EncryptionFacts, KeyFacts } from './content/openpgp/facts.ts';
export { keysOf } from './content/openpgp/keys.ts';
export type {
  IncompleteCode,
  IncompleteReason,
  ReadRosterOptions,
  RejectCode,
  RejectedRow,
  RosterBaseline,
  RosterFile,
  RosterProof,
  RosterRules,
  RowInput,
} from './types.ts';

// What reads is loaded when something is read: commands that ask how a roster is do without the formats and their packages.

/** `readRoster` of read.ts. */
export async function readRoster(options: ReadRosterOptions): Promise<RosterProof> {
  return (await import('./read.ts')).readRoster(options);
}

/** `surveyRoster` of survey/survey.ts. */
export async function surveyRoster(
  file: RosterFile,
  nowMs: number,
  aboveHeader?: number,
  decrypt?: DecryptConfig,
): Promise<Survey> {
  return (await import('./survey/survey.ts')).surveyRoster(file, nowMs, aboveHeader, decrypt);
}
