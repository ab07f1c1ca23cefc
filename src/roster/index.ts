export { type Across, createAcross } from './across.ts';
export { isOfTheFuture } from './completeness.ts';
export { compileDateFormat, type ParseDate } from './mapping/dates.ts';
export { isRemote, lookAtRoster } from './sources/deliver.ts';
export { findRoster } from './sources/file.ts';
export { inboxOf, sweepInbox } from './sources/inbox.ts';
export { DeliveryError } from './sources/source.ts';
export { asPart } from './part.ts';
export { readRoster } from './read.ts';
export { type Guess, type GuessedState, guessConfiguration } from './survey/guess.ts';
export { type Survey, surveyRoster } from './survey/survey.ts';
export type { EncryptionFacts } from './content/openpgp/facts.ts';
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
