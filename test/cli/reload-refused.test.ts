import { expect, test } from 'vitest';
import { startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { until } from '../support/until.ts';
import { customerOf, openFolder, startService } from './service-process.ts';

const all = ['-c', '*.yaml'] as const;

// Each of these is looked at by a guard of its own; the service has to go on, and the next good file has to be taken up.
test('what a running service cannot take up is refused by name, each file by itself, and the service goes on', {
  timeout: 120_000,
}, async () => {
  const folder = await openFolder();
  const sandboxes = await Promise.all([startSparkwise({}), startSparkwise({})]);
  const [own, birch] = sandboxes.map(({ sandbox }) => sandbox.url);
  try {
    const acme = customerOf(own ?? '', {
      control: { listen: '127.0.0.1:0' },
      platform: { schedule: '* * * * * *' },
    });
    await folder.write('acme.yaml', acme);
    await folder.write('birch.yaml', customerOf(birch ?? ''));
    const service = await startService(folder, ...all);
    await until('acme to be in step', () => sandboxes[0]?.state.users.length === 20);

    const elsewhere = (name: string) => `https://${name}.example`;
    await folder.write('acme.yaml', { ...acme, rooster: {} });
    await folder.remove('birch.yaml');
    await folder.write('cedar.yaml', customerOf(elsewhere('cedar'), { customer: 'ACME' }));
    await folder.write('elm.yaml', customerOf(elsewhere('elm'), { control: { listen: '127.0.0.1:7999' } }));
    await folder.write('maple.yaml', customerOf(birch ?? ''));
    await folder.write('oak.yaml', customerOf(elsewhere('oak'), { platform: { schedule: '0 25 * * *' } }));
    await folder.write('pine.yaml', customerOf(elsewhere('pine'), { platform: { accounts: 'person.nope' } }));
    await folder.write('rowan.yaml', customerOf(elsewhere('rowan')));

    const reload = await folder.run('reload', '--json', ...all);
    const [{ changes } = { changes: [] }] = (JSON.parse(reload.out) as { services: { changes: string[] }[] })
      .services;
    const refused: readonly [string, RegExp][] = [
      ['acme.yaml', /^acme goes on as it was: acme\.yaml.*rooster/],
      [
        'cedar.yaml',
        /^left out: .*acme\.yaml, which goes on as it was, is of a customer of the same name.*customer: NAME/,
      ],
      [
        'elm.yaml',
        /^left out: .*control\.listen is 127\.0\.0\.1:7999, and this service listens on 127\.0\.0\.1:0/,
      ],
      ['maple.yaml', /^left out: .*points at the tenant that the customer "birch" of this store writes to/],
      ['oak.yaml', /^left out: .*"0 25 \* \* \*" is not a schedule/],
      ['pine.yaml', /^left out: .*person\.nope/],
    ];
    for (const [file, line] of refused)
      expect([file, changes.filter((one) => line.test(one)).length], changes.join('\n')).toEqual([file, 1]);
    expect(changes).toContain('added rowan (rowan.yaml)');
    expect(changes.filter((one) => one.startsWith('removed birch '))).toHaveLength(1);
    expect(changes).toHaveLength(refused.length + 2);

    // It goes on, and takes up the next good change.
    const before = sandboxes[0]?.sandbox.log.length ?? 0;
    await until('acme to run', () => (sandboxes[0]?.sandbox.log.length ?? 0) > before + 1);
    for (const [file] of refused) if (file !== 'acme.yaml') await folder.remove(file);
    await folder.write('acme.yaml', acme);
    const again = await folder.run('reload', '--json', ...all);
    expect(again.out).not.toMatch(/goes on as it was|left out/);
    expect(JSON.parse((await service.get('/readyz')).text)).toMatchObject({ status: 'ready', warnings: [] });
  } finally {
    await folder.close();
    await Promise.all(sandboxes.map(({ sandbox }) => sandbox.close()));
  }
});
