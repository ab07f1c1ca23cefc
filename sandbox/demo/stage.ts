import { Writable } from 'node:stream';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Cli, ExitStatus } from '../../src/cli/context.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import { formatError, RollcallError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';

/** Something did not go as the demo says it does. */
export class NotAsTold extends Error {
  override readonly name = 'NotAsTold';
}

/** What a command is expected to do. */
export type Expected = {
  readonly exit: ExitStatus;
  /** What its output has to say. */
  readonly says?: readonly (string | RegExp)[];
  /** What its output must not say. */
  readonly silentOn?: readonly RegExp[];
  /** Lines of output to show before the rest is only counted. Default 14. */
  readonly lines?: number;
};

/** Where the demo plays: it tells, runs commands as somebody would type them, and checks what came of it. */
export type Stage = {
  readonly heading: (text: string) => void;
  readonly tell: (text: string) => void;
  /** Runs `rollcall LINE` and returns what it printed. Throws NotAsTold when it does not do what is expected. */
  readonly rollcall: (line: string, expected: Expected) => Promise<string>;
  /** Throws NotAsTold unless the two are the same; says so when they are. */
  readonly check: (what: string, found: unknown, expected: unknown) => void;
};

export type StageOptions = {
  readonly out: Writable;
  readonly err: Writable;
  readonly isTerminal: boolean;
};

/** Builds the stage. Commands read `rollcall.yaml` of the process's current folder, as they do for everybody. */
export function createStage({ out, err, isTerminal }: StageOptions): Stage {
  const bold = (text: string): string => (isTerminal ? `\u001b[1m${text}\u001b[0m` : text);
  const faint = (text: string): string => (isTerminal ? `\u001b[2m${text}\u001b[0m` : text);
  let last: 'nothing' | 'check' | 'text' = 'nothing';
  const write = (line: string): void => {
    out.write(`${line.trimEnd()}\n`);
    last = 'text';
  };
  /** Sets what follows apart from what came before. */
  const gap = (): void => {
    if (last !== 'nothing') write('');
    last = 'nothing';
  };
  const ending = new AbortController();
  let chapter = 0;

  async function perform(line: string, into: Writable): Promise<ExitStatus> {
    const [name = '', ...args] = line.split(' ');
    const load = commands[name];
    if (load === undefined) throw new NotAsTold(`there is no command "${name}"`);
    const command = await load();
    const cli: Cli = {
      out: into,
      err,
      isTerminal,
      // Whatever the environment says: the demo touches nobody's servers.
      env: {},
      redisUrl: undefined,
      databaseUrl: undefined,
      log: createLog({ level: 'error', destination: process.stderr }),
      signal: ending.signal,
      now: Date.now,
      ask: async (question) => {
        throw new NotAsTold(`nobody is there to answer "${question}"`);
      },
    };
    try {
      return await runCommand(cli, name, command, parseArguments(name, command, args));
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error;
      into.write(`rollcall: ${formatError(error)}\n`);
      return error.exitCode;
    }
  }

  return {
    heading: (text) => {
      chapter++;
      gap();
      write(bold(`${chapter}. ${text}`));
    },
    tell: (text) => {
      gap();
      write(text);
    },
    rollcall: async (line, expected) => {
      const started = performance.now();
      gap();
      write(bold(`$ rollcall ${line}`));
      const { into, text } = collector();
      const exit = await perform(line, into);
      const printed = text();
      const lines = printed.trimEnd().split('\n');
      const shown = expected.lines ?? 14;
      for (const one of lines.slice(0, shown)) write(`  ${one}`);
      if (lines.length > shown) write(faint(`  … ${(lines.length - shown).toLocaleString('en')} lines more`));
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      write(faint(`  (exit status ${exit}, ${seconds} s)`));
      if (exit !== expected.exit)
        throw new NotAsTold(`rollcall ${line}: exit status ${exit} instead of ${expected.exit}\n${printed}`);
      for (const wanted of expected.says ?? []) {
        const said = typeof wanted === 'string' ? printed.includes(wanted) : wanted.test(printed);
        if (!said) throw new NotAsTold(`rollcall ${line} does not say ${wanted}\n${printed}`);
      }
      for (const unwanted of expected.silentOn ?? []) {
        if (unwanted.test(printed)) throw new NotAsTold(`rollcall ${line} says ${unwanted}\n${printed}`);
      }
      return printed;
    },
    check: (what, found, expected) => {
      if (found !== expected) throw new NotAsTold(`${what}: ${String(found)} instead of ${String(expected)}`);
      if (last !== 'check') gap();
      write(`  ✓ ${what}: ${typeof found === 'number' ? found.toLocaleString('en') : String(found)}`);
      last = 'check';
    },
  };
}

function collector(): { readonly into: Writable; readonly text: () => string } {
  const chunks: string[] = [];
  const into = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      chunks.push(typeof chunk === 'string' ? chunk : chunk.toString('utf8'));
      done();
    },
  });
  return { into, text: () => chunks.join('') };
}
