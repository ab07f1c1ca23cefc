import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { processEnv } from '../support/memory-disk.ts';
import { until } from '../support/until.ts';

// Processes of their own, some of them with a database: seconds each on a machine with other work.
vi.setConfig({ testTimeout: 90_000 });

const mainFile = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

type Running = {
  readonly child: ChildProcess;
  readonly text: { out: string; err: string };
  readonly exit: Promise<number | null>;
};

/** The command line with standard output and error as given; what comes through pipes is kept. */
function rollcall(
  args: readonly string[],
  stdio: StdioOptions = ['ignore', 'pipe', 'pipe'],
  command = process.execPath,
): Running {
  const given = command === process.execPath ? [mainFile, ...args] : args;
  const child = spawn(command, given, { env: { ...processEnv(), TERM: 'xterm' }, stdio });
  children.add(child);
  const text = { out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    text.out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    text.err += chunk.toString();
  });
  return { child, text, exit: new Promise((resolve) => child.once('close', resolve)) };
}

async function withFull<T>(use: (full: number) => Promise<T>): Promise<T> {
  const full = openSync('/dev/full', 'w');
  try {
    return await use(full);
  } finally {
    closeSync(full);
  }
}

/** An address that is free now. */
const listen = '127.0.0.1:0';

test('a result that cannot be written is said so, and the run is what it was', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(30) });
  await company.close();
  await withFull(async (full) => {
    const sync = rollcall(['sync', '--json', '-c', company.configFile], ['ignore', full, 'pipe']);
    expect(await sync.exit).toBe(0);
    expect(sync.text.err).toMatch(
      /rollcall: standard output could not be written \(ENOSPC\): [\d,]+ bytes of the result are lost\. What was done is done.*\[OUTPUT_LOST\]/,
    );
    expect(company.state.users).toHaveLength(30);
    // A command that is for its output alone has failed.
    const plan = rollcall(['plan', '--json', '-c', company.configFile], ['ignore', full, 'pipe']);
    expect(await plan.exit).toBe(1);
    expect(plan.text.err).toContain('[OUTPUT_LOST]');
  });
  expect(await company.plan()).toMatchObject({ exit: 0, status: 'unchanged' });
});

test('… | head is a quiet end, and leaves nothing behind', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(10) });
  await company.sync();
  await company.close();
  for (const args of [['help'], ['runs', '-c', company.configFile]]) {
    const { child, text, exit } = rollcall(args);
    child.stdout?.destroy();
    expect(await exit).toBe(0);
    expect(text.err.replaceAll(/^\{.*\}\n/gm, '')).toBe('');
  }
  // Whoever comes next finds no lock.
  expect(await company.plan()).toMatchObject({ exit: 0, status: 'unchanged' });
});

test.each([
  ['whose disk is full', 'full'],
  ['whose reader does not read', 'unread'],
  ['whose reader has gone', 'gone'],
])('a service with a log %s works and stops', async (_title, log) => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(12),
    platform: { schedule: '* * * * * *' },
    config: { control: { listen: '127.0.0.1:7691', tokens: [] } },
  });
  await company.close();
  await withFull(async (full) => {
    const stdio: StdioOptions = ['ignore', 'ignore', log === 'full' ? full : 'pipe'];
    const { child, exit } = rollcall(['start', '--verbose', '-c', company.configFile], stdio);
    if (log === 'gone') child.stderr?.destroy();
    if (log === 'unread') child.stderr?.pause();
    const health = async (): Promise<boolean> =>
      fetch('http://127.0.0.1:7691/healthz').then(
        (answer) => answer.ok,
        () => false,
      );
    await until('the service to answer', health);
    await until('a run to have been', async () => company.state.users.length === 12);
    // More lines than a pipe holds.
    for (let asked = 0; asked < 1_000; asked++) expect(await health()).toBe(true);
    const stoppedMs = performance.now();
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(performance.now() - stoppedMs).toBeLessThan(15_000);
  });
});

const hasScript = existsSync('/usr/bin/script');
test.skipIf(!hasScript)(
  'at a terminal there are no lines of a log between the words of a command',
  async () => {
    await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(10) });
    await company.close();
    const at = (...args: readonly string[]): Running =>
      rollcall(
        ['-qec', [process.execPath, mainFile, ...args, '-c', company.configFile].join(' '), '/dev/null'],
        ['ignore', 'pipe', 'pipe'],
        '/usr/bin/script',
      );
    const sync = at('sync', '--yes');
    expect(await sync.exit).toBe(0);
    expect(sync.text.out).toContain('academy: applied');
    expect(sync.text.out).not.toMatch(/^\{"/m);
    const check = at('check');
    expect(await check.exit).toBe(0);
    expect(check.text.out).toContain('people:');
    expect(check.text.out).not.toMatch(/^\{"/m);
    // With standard output elsewhere, standard error is still the terminal.
    const piped = rollcall(
      ['-qec', `${process.execPath} ${mainFile} sync -c ${company.configFile} | cat`, '/dev/null'],
      ['ignore', 'pipe', 'pipe'],
      '/usr/bin/script',
    );
    expect(await piped.exit).toBe(0);
    expect(piped.text.out).not.toMatch(/^\{"/m);
  },
);

test('SIGUSR1 opens no debugger', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(3),
    config: { control: { listen, tokens: [] } },
  });
  await company.close();
  const { child, text, exit } = rollcall(['start', '-c', company.configFile]);
  await until('the service to have started', async () => text.err.includes('service started'));
  child.kill('SIGUSR1');
  await until('it to be told', async () => text.err.includes('SIGUSR1 is ignored'));
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(text.err).not.toContain('Debugger listening');
});
