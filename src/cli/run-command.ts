import type { Cli, Command, ExitStatus, ParsedArguments } from './context.ts';
import { loadOne, type Opened, openAll } from './open.ts';

/** Runs a command here: opens what it asks for, and closes it when it has ended, however it ended. */
export async function runCommand(
  cli: Cli,
  name: string,
  command: Command,
  args: ParsedArguments,
): Promise<ExitStatus> {
  let opened: Opened | undefined;
  try {
    return await command.run(cli, args, async () => {
      opened ??= await openAll(cli, [await loadOne(cli, args)], name);
      return opened;
    });
  } finally {
    await opened?.close();
  }
}
