import type { ErrorCode, Place } from '../errors.ts';
import { RollcallError } from '../errors.ts';

/** Where a value is in the document: keys of mappings, indexes of lists. */
export type KeyPath = readonly (string | number)[];

/** One problem of a configuration file. `message` holds neither the place nor a secret. */
export type ConfigIssue = { readonly code: ErrorCode; readonly message: string; readonly place: Place };

/** `platforms.academy.enrollments[0].when` */
export function formatKey(path: KeyPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** `file:line:column key: problem` */
export function formatIssue({ message, place }: ConfigIssue): string {
  const where = [place.file, place.line, place.column].filter((part) => part !== undefined).join(':');
  return `${[where, place.key].filter((part) => part !== undefined && part !== '').join(' ')}: ${message}`;
}

/**
 * Everything that is wrong with one configuration file, in the order of its lines. The message has one line an issue
 * (`file:line:column key: problem`), `place` is that of the first. The code is that of the issues when they agree, and
 * `CONFIG_INVALID` when they do not.
 */
export class ConfigError extends RollcallError {
  override readonly name: string = 'ConfigError';
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly [ConfigIssue, ...ConfigIssue[]]) {
    const [first] = issues;
    const code = issues.every((issue) => issue.code === first.code) ? first.code : 'CONFIG_INVALID';
    super(code, issues.map(formatIssue).join('\n'), { place: first.place });
    this.issues = issues;
  }
}

/** Raises the issues as one error, by line and column; does nothing when there are none. */
export function raise(issues: readonly ConfigIssue[]): void {
  const [first, ...rest] = issues.toSorted(
    (a, b) => (a.place.line ?? 0) - (b.place.line ?? 0) || (a.place.column ?? 0) - (b.place.column ?? 0),
  );
  if (first !== undefined) throw new ConfigError([first, ...rest]);
}
