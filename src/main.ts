#!/usr/bin/env -S node --max-semi-space-size=8
import { createInterface } from 'node:readline/promises';
import { parseArguments } from './cli/arguments.ts';
import { commands } from './cli/commands.ts';
import type { Cli, Command, ExitStatus } from './cli/context.ts';
import { expectStore } from './cli/expect-store.ts';
import { reportFailure, runCommand } from './cli/run-command.ts';
import { readEnvironment } from './config/environment.ts';
import { nearest } from './config/nearest.ts';
import { RollcallError } from './errors.ts';
import { createLog } from './log.ts';

async function help(): Promise<string> {
  const lines = ['usage: rollcall COMMAND [-c FILE] [OPTIONS]', ''];
  for (const [, load] of Object.entries(commands)) {
    const command: Command = await load();
    lines.push(`  rollcall ${command.usage}`, `      ${command.summary}`);
  }
  lines.push(
    '',
    'Results go to standard output, logs to standard error. Exit status: 0 in step, 1 failed, 2 wrong usage or',
    'configuration, 3 something is held or withheld, 4 applied but some items failed.',
  );
  return lines.join('\n');
}

function describe(command: Command): string {
  const options = Object.entries(command.options).map(
    ([name, option]) => `  --${name.padEnd(12)} ${option.help}`,
  );
  return [`usage: rollcall ${command.usage}`, `  ${command.summary}`, ...options].join('\n');
}

/** Runs one command line to its exit status. */
export async function main(argv: readonly string[]): Promise<ExitStatus> {
  const environment = readEnvironment();
  const stopping = new AbortController();
  const verbose = argv.includes('--verbose');
  const isTerminal = process.stdout.isTTY === true;
  const cli: Cli = {
    out: process.stdout,
    err: process.stderr,
    isTerminal,
    env: environment.env,
    redisUrl: environment.redisUrl,
    databaseUrl: environment.databaseUrl,
    log: createLog({ level: verbose ? 'debug' : isTerminal ? 'warn' : 'info' }),
    signal: stopping.signal,
    now: Date.now,
    ask: async (question) => {
      const terminal = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return /^y(es)?$/i.test(
          (await terminal.question(`${question} [y/N] `, { signal: stopping.signal })).trim(),
        );
      } finally {
        terminal.close();
      }
    },
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Asked twice: whoever asks does not want to wait. Nothing is lost, the next start goes on.
      if (stopping.signal.aborted) process.exit(1);
      stopping.abort(
        new RollcallError('RUN_ABORTED', `stopped by ${signal}.`, {
          hint: 'Start it again to go on where it was.',
        }),
      );
    });
  }
  const [name, ...args] = argv;
  try {
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      cli.out.write(`${await help()}\n`);
      return name === undefined ? 2 : 0;
    }
    const load = commands[name];
    if (load === undefined) {
      const near = nearest(name, Object.keys(commands));
      throw new RollcallError('USAGE', `there is no command "${name}".`, {
        hint: near === undefined ? 'See rollcall help.' : `Did you mean "rollcall ${near}"?`,
      });
    }
    // Beside the second that this program's own modules take to load.
    if (!args.includes('--help')) expectStore(environment.databaseUrl);
    const command = await load();
    const parsed = parseArguments(name, command, args);
    if (parsed.flag('help')) {
      cli.out.write(`${describe(command)}\n`);
      return 0;
    }
    return await runCommand(cli, name, command, parsed, args);
  } catch (error) {
    return reportFailure(cli, { json: args.includes('--json'), stack: verbose }, error);
  }
}

/** How long what is still open may keep the process alive once the command has ended, in ms. */
const lingerMs = 2_000;

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2));
  // A connection that hangs must not keep a service alive that was told to stop.
  setTimeout(() => process.exit(), lingerMs).unref();
}
