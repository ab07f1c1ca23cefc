import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { until } from '../support/until.ts';
import { customerOf, type Folder, openFolder, operatorToken, startService } from './service-process.ts';

let folder: Folder;
let first: Awaited<ReturnType<typeof startSparkwise>>;
let second: Awaited<ReturnType<typeof startSparkwise>>;
beforeEach(async () => {
  folder = await openFolder();
  [first, second] = await Promise.all([startSparkwise({}), startSparkwise({})]);
});
afterEach(async () => {
  await folder.close();
  await Promise.all([first.sandbox.close(), second.sandbox.close()]);
});

const all = ['-c', '*.yaml'] as const;
const acmeToken = 'a-token-of-acme-that-is-long-enough-01';
const withToken = (token: string) => ({ control: { tokens: [{ name: 'acme-ops', role: 'viewer', token }] } });

test('a file that cannot be used is seen everywhere and told to the operator; files come, change, break and go without a restart', {
  timeout: 120_000,
}, async () => {
  await folder.writeOperator({ defaults: { dataDir: './data' } });
  const { dataDir: _dataDir, ...acme } = customerOf(first.sandbox.url, withToken(acmeToken)) as Record<
    string,
    unknown
  >;
  await folder.write('acme.yaml', acme);
  await folder.write('birch.yaml', '{ "roster": [');
  const service = await startService(folder, ...all);

  // Seen in the log, on the page, in the metrics, by probes, and heard.
  expect(service.err()).toMatch(/rollcall: birch\.yaml is left out: birch\.yaml:1:\d+/);
  const page = await service.get('/', operatorToken, 'text/html');
  expect(page.text).toContain('birch: its configuration cannot be used');
  expect(page.text).toContain('Nothing is done for this customer.');
  const metrics = await service.get('/metrics', operatorToken);
  expect(metrics.text).toContain('rollcall_unusable_files{customer="_operator",state="out"} 1');
  expect(JSON.parse((await service.get('/readyz')).text)).toEqual({
    status: 'ready',
    reasons: [],
    warnings: [
      { code: 'CUSTOMER_LEFT_OUT', message: '1 file of customers cannot be used: nothing is done for them' },
    ],
  });
  await until('the operator to hear of it', () => folder.heard().includes('begin CUSTOMER_LEFT_OUT'));
  // Whose customers there are is not acme's business.
  for (const path of ['/', '/metrics'])
    expect((await service.get(path, acmeToken, 'text/html')).text).not.toMatch(/birch|unusable_files\{/);

  // Mended: taken up on SIGHUP, and over.
  await folder.write('birch.yaml', customerOf(second.sandbox.url, { platform: { schedule: '* * * * * *' } }));
  service.kill('SIGHUP');
  await until('birch to be taken up', () => service.err().includes('added birch (birch.yaml)'));
  await until('birch to run by its schedule', () => second.state.users.length === 20);
  await until('the operator to hear that it is over', () => folder.heard().includes('end CUSTOMER_LEFT_OUT'));

  // A change that breaks a file keeps what was good, and a new file comes; both in one reload that says so.
  const before = second.sandbox.log.length;
  await folder.write('birch.yaml', customerOf(second.sandbox.url, { rooster: {} }));
  await folder.write('cedar.yaml', customerOf('https://cedar.example', { dataDir: './elsewhere' }));
  await folder.write('dogwood.yaml', customerOf('https://dogwood.example', { control: { tokens: [] } }));
  const reload = await folder.run('reload', ...all);
  expect(reload).toMatchObject({ exit: 0 });
  const lines = reload.out.split('\n').filter((line) => line !== '');
  expect(lines.filter((line) => /^birch goes on as it was: .*rooster/.test(line))).toHaveLength(1);
  expect(lines.filter((line) => /^left out: .*cedar\.yaml: dataDir is .*elsewhere/.test(line))).toHaveLength(
    1,
  );
  expect(lines).toContain('added dogwood (dogwood.yaml)');
  expect(lines).toHaveLength(3);
  await until('birch to go on by its last good configuration', () => second.sandbox.log.length > before + 2);
  await until('the operator to hear of both', () =>
    ['begin CONFIG_NOT_TAKEN', 'begin CUSTOMER_LEFT_OUT'].every((one) =>
      folder.heard().slice(2).includes(one),
    ),
  );

  // Who may sign in follows the file; so does who is there at all.
  await folder.write('acme.yaml', { ...acme, ...withToken('another-token-of-acme-long-enough-0002') });
  for (const name of ['birch', 'cedar', 'dogwood']) await folder.remove(`${name}.yaml`);
  const again = await folder.run('reload', '--json', ...all);
  expect(JSON.parse(again.out)).toMatchObject({
    services: [
      {
        changes: [
          'changed acme: control.tokens',
          expect.stringMatching(/^removed birch /),
          expect.stringMatching(/^removed dogwood /),
          expect.stringContaining('no longer there: cedar.yaml'),
        ],
      },
    ],
  });
  expect((await service.get('/metrics', acmeToken)).status).toBe(401);
  expect((await service.get('/api/customers', operatorToken)).text).not.toContain('birch');
  expect((await service.get('/metrics', operatorToken)).text).not.toContain('birch');
  await until('the operator to hear that all is over', () => {
    const heard = folder.heard();
    return (
      heard.filter((one) => one.startsWith('begin')).length ===
      heard.filter((one) => one.startsWith('end')).length
    );
  });

  // The folder is away: nobody is gone.
  await folder.remove('acme.yaml');
  const emptied = await folder.run('reload', '-c', join(folder.path, 'data'), '--json');
  expect(emptied.exit).toBe(2);
  service.kill('SIGHUP');
  await until('acme to go on', () => service.err().includes('acme goes on as it was'));
  expect((await service.get('/api/customers', operatorToken)).text).toContain('acme');

  service.kill('SIGTERM');
  expect(await service.ended).toBe(0);
});

test('a run under way ends with the configuration that it began with', { timeout: 120_000 }, async () => {
  await folder.writeOperator();
  await folder.write('acme.yaml', customerOf(first.sandbox.url, { platform: { timeout: '10s' } }));
  const service = await startService(folder, ...all);
  // The first read hangs until it is given up; meanwhile the file names another platform.
  first.sandbox.fail({ effect: { do: 'hang' }, times: 1 });
  expect((await folder.run('resync', 'academy', '-c', 'acme.yaml')).exit).toBe(0);
  await until('the run to be under way', () => first.sandbox.log.length === 1);
  await folder.write('acme.yaml', customerOf(second.sandbox.url));
  expect((await folder.run('reload', ...all)).out).toContain(
    'changed acme: platforms.academy.baseUrl, platforms.academy.timeout',
  );
  await until('the run to have ended', () => service.err().includes('"msg":"run ended"'));
  expect(first.state.users).toHaveLength(20);
  expect(second.sandbox.log).toHaveLength(0);

  expect((await folder.run('resync', 'academy', '-c', 'acme.yaml')).exit).toBe(0);
  await until('the next run to be with the new one', () => second.sandbox.log.length > 0);
});

test('without a service that answers, reload says so', { timeout: 60_000 }, async () => {
  await folder.write('acme.yaml', customerOf(first.sandbox.url));
  const reload = await folder.run('reload', ...all);
  expect(reload.exit).toBe(1);
  expect(reload.err).toContain('SERVICE_NOT_RUNNING');
});

test('two services on one store, a platform gone from one of them: the other’s requests are all done, and a reload has both answers', {
  timeout: 120_000,
}, async () => {
  const acme = customerOf(first.sandbox.url, { customer: 'acme', control: { listen: '127.0.0.1:0' } });
  const { academy } = (acme as { platforms: Record<string, object> }).platforms;
  const both = { ...acme, platforms: { academy, branch: { ...academy, baseUrl: second.sandbox.url } } };
  await folder.write('here.yaml', both);
  await folder.write('there.yaml', both);
  const here = await startService(folder, '-c', 'here.yaml');
  await startService(folder, '-c', 'there.yaml');

  await folder.write('here.yaml', { ...both, platforms: { academy } });
  here.kill('SIGHUP');
  await until('one of them to know one platform less', () =>
    here.err().includes('changed acme: platforms.branch'),
  );
  // Whichever of the two takes one up: whoever does not know the platform leaves it to whoever does.
  for (let asked = 1; asked <= 2; asked++) {
    expect((await folder.run('resync', 'branch', '-c', 'there.yaml')).exit).toBe(0);
    await until(`request ${asked} to be done`, async () => {
      const { out } = await folder.run('runs', 'branch', '--json', '-c', 'there.yaml');
      const { runs } = JSON.parse(out) as { runs: { status: string; ended: string | null }[] };
      return runs.length === asked && runs.every(({ ended }) => ended !== null);
    });
  }
  expect(here.err()).not.toContain('request refused');
  expect(second.state.users).toHaveLength(20);

  const reload = await folder.run('reload', '--json', '-c', 'there.yaml');
  expect(JSON.parse(reload.out)).toMatchObject({ services: [{ changes: [] }, { changes: [] }] });
});
