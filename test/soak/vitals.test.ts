import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { endServer } from '../support/template.ts';
import { until } from '../support/until.ts';
import { customerOf, openFolder, startServiceIn } from '../cli/service-process.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipped: a disk that fills up is mounted, which only root may\n');

const mib = 2 ** 20;

/**
 * What is planted in the service's process: the memory that it is told of. Read from a file at every look.
 */
const planted = (file: string): string =>
  `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs';
  import os from 'node:os';
  import promises from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const read = () => JSON.parse(fs.readFileSync(${JSON.stringify(file)}, 'utf8'));
  const { readFile } = promises;
  // Not that of a control group.
  promises.readFile = (path, ...rest) =>
    String(path).startsWith('/sys/fs/cgroup') ? Promise.reject(new Error('planted')) : readFile(path, ...rest);
  const free = os.freemem;
  os.freemem = () => (read().memoryIsShort ? 1 : free());
  syncBuiltinESMExports();`)}`;

test.skipIf(!isRoot)('disk and memory: each is heard, seen by probes, and over', async () => {
  const folder = await openFolder();
  const { sandbox } = await startSparkwise({});
  const dataDir = join(folder.path, 'small');
  mkdirSync(dataDir, { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512m,mode=0700', 'tmpfs', dataDir]);
  const control = join(folder.path, 'planted.json');
  const plant = (facts: object): void =>
    writeFileSync(control, JSON.stringify({ memoryIsShort: false, ...facts }));
  plant({});
  const heard = (what: string, timeoutMs = 30_000) =>
    until(`the operator to hear ${what}`, () => folder.heard().includes(what), timeoutMs);
  try {
    await folder.writeOperator();
    await folder.write('acme.yaml', {
      ...customerOf(sandbox.url, { platform: { schedule: '* * * * * *', rate: '5/s' } }),
      dataDir: './small',
    });
    const options = { node: ['--import', planted(control)] };
    const service = await startServiceIn(folder, options, '-c', 'acme.yaml');
    const ready = async () => {
      const { status, text } = await service.get('/readyz');
      const { reasons, warnings } = JSON.parse(text) as Record<'reasons' | 'warnings', { code: string }[]>;
      return { status, reasons, warnings };
    };
    await until('the platform to be in step', () => sandbox.counts().writes > 0);

    const { bavail, bsize } = statfsSync(dataDir);
    const ballast = join(dataDir, 'ballast');
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 45 * mib));
    await heard('begin DISK_NEARLY_FULL');
    expect(await ready()).toMatchObject({ status: 200, warnings: [{ code: 'DISK_NEARLY_FULL' }] });
    rmSync(ballast);
    await heard('end DISK_NEARLY_FULL');

    plant({ memoryIsShort: true });
    await heard('begin MEMORY_NEARLY_FULL');
    expect(await ready()).toMatchObject({ status: 200, warnings: [{ code: 'MEMORY_NEARLY_FULL' }] });
    plant({});
    await heard('end MEMORY_NEARLY_FULL');
    expect((await ready()).warnings).toEqual([]);

    service.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  } finally {
    await endServer(dataDir);
    execFileSync('umount', ['--lazy', dataDir]);
    await folder.close();
    await sandbox.close();
  }
});
