import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RollcallError } from '../../errors.ts';
import { shown } from '../../shown.ts';
import type { Command } from '../context.ts';
import { filesReader, openStore } from '../open.ts';
import { usages } from '../usages.ts';

/** How long the services get to answer. They look for requests every second; reading 300 files takes a few. */
const answerMs = 20_000;
const askAgainMs = 100;

/**
 * `rollcall reload`: has the running services of this store take up changed files, and says what they made of it. `--json`:
 * `{ "services": [ { "service", "changes": [LINE] } ] }`.
 */
export const reload: Command = {
  ...usages.reload,
  options: {},
  does: 'act',
  run: async (cli, args) => {
    if (args.positionals.length > 0) throw new RollcallError('USAGE', 'reload takes no arguments but -c.');
    const { customers } = await filesReader(cli, args, 'later').read();
    // A broken file is what it may be asked for: any other says where the state is.
    const known = customers.find((one) => 'config' in one);
    if (known === undefined && cli.databaseUrl === undefined) {
      for (const one of customers) if ('error' in one) throw one.error;
    }
    const store = await openStore(
      cli,
      known !== undefined && 'config' in known ? known.config.dataDir : '',
      'reload',
    );
    try {
      const id = randomUUID();
      await store.reloads.ask(id, cli.now());
      // On a database of one's own nobody can tell who else is there: the first answer is the one that is waited for.
      const services = (await store.database.others())?.filter((command) => command === 'start').length ?? 1;
      const untilMs = performance.now() + answerMs;
      let answers = await store.reloads.answers(id);
      while (answers.length < services && performance.now() < untilMs) {
        await sleep(askAgainMs, undefined, { signal: cli.signal });
        answers = await store.reloads.answers(id);
      }
      if (args.flag('json'))
        cli.out.write(
          `${JSON.stringify({ services: answers.map(({ instance, lines }) => ({ service: instance, changes: lines })) })}\n`,
        );
      else
        for (const { lines } of answers)
          cli.out.write(`${lines.length === 0 ? 'nothing has changed' : lines.map(shown).join('\n')}\n`);
      if (answers.length === 0)
        throw new RollcallError('SERVICE_NOT_RUNNING', 'no running service answered.', {
          hint: 'Start one: it reads the files as they are then.',
        });
      return 0;
    } finally {
      await store.database.close();
    }
  },
};
