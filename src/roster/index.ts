export { isOfTheFuture } from './completeness.ts';
export { compileDateFormat, type ParseDate } from './mapping/dates.ts';
export { findRoster } from './sources/file.ts';
export { readRoster } from './read.ts';
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
