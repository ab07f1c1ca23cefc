import { RollcallError } from '../errors.ts';
import type { CommandRunner } from '../web/commands.ts';
import { parseArguments } from './arguments.ts';
import type { Cli, Command, CommandTable, ExitStatus, Opened } from './context.ts';
import { reportFailure } from './run-command.ts';

const never: Opened['close'] = async () => undefined;

/** Runs commands that come through the control API, in the service's own world. */
export function createCommandRunner(
  opened: Opened,
  commands: CommandTable,
  cli: Pick<Cli, 'env' | 'redisUrl' | 'databaseUrl' | 'log' | 'now'>,
): CommandRunner {
  const load = (name: string): Promise<Command> | undefined =>
    Object.hasOwn(commands, name) ? commands[name]?.() : undefined;
  return {
    roleOf: async (name) => (await load(name))?.role ?? null,
    run: async (request): Promise<ExitStatus> => {
      const { name, customer: wanted, actor, out, err, terminal, signal, ask } = request;
      const here: Cli = {
        env: cli.env,
        redisUrl: cli.redisUrl,
        databaseUrl: cli.databaseUrl,
        now: cli.now,
        out,
        err,
        isTerminal: terminal,
        log: cli.log.child({ command: name, customer: wanted, actor }),
        signal,
        ask:
          ask ??
          (() => {
            throw new RollcallError('USAGE', `${name} has a question, and nobody watches.`, {
              hint: 'Say --yes, or run it at a terminal.',
            });
          }),
      };
      try {
        const customer = opened.customers.find((candidate) => candidate.name === wanted);
        const command = await load(name);
        if (customer === undefined || command === undefined)
          throw new RollcallError('USAGE', `${name} cannot be run here.`);
        if (parseArguments(name, command, request.args).texts('config').length > 0)
          throw new RollcallError('USAGE', 'the service has read its configuration: -c is not taken here.');
        // A command that reads the configuration itself reads that of its customer, and no other file.
        const args = parseArguments(name, command, ['--config', customer.config.file, ...request.args]);
        const world = { ...opened, customers: [customer], customer, actor, close: never };
        return await command.run(here, args, async () => world);
      } catch (error) {
        return reportFailure(here, { json: request.args.includes('--json'), stack: false }, error);
      }
    },
  };
}
