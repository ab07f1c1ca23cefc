import { RollcallError } from '../../errors.ts';
import { restoreBackup } from '../../store/backup.ts';
import type { Command } from '../context.ts';
import { loadOne, openStore } from '../open.ts';
import { usages } from '../usages.ts';
import { fileOf } from './backup.ts';

/** `rollcall restore FILE`: a backup into an empty store, embedded or not; all of it or nothing. */
export const restore: Command = {
  ...usages.restore,
  options: {},
  does: 'act',
  run: async (cli, args) => {
    const file = fileOf('restore', args);
    const store = await openStore(cli, (await loadOne(cli, args, 'later')).dataDir, 'restore');
    try {
      const others = await store.database.others();
      if (others !== null && others.length > 0)
        throw new RollcallError(
          'STORE_NOT_EMPTY',
          `the database is in use (rollcall ${others.join(', ')}).`,
          {
            hint: 'Stop what uses it, then restore.',
          },
        );
      const restored = await restoreBackup(store.database, file);
      if (args.flag('json')) cli.out.write(`${JSON.stringify({ file, ...restored })}\n`);
      else
        cli.out.write(
          `${file}: ${restored.rows.toLocaleString('en')} rows of ${restored.tables} tables, as of ${restored.at}\n`,
        );
      return 0;
    } finally {
      await store.database.close();
    }
  },
};
