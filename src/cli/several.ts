import { stat } from 'node:fs/promises';
import { formatError, RollcallError } from '../errors.ts';
import { shown, shownLines } from '../shown.ts';
import type { Cli, Opened, ParsedArguments } from './context.ts';
import { isGlob } from './customer-files.ts';

/** A file of several that cannot be used. */
export type LeftOut = { readonly file: string; readonly error: RollcallError };

/** Whether the arguments name several customers: more than one file, or a glob, whatever it finds. */
export async function namesSeveral(args: ParsedArguments): Promise<boolean> {
  const named = args.texts('config');
  const [only] = named;
  if (only === undefined || named.length > 1) return named.length > 1;
  if (!isGlob(only)) return false;
  return stat(only).then(
    () => false,
    () => true,
  );
}

/**
 * Does something with all customers that the arguments name, and the files that cannot be used. `opened` is null when there
 * is no other.
 */
export async function withSeveral<T>(
  cli: Cli,
  args: ParsedArguments,
  command: string,
  work: (opened: Opened | null, leftOut: readonly LeftOut[]) => Promise<T>,
): Promise<T> {
  // Not before it is needed: most who ask for one customer's status have it opened for them.
  const { filesReader, openAll, secretsFor } = await import('./open.ts');
  const { customers } = await filesReader(cli, args, secretsFor(command)).read();
  const leftOut = customers.flatMap((one): LeftOut[] =>
    'error' in one ? [{ file: one.file, error: one.error }] : [],
  );
  const configs = customers.flatMap((one) => ('config' in one ? [one.config] : []));
  if (configs.length === 0) return work(null, leftOut);
  const opened = await openAll(cli, configs, command, {
    onBroken: (file, error) => leftOut.push({ file, error }),
  }).catch((error: unknown) => {
    // Each of them was told to `onBroken`.
    if (error instanceof RollcallError && leftOut.length > 0 && error.code === 'CONFIG_INVALID') return null;
    throw error;
  });
  try {
    return await work(opened, leftOut);
  } finally {
    await opened?.close();
  }
}

/** The files that cannot be used, for a person: what is wrong with each. */
export function describeLeftOut(leftOut: readonly LeftOut[]): readonly string[] {
  return leftOut.map(
    ({ file, error }) =>
      `${shown(file)}: CANNOT BE USED\n  ${shownLines(formatError(error)).replaceAll('\n', '\n  ')}`,
  );
}

/** The same for programs. */
export function leftOutDocument(leftOut: readonly LeftOut[]): readonly object[] {
  return leftOut.map(({ file, error }) => ({
    file,
    code: error.code,
    message: error.message,
    place: error.place ?? null,
  }));
}
