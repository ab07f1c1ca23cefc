import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Cli } from '../../src/cli/context.ts';
import { forwardedArguments } from '../../src/cli/remote.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import { createLog } from '../../src/log.ts';
import { lockHolder } from '../../src/store/data-dir.ts';
import { canaryPeople, startService, type TestService, tokens, waitCommand, waiting } from './service.ts';

const patience = { timeout: 10_000 };
/** Processes of their own take seconds to start on a busy machine. */
const slow = { timeout: 90_000 };
let service: TestService;
beforeAll(async () => {
  service = await startService(canaryPeople(20));
});
afterAll(async () => {
  await service.close();
});

/** The client's half in this process, with somebody who answers. */
async function remotely(
  args: readonly string[],
  options: { readonly answer?: boolean; readonly signal?: AbortSignal; readonly file?: string } = {},
): Promise<{ exit: number; out: string; err: string; asked: readonly string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const asked: string[] = [];
  const into = (texts: string[]): PassThrough => {
    const stream = new PassThrough();
    stream.on('data', (chunk) => texts.push(String(chunk)));
    return stream;
  };
  const cli: Cli = {
    out: into(out),
    err: into(err),
    isTerminal: options.answer !== undefined,
    env: {},
    redisUrl: undefined,
    databaseUrl: undefined,
    log: createLog({ level: 'silent', destination: { write: () => undefined } }),
    signal: options.signal ?? new AbortController().signal,
    now: Date.now,
    ask: async (question) => {
      asked.push(question);
      return options.answer ?? false;
    },
  };
  const [name = '', ...rest] = args;
  const command = name === 'wait' ? waitCommand : await commands[name]?.();
  if (command === undefined) throw new Error(`no command ${name}`);
  const typed = [...rest, '-c', options.file ?? service.file];
  const exit = await runCommand(cli, name, command, parseArguments(name, command, typed), typed);
  return { exit, out: out.join(''), err: err.join(''), asked };
}

describe('the command line while a service runs', () => {
  test('plan and sync run in the service; the journal has the name of the token', slow, async () => {
    const plan = await service.rollcall(['plan', '--json', '--changes']);
    expect([plan.exit, plan.err]).toEqual([0, '']);
    const { runs } = JSON.parse(plan.out) as { runs: { status: string; changes: unknown[] }[] };
    expect(runs).toMatchObject([{ status: 'planned', planned: { create: 20 } }]);
    expect(runs[0]?.changes).toHaveLength(20);
    const sync = await service.rollcall(['sync', 'academy', '--yes']);
    expect([sync.exit, sync.err]).toEqual([0, '']);
    expect(sync.out).toMatch(/academy: applied[\s\S]*20 create/);
    const [run] = await service.opened.store.runs.list({ customer: 'alpha', limit: 1 });
    expect(run).toMatchObject({ actor: 'operator-a', trigger: 'command', status: 'applied' });
  });

  test('what it exits with and how it fails is as if it ran here', slow, async () => {
    await service.export([...canaryPeople(9, 'Terminated'), ...canaryPeople(20).slice(9)]);
    expect((await remotely(['sync', '--yes'])).exit).toBe(3);
    const unknown = await service.rollcall(['plan', 'acadamy', '--json']);
    expect(unknown.exit).toBe(2);
    expect(JSON.parse(unknown.out)).toMatchObject({ error: { code: 'PLATFORM_UNKNOWN' } });
    expect(unknown.err).toContain('Did you mean "academy"?');
  });

  test('a viewer token looks; what an operator may do is refused with the reason', async () => {
    const viewer = await service.configure('alpha-viewer', {
      tokens: [{ name: 'viewer-a', role: 'viewer', token: tokens.viewer }],
    });
    expect((await remotely(['plan'], { file: viewer })).exit).toBe(3);
    await expect(remotely(['sync', '--yes'], { file: viewer })).rejects.toMatchObject({
      exitCode: 2,
      message: 'the token "viewer-a" may look, not act.',
      hint: 'Use a token with the role operator.',
    });
  });

  test('without a token, or with an outdated one, the error says what to do', async () => {
    const none = await service.configure('alpha-none', {});
    await expect(remotely(['plan'], { file: none })).rejects.toMatchObject({
      code: 'DATA_DIR_LOCKED',
      hint: expect.stringContaining('control.tokens'),
    });
    const old = await service.configure('alpha-old', {
      tokens: [{ name: 'old', role: 'operator', token: 'an outdated token that nobody has' }],
    });
    await expect(remotely(['plan'], { file: old })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      place: { key: 'control.tokens' },
      message: expect.not.stringContaining('outdated token'),
    });
  });

  test('a customer that the service does not run is said so', async () => {
    const gamma = await service.configure('gamma', {
      tokens: [{ name: 'ops', role: 'operator', token: tokens.operator }],
    });
    await expect(remotely(['plan'], { file: gamma })).rejects.toMatchObject({
      message: expect.stringContaining('does not run the customer gamma'),
    });
  });
});

describe('between client and service', () => {
  test('questions are asked here, and answered there', async () => {
    const yes = await remotely(['wait', '--ask'], { answer: true });
    expect(yes).toMatchObject({ exit: 0, out: 'operator-a: yes\n', asked: ['Go on?'] });
    const no = await remotely(['wait', '--ask'], { answer: false });
    expect(no).toMatchObject({ exit: 4, out: 'operator-a: no\n' });
  });

  test('where nobody watches a question is a failure, not a wait', async () => {
    const ended = await remotely(['wait', '--ask']);
    expect(ended).toMatchObject({ exit: 2, asked: [] });
    expect(ended.err).toContain('nobody watches');
  });

  test('sync at a terminal shows the plan, asks, and does nothing on no', async () => {
    const before = service.sandbox.counts().writes;
    const ended = await remotely(['sync', 'academy'], { answer: false });
    expect(ended.asked).toEqual(['Apply this to academy?']);
    expect(ended.out).toContain('deactivate');
    expect(service.sandbox.counts().writes).toBe(before);
  });

  test('a client that goes away ends its command', async () => {
    const stop = new AbortController();
    const { begun, aborted } = waiting;
    const ended = remotely(['wait'], { signal: stop.signal });
    await expect.poll(() => waiting.begun, patience).toBe(begun + 1);
    stop.abort(new Error('Ctrl+C'));
    await expect(ended).rejects.toThrow('Ctrl+C');
    await expect.poll(() => waiting.aborted, patience).toBe(aborted + 1);
  });

  test('only so many at a time, and the rest is told to come again', async () => {
    const stop = new AbortController();
    const { begun, aborted } = waiting;
    const running = [1, 2, 3, 4].map(() =>
      remotely(['wait'], { signal: stop.signal }).catch(() => 'stopped'),
    );
    await expect.poll(() => waiting.begun, patience).toBe(begun + 4);
    const busy = await service.post('/api/command', { name: 'plan' }, tokens.operator);
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '10']);
    await expect(remotely(['plan'])).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    stop.abort();
    expect(await Promise.all(running)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
    await expect.poll(() => waiting.aborted, patience).toBe(aborted + 4);
    await expect.poll(async () => (await remotely(['plan'])).exit, patience).toBe(3);
  });

  test('lines: what is printed, and last the exit status; a defect quotes nothing', async () => {
    const answer = await service.post('/api/command', { name: 'fails' }, tokens.viewer);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([
      {
        err: 'rollcall: an unexpected failure (TypeError): please report it; --verbose shows where [INTERNAL]\n',
      },
      { exit: 1 },
    ]);
  });

  test('no other file of the machine is read, and what is local stays there', async () => {
    const answer = await service.post(
      '/api/command',
      { name: 'plan', args: ['-c', '/etc/passwd'] },
      tokens.operator,
    );
    expect(await answer.text()).toMatch(/-c is not taken here.*\n\{"exit":2\}\n$/);
    expect((await service.post('/api/command', { name: 'local' }, tokens.operator)).status).toBe(403);
    expect((await service.post('/api/command', { name: 'start' }, tokens.operator)).status).toBe(403);
  });
});

test('the arguments go without those that name the configuration', async () => {
  const plan = await commands['plan']?.();
  if (plan === undefined) throw new Error('no plan');
  expect(
    forwardedArguments(plan, ['-c', 'a.yaml', 'academy', '--json', '--config=b.yaml', '--config', 'c']),
  ).toEqual(['--json', '--', 'academy']);
  expect(forwardedArguments(plan, ['-ca.yaml', '--changes'])).toEqual(['--changes']);
  expect(forwardedArguments(plan, ['--', '-c'])).toEqual(['--', '-c']);
  expect(forwardedArguments(waitCommand, ['--note=a=b', '--note', '-x'])).toEqual([
    '--note=a=b',
    '--note=-x',
  ]);
});

test('a service that stops ends its commands, and once it is gone that is said so', slow, async () => {
  const held = await lockHolder(service.opened.customer.config.dataDir);
  expect(held?.control).toBe(service.url);
  const { begun } = waiting;
  const interrupted = remotely(['wait']);
  await expect.poll(() => waiting.begun, patience).toBe(begun + 1);
  await service.server.close();
  expect(await interrupted).toMatchObject({
    exit: 1,
    err: expect.stringContaining('the service is stopping'),
  });
  const plan = await service.rollcall(['plan']);
  expect(plan.exit).toBe(1);
  expect(plan.err).toMatch(/the service at http:\S+ does not answer\..*\[SERVICE_UNREACHABLE\]/);
});
