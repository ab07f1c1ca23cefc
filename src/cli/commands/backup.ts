import { resolve } from 'node:path';
import { RollcallError } from '../../errors.ts';
import { writeBackup } from '../../store/backup.ts';
import type { Command, ParsedArguments } from '../context.ts';
import { loadOne, openStore } from '../open.ts';
import { usages } from '../usages.ts';

/** `rollcall backup FILE`: all state of all customers of the store, in one file, as it is at one instant. */
export const backup: Command = {
  ...usages.backup,
  options: {},
  does: 'act',
  run: async (cli, args) => {
    const file = fileOf('backup', args);
    const store = await openStore(cli, (await loadOne(cli, args, 'later')).dataDir, 'backup');
    try {
      const size = await writeBackup(store.database, file, cli.now());
      if (args.flag('json')) cli.out.write(`${JSON.stringify({ file, ...size })}\n`);
      else cli.out.write(`${file}: ${size.rows.toLocaleString('en')} rows of ${size.tables} tables\n`);
      return 0;
    } finally {
      await store.database.close();
    }
  },
};

/** The one file that a command names. */
export function fileOf(command: 'backup' | 'restore', args: ParsedArguments): string {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0)
    throw new RollcallError('USAGE', `rollcall ${command} takes one file.`, {
      hint: `Usage: rollcall ${usages[command].usage}`,
    });
  return resolve(file);
}
