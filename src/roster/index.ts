export { compileDateFormat, type ParseDate } from './dates.ts';
export { findRoster } from './find.ts';
export { readRoster } from './read.ts';
export type {
  Delimiter,
  IncompleteCode,
  IncompleteReason,
  ReadRosterOptions,
  RejectCode,
  RejectedRow,
  RosterBaseline,
  RosterEncoding,
  RosterFile,
  RosterProof,
  RosterRules,
  RowInput,
} from './types.ts';
