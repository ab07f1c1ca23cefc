import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import { customerOf } from '../../cli/service-process.ts';
import { people, toCsv } from '../../support/company.ts';
import { processEnv } from '../../support/memory-disk.ts';
import { makeDataDir } from '../../support/template.ts';
import { until } from '../../support/until.ts';

const mainFile = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

function rollcall(...args: readonly string[]) {
  const child = spawn(process.execPath, [mainFile, ...args], {
    env: processEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    text.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text.err += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { text, ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

async function folderOf(files: Readonly<Record<string, object>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-start-'));
  await writeFile(join(folder, 'roster.csv'), toCsv(people(20)));
  await makeDataDir(join(folder, 'data'));
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), JSON.stringify(content));
  return folder;
}

function customer(baseUrl: string, schedule: string) {
  return customerOf(baseUrl, {
    platform: { schedule },
    control: {
      listen: '127.0.0.1:0',
      tokens: [{ name: 'ops', role: 'operator', token: 'start-test-token' }],
    },
  });
}

test('many customers in one service: broken files stop only themselves, loudly; commands go through it; SIGTERM drains', {
  timeout: 120_000,
}, async () => {
  const [first, second] = await Promise.all([startSparkwise({}), startSparkwise({})]);
  const folder = await folderOf({
    'acme.yaml': customer(first.sandbox.url, '*/2 * * * * *'),
    'birch.yaml': customer(second.sandbox.url, '*/2 * * * * *'),
    'cedar.yaml': { ...customer(second.sandbox.url, '* * * * *'), rooster: {} },
    'dogwood.yaml': customer('https://account-api.sparkwise.example', '99 * * * *'),
  });
  try {
    const service = rollcall('start', '-c', join(folder, '*.yaml'));
    await until('the service to start', () => service.text.err.includes('service started'));
    expect(service.text.err).toMatch(/cedar\.yaml is left out: .*rooster/);
    expect(service.text.err).toMatch(/dogwood\.yaml is left out: .*"99 \* \* \* \*" is not a schedule/);
    await until(
      'both customers to be in step',
      () => first.state.users.length === 20 && second.state.users.length === 20,
    );

    const status = rollcall('status', '--json', '-c', join(folder, 'acme.yaml'));
    expect(await status.ended).toBe(0);
    expect(JSON.parse(status.text.out)).toMatchObject({
      customer: 'acme',
      roster: { lastRead: { rows: 20, complete: true } },
      platforms: [{ platform: 'academy', paused: null, next: expect.stringContaining('T') }],
    });
    const resync = rollcall('resync', 'academy', '--json', '-c', join(folder, 'birch.yaml'));
    expect(await resync.ended).toBe(0);
    expect(JSON.parse(resync.text.out)).toMatchObject({
      requests: [{ platform: 'academy', job: expect.any(String) }],
    });

    // Every line of the log is JSON and says whose run it is.
    const lines = service.text.err
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find(({ msg }) => msg === 'run ended')).toMatchObject({
      customer: expect.stringMatching(/acme|birch/),
      platform: 'academy',
      run: expect.stringContaining('academy-'),
      level: 'info',
    });
    expect(service.text.err).not.toContain('@');

    service.kill('SIGTERM');
    expect(await service.ended).toBe(0);
    expect(service.text.err).toContain('service stopped');
  } finally {
    await Promise.all([first.sandbox.close(), second.sandbox.close()]);
    await rm(folder, { recursive: true, force: true });
  }
});

test('without one usable file the service does not start; a second signal ends it at once', {
  timeout: 120_000,
}, async () => {
  const { sandbox } = await startSparkwise({});
  const folder = await folderOf({
    'broken.yaml': { ...customer(sandbox.url, '* * * * *'), rooster: {} },
    'wrong.yaml': customer('https://account-api.sparkwise.example', '99 * * * *'),
    'good.yaml': customer(sandbox.url, '* * * * * *'),
  });
  try {
    const none = rollcall('start', '-c', join(folder, 'broken.yaml'), '-c', join(folder, 'wrong.yaml'));
    expect(await none.ended).toBe(2);
    expect(none.text.err).toContain('CONFIG_INVALID');

    const service = rollcall('start', '-c', join(folder, 'good.yaml'));
    await until('the service to start', () => service.text.err.includes('service started'));
    sandbox.fail({ effect: { do: 'hang' }, times: Number.POSITIVE_INFINITY });
    const reads = sandbox.log.length;
    await until('a request that hangs', () => sandbox.log.length > reads);
    service.kill('SIGTERM');
    await until('the service to stop', () => service.text.err.includes('service stops'));
    const before = performance.now();
    service.kill('SIGINT');
    expect(await service.ended).toBe(1);
    expect(performance.now() - before).toBeLessThan(2_000);
  } finally {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  }
});
