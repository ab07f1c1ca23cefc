import type { CustomerConfig } from '../config/schema.ts';
import { ConfigError } from '../config/issues.ts';
import { formatError, RollcallError } from '../errors.ts';
import { shown, shownLines } from '../shown.ts';
import { type LockHolder, lockHolder } from '../store/data-dir.ts';
import type { Cli, Command, ExitStatus, Opened, ParsedArguments } from './context.ts';

/** A running service holds the embedded database: the command has to run there. */
class HeldByService extends Error {
  override readonly name = 'HeldByService';
  readonly config: CustomerConfig;
  readonly holder: LockHolder;
  constructor(config: CustomerConfig, holder: LockHolder) {
    super('a running service holds the embedded database');
    this.config = config;
    this.holder = holder;
  }
}

/**
 * Runs a command: here, opening what it asks for and closing it however it ended; or, once it asks for an embedded
 * database that a running service holds, in that service. `typed` is the command line that `args` were parsed from.
 */
export async function runCommand(
  cli: Cli,
  name: string,
  command: Command,
  args: ParsedArguments,
  typed: readonly string[],
): Promise<ExitStatus> {
  let opened: Opened | undefined;
  try {
    return await command.run(cli, args, async () => {
      if (opened !== undefined) return opened;
      // Not before a command asks for it: `help` needs none of the packages behind it.
      const { loadOne, openAll } = await import('./open.ts');
      const config = await loadOne(cli, args);
      if (cli.databaseUrl === undefined && command.role !== 'local') {
        const holder = await lockHolder(config.dataDir);
        if (holder !== null && holder.control !== null) throw new HeldByService(config, holder);
      }
      opened = await openAll(cli, [config], name);
      return opened;
    });
  } catch (error) {
    if (!(error instanceof HeldByService)) throw error;
    const { runRemote } = await import('./remote.ts');
    return await runRemote(cli, {
      name,
      command,
      args: typed,
      config: error.config,
      holder: error.holder,
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
 * Tells whoever sent a command why it failed, and gives its exit status. `json`: also as a document on standard output.
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
