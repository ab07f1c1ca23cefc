import { createInterface } from 'node:readline/promises';
import { parseArguments } from './cli/arguments.ts';
import { commands } from './cli/commands.ts';
import type { Cli, Command, ExitStatus } from './cli/context.ts';
import { reportFailure, runCommand } from './cli/run-command.ts';
import { userOfProcess } from './cli/user.ts';
import { usages } from './cli/usages.ts';
import { readEnvironment } from './config/environment.ts';
import { nearest } from './config/nearest.ts';
import { RollcallError } from './errors.ts';
import { createLog } from './log.ts';
import { logDestination } from './output/log-destination.ts';
import type { Output } from './output/output.ts';
import { openStandardOutputs, type StandardOutputs } from './output/standard.ts';

function help(): string {
  const lines = ['usage: rollcall COMMAND [-c FILE] [OPTIONS]', ''];
  for (const { usage, summary } of Object.values(usages))
    lines.push(`  rollcall ${usage}`, `      ${summary}`);
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

/**
 * How much is logged: at a terminal the command's own words are enough, and the lines of the log would stand between them.
 * A service there says what is not as it should be.
 */
function logLevel(argv: readonly string[], errors: Output): string {
  if (argv.includes('--verbose')) return 'debug';
  if (!errors.isTerminal) return 'info';
  return argv[0] === 'start' ? 'warn' : 'silent';
}

/** All requests of this process go through the proxies that the environment names, as those of other programs do. */
function useProxies(proxies: Readonly<Record<string, string>>): void {
  try {
    // Not imported: that loads all of Node's HTTP, WebSockets included, for commands that make no request.
    process.getBuiltinModule('node:http').setGlobalProxyFromEnv({ ...proxies });
  } catch {
    // The address may hold a password, and the error quotes it.
    throw new RollcallError('USAGE', 'HTTP_PROXY or HTTPS_PROXY is no address of a proxy.', {
      hint: 'Write http://HOST:PORT.',
    });
  }
}

async function askAtTerminal(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question, { signal });
  } finally {
    terminal.close();
  }
}

/** Runs one command line to its exit status. */
async function main(argv: readonly string[], { out, err }: StandardOutputs, stopping: AbortController) {
  const environment = readEnvironment();
  const verbose = argv.includes('--verbose');
  const log = createLog({ level: logLevel(argv, err), destination: logDestination(err) });
  const cli: Cli = {
    out,
    err,
    isTerminal: out.isTerminal,
    env: environment.env,
    user: userOfProcess(environment.env),
    redisUrl: environment.redisUrl,
    databaseUrl: environment.databaseUrl,
    log,
    lostLogBytes: () => err.lostBytes,
    signal: stopping.signal,
    now: Date.now,
    onHangup: (listener) => void process.on('SIGHUP', listener),
    ask: async (question) =>
      /^y(es)?$/i.test((await askAtTerminal(`${question} [y/N] `, stopping.signal)).trim()),
    askText: (question) => askAtTerminal(`${question} `, stopping.signal),
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
  // Reserved by Node for opening a debugger, through which anybody on the machine would read every secret.
  process.on('SIGUSR1', () => log.warn({}, 'SIGUSR1 is ignored: it opens no debugger'));
  const [name, ...args] = argv;
  try {
    if (environment.proxies !== undefined) useProxies(environment.proxies);
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      cli.out.write(`${help()}\n`);
      return name === undefined ? 2 : 0;
    }
    const load = commands[name];
    if (load === undefined) {
      const near = nearest(name, Object.keys(commands));
      throw new RollcallError('USAGE', `there is no command "${name}".`, {
        hint: near === undefined ? 'See rollcall help.' : `Did you mean "rollcall ${near}"?`,
      });
    }
    const command = await load();
    const parsed = parseArguments(name, command, args);
    if (parsed.flag('help')) {
      cli.out.write(`${describe(command)}\n`);
      return 0;
    }
    const status = await runCommand(cli, name, command, parsed);
    return await withLostResult(status, command, out, err);
  } catch (error) {
    return reportFailure(cli, { json: args.includes('--json'), stack: verbose }, error);
  }
}

/**
 * Says that a result could not be written. What a command did, it did: then the status stays that of the run. A command
 * that only shows something has failed.
 */
async function withLostResult(
  status: ExitStatus,
  command: Command,
  out: Output,
  err: Output,
): Promise<ExitStatus> {
  if (out.lostBytes === 0) return status;
  const shows = command.does === 'show';
  err.write(
    `rollcall: standard output could not be written (${out.failure}): ${out.lostBytes.toLocaleString('en')} bytes of the result are lost. ${
      shows
        ? 'Make room, and ask again.'
        : 'What was done is done, and the exit status says how it ended; rollcall runs has it.'
    } [OUTPUT_LOST]\n`,
  );
  return shows && status === 0 ? 1 : status;
}

/** Runs the process's own command line, and ends the process with its exit status. */
export async function runProcess(): Promise<void> {
  const outputs = openStandardOutputs();
  const stopping = new AbortController();
  // What nobody caught is told without the values that it may quote, and ends the process as it would have.
  process.on('uncaughtException', (error) => {
    createLog({ level: 'error', destination: logDestination(outputs.err) }).fatal({ err: error }, 'defect');
    void outputs.settled(stopping.signal).then(() => process.exit(1));
  });
  const status = await main(process.argv.slice(2), outputs, stopping);
  await outputs.settled(stopping.signal);
  // Everything that was opened is closed; a connection that hangs must not keep the process.
  process.exit(status);
}
