import { expect, test } from 'vitest';
import { startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { customerOf, openFolder } from './service-process.ts';

test('status, runs and check over all customers: a file that cannot be used is there, and what is in trouble comes first', {
  timeout: 120_000,
}, async () => {
  const folder = await openFolder();
  const [good, bad] = await Promise.all([startSparkwise({}), startSparkwise({})]);
  try {
    await folder.write('acme.yaml', customerOf(good.sandbox.url));
    await folder.write('zinnia.yaml', customerOf(bad.sandbox.url));
    await folder.write('broken.yaml', { ...customerOf('https://broken.example'), rooster: {} });
    const all = ['-c', '*.yaml'];
    expect((await folder.run('sync', '--yes', '-c', 'acme.yaml')).exit).toBe(0);
    // Signing in is refused from now on.
    bad.sandbox.fail({
      effect: { do: 'answer', response: { status: 401 } },
      times: Number.POSITIVE_INFINITY,
    });
    expect((await folder.run('sync', '--yes', '-c', 'zinnia.yaml')).exit).toBe(1);
    expect((await folder.run('sync', '--yes', '-c', 'acme.yaml')).exit).toBe(0);

    const status = await folder.run('status', ...all);
    expect(status.exit).toBe(2);
    const places = [
      'broken.yaml: CANNOT BE USED',
      'rooster',
      'zinnia',
      'FAILED',
      '2 customers, 2 platforms; 1 in step',
    ];
    expect(places.map((text) => status.out.indexOf(text))).toEqual(
      places.map((text) => status.out.indexOf(text)).toSorted((a, b) => a - b),
    );
    expect(status.out.indexOf(places[0] ?? '')).toBe(0);
    expect(status.out).toContain(places.at(-1));
    expect(status.out).not.toMatch(/^acme/m);
    expect((await folder.run('status', '--all', ...all)).out).toMatch(/^acme +academy +in step/m);
    expect(JSON.parse((await folder.run('status', '--json', ...all)).out)).toMatchObject({
      customers: [
        { customer: 'acme' },
        { customer: 'zinnia', platforms: [{ lastRun: { status: 'failed' } }] },
      ],
      unusable: [{ file: 'broken.yaml', code: 'CONFIG_INVALID' }],
    });

    const runs = JSON.parse((await folder.run('runs', '--json', ...all)).out) as {
      runs: { customer: string }[];
    };
    expect(runs.runs.map(({ customer }) => customer)).toEqual(['zinnia', 'acme', 'acme']);

    const check = await folder.run('check', ...all);
    expect(check.exit).toBe(1);
    expect(check.out).toMatch(
      /^broken\.yaml: CANNOT BE USED\n[\s\S]*^zinnia: CANNOT RUN\n[\s\S]*^acme: ok$/m,
    );
    await folder.remove('zinnia.yaml');
    expect((await folder.run('check', ...all)).exit).toBe(2);
    await folder.remove('broken.yaml');
    expect((await folder.run('check', ...all)).exit).toBe(0);
  } finally {
    await folder.close();
    await Promise.all([good.sandbox.close(), bad.sandbox.close()]);
  }
});
