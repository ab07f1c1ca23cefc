import { ConfigError } from '../config/issues.ts';
import { formatError, RollcallError } from '../errors.ts';
import { shown, shownLines } from '../shown.ts';
import type { Cli, Command, ExitStatus, Opened, ParsedArguments } from './context.ts';

/** Runs a command: opens what it asks for, and closes it however the command ended. */
export async function runCommand(
  cli: Cli,
  name: string,
  command: Command,
  args: ParsedArguments,
): Promise<ExitStatus> {
  let opened: Opened | undefined;
  try {
    return await command.run(cli, args, async () => {
      if (opened !== undefined) return opened;
      // Not before a command asks for it: `help` needs none of the packages behind it.
      const { loadOne, openAll, secretsFor } = await import('./open.ts');
      opened = await openAll(cli, [await loadOne(cli, args, secretsFor(name))], name);
      return opened;
    });
  } finally {
    await opened?.close();
  }
}

/** Only the list of a configuration's problems has lines; in any other message they came from outside. */
function asShown(error: RollcallError): string {
  return error instanceof ConfigError ? shownLines(formatError(error)) : shown(formatError(error));
}

/**
 * Tells whoever gave a command why it failed, and gives its exit status. `json`: also as a document on standard output.
 * `stack`: with the stack trace.
 */
export function reportFailure(
  cli: Pick<Cli, 'out' | 'err' | 'log'>,
  wanted: { readonly json: boolean; readonly stack: boolean },
  error: unknown,
): ExitStatus {
  const expected = error instanceof RollcallError;
  if (wanted.json && expected) {
    const { code, message, hint } = error;
    const document = { error: { code, message, ...(hint === undefined ? {} : { hint }) } };
    cli.out.write(`${JSON.stringify(document)}\n`);
  }
  cli.err.write(
    `rollcall: ${expected ? asShown(error) : `an unexpected failure (${error instanceof Error ? error.name : typeof error}): please report it; --verbose shows where [INTERNAL]`}\n`,
  );
  if (!expected) cli.log.error({ err: error }, 'defect');
  if (wanted.stack && error instanceof Error) cli.err.write(`${error.stack}\n`);
  return expected ? error.exitCode : 1;
}
