import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { describeOn } from '../support/backends.ts';
import { people, toCsv } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { until } from '../support/until.ts';
import { customerOf, openFolder, startService } from './service-process.ts';

/** `${NAME}`, as a configuration has it. */
const ref = (name: string): string => ['$', `{${name}}`].join('');

test('a secret that is not set is an error only for what needs it', { timeout: 120_000 }, async () => {
  const rows = people(5);
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows });
  expect((await company.sync()).status).toBe('applied');
  await company.configure({
    platform: { apiKey: ref('ROLLCALL_TEST_NOT_SET') },
    config: {
      control: { tokens: [{ name: 'ops', role: 'operator', token: ref('ROLLCALL_TEST_TOKEN_NOT_SET') }] },
      alerts: { channels: [{ type: 'slack', webhookUrl: ref('ROLLCALL_TEST_HOOK_NOT_SET') }] },
    },
  });
  const person = rows[0]?.id ?? '';
  for (const line of [
    ['status'],
    ['runs'],
    ['schedule'],
    ['explain', person],
    ['review'],
    ['pause', platformName],
  ]) {
    const ended = await (await company.spawn(...line)).ended;
    expect([line, ended.exit], ended.err).toEqual([line, 0]);
  }
  const requests = company.sandbox.counts().reads;
  for (const line of [['plan'], ['sync', '--yes'], ['check']]) {
    const ended = await (await company.spawn(...line)).ended;
    expect([line, ended.exit]).toEqual([line, 2]);
    expect(ended.err).toContain('the environment variable ROLLCALL_TEST_NOT_SET is not set');
    expect(ended.err).toContain('CONFIG_SECRET_MISSING');
  }
  // What only asks the service, or tells on-call, needs none of a platform.
  const test = await (await company.spawn('alerts', 'test')).ended;
  expect([test.exit, test.err]).toEqual([2, expect.stringContaining('ROLLCALL_TEST_HOOK_NOT_SET')]);
  expect(test.err).not.toContain('ROLLCALL_TEST_NOT_SET');
  const targets = await (await company.spawn('targets', platformName)).ended;
  expect([targets.exit, targets.err]).toEqual([1, expect.stringContaining('CONFIG_SECRET_MISSING')]);
  expect(company.sandbox.counts().reads).toBe(requests);
  // No secret: what is not set has no place where a number of requests has to stand.
  await company.configure({ platform: { rate: ref('ROLLCALL_TEST_RATE') } });
  const wrong = await (await company.spawn('status')).ended;
  expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining('ROLLCALL_TEST_RATE is not set')]);
});

describeOn('postgres', 'on a PostgreSQL of one’s own, without Redis', () => {
  test('who waits for a service that may not be there is told so at once', async () => {
    await using company = await openSparkwiseCompany({ backend: 'postgres', rows: people(5) });
    const { id } = await company.sync();
    await company.close();
    await company.configure({ platform: { apiKey: ref('ROLLCALL_TEST_NOT_SET') } });
    const undo = await company.spawn('undo', id ?? '', '--apply');
    await until('it to wait', async () => {
      const runs = await (await company.spawn('runs', '--json')).ended;
      return runs.out.includes('"trigger":"undo"');
    });
    await undo.kill('SIGTERM');
    const { err } = await undo.ended;
    expect(err).toMatch(
      /^rollcall: the secrets of academy are not set here: this waits for a running service that has them\. .*systemctl status rollcall/m,
    );
    expect(err).not.toContain('CONFIG_SECRET_MISSING');
  });
});

test('approve, reject and undo beside the service need no secret of a platform: the service does it', {
  timeout: 120_000,
}, async () => {
  const folder = await openFolder();
  const { sandbox, state } = await startSparkwise({});
  try {
    const config = (apiKey: string) =>
      customerOf(sandbox.url, {
        platform: { apiKey, limits: { deactivate: { count: 1, percent: 1, floor: 1 } } },
      });
    await folder.write('acme.yaml', config(ref('file:key')));
    await folder.write('key', sparkwiseApiKey);
    // The same customer, as somebody sees it who may not read the key.
    await folder.write('blind.yaml', { customer: 'acme', ...config(ref('ROLLCALL_TEST_NOT_SET')) });
    await startService(folder, '-c', 'acme.yaml');
    expect((await folder.run('resync', 'academy', '-c', 'blind.yaml')).exit).toBe(0);
    await until('all to be there', () => state.users.length === 20);
    const rows = people(20).map((row, at) => (at < 4 ? { ...row, status: 'Terminated' } : row));
    await writeFile(join(folder.path, 'roster.csv'), toCsv(rows));
    const held = async () => {
      expect((await folder.run('resync', 'academy', '-c', 'blind.yaml')).exit).toBe(0);
      let run: { id: string; status: string; hash: string; hold: string } | undefined;
      await until('a hold', async () => {
        const { out } = await folder.run('runs', '--json', '-c', 'blind.yaml');
        run = (JSON.parse(out) as { runs: (typeof run)[] }).runs.find((one) => one?.hold === 'open');
        return run !== undefined;
      });
      return run ?? { id: '', hash: '' };
    };
    const one = await held();
    const rejected = await folder.run('reject', one.id, '--until', '2100-01-01', '-c', 'blind.yaml');
    expect(rejected.exit).toBe(0);
    expect((await folder.run('reject', one.id, '--withdraw', '-c', 'blind.yaml')).exit).toBe(0);
    const again = await held();
    const approved = await folder.run(
      'approve',
      again.id,
      '--hash',
      again.hash,
      '--json',
      '-c',
      'blind.yaml',
    );
    expect([approved.exit, approved.err]).toEqual([0, expect.not.stringContaining('CONFIG_SECRET_MISSING')]);
    const [released] = (JSON.parse(approved.out) as { runs: { id: string; applied: object }[] }).runs;
    expect(released).toMatchObject({ status: 'applied', applied: { deactivate: 4 } });
    await writeFile(join(folder.path, 'roster.csv'), toCsv(people(20)));
    const undone = await folder.run('undo', released?.id ?? '', '--apply', '--json', '-c', 'blind.yaml');
    expect([undone.exit === 0 || undone.exit === 3, undone.err]).toEqual([
      true,
      expect.not.stringContaining('CONFIG_SECRET_MISSING'),
    ]);
  } finally {
    await folder.close();
    await sandbox.close();
  }
});
