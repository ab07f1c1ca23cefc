import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { certificateConditions, troubleConditions } from '../../../src/alerts/conditions/service.ts';
import { createLocalSlots } from '../../../src/jobs/pace/slots.ts';
import { createPacer } from '../../../src/jobs/pace/pacer.ts';
import { type SeenCertificate, watchCertificates } from '../../../src/jobs/service/certificates.ts';
import { createVitals, memoryRoom, type Room } from '../../../src/jobs/service/vitals.ts';

/** Not the synchronous one: this process serves the other, and must not wait for itself. */
const execFileAsync = promisify(execFile);
const gib = 2 ** 30;
const mib = 2 ** 20;
const dayMs = 24 * 3_600_000;

function world() {
  const now = { ms: Date.parse('2026-03-02T06:00:00Z') };
  const facts = {
    disk: { freeBytes: 50 * gib, totalBytes: 100 * gib } as Room | null,
    memory: { freeBytes: gib, totalBytes: 2 * gib } as Room | null,
    beatMs: now.ms as number | null,
    stalled: [] as string[],
    lost: 0,
  };
  const vitals = createVitals({
    now: () => now.ms,
    disk: async () => facts.disk,
    memory: async () => facts.memory,
    lastBeatMs: () => facts.beatMs,
    stalledGroups: () => facts.stalled,
    lostLogBytes: () => facts.lost,
  });
  const kinds = async () => (await vitals()).map(({ kind }) => kind);
  /** That much later, looked at every few seconds meanwhile. `beats`: the schedule goes on. */
  const after = async (ms: number, beats = true) => {
    const untilMs = now.ms + ms;
    let found = await kinds();
    while (now.ms < untilMs) {
      now.ms = Math.min(untilMs, now.ms + 5_000);
      if (beats) facts.beatMs = now.ms;
      found = await kinds();
    }
    return found;
  };
  return { now, facts, vitals, kinds, after };
}

test('a service that is well says nothing', async () => {
  const { kinds } = world();
  expect(await kinds()).toEqual([]);
});

test('a disk nearly full is told once with its numbers, and over only when there is room again', async () => {
  const { facts, vitals, kinds } = world();
  facts.disk = { freeBytes: 4.9 * gib, totalBytes: 100 * gib };
  const [trouble] = await vitals();
  expect(trouble).toMatchObject({ kind: 'DISK_NEARLY_FULL', detail: '5,018 of 102,400 MiB free' });
  // More or less of it is no news; neither is just enough.
  facts.disk = { freeBytes: 3 * gib, totalBytes: 100 * gib };
  expect(await vitals()).toEqual([trouble]);
  facts.disk = { freeBytes: 6 * gib, totalBytes: 100 * gib };
  expect(await kinds()).toEqual(['DISK_NEARLY_FULL']);
  facts.disk = { freeBytes: 10 * gib, totalBytes: 100 * gib };
  expect(await kinds()).toEqual([]);
  // 256 MiB count on a disk of some size, a tenth on a tiny one.
  facts.disk = { freeBytes: 250 * mib, totalBytes: 4 * gib };
  expect(await kinds()).toEqual(['DISK_NEARLY_FULL']);
  facts.disk = { freeBytes: 60 * mib, totalBytes: 128 * mib };
  expect(await kinds()).toEqual([]);
  facts.disk = null;
  expect(await kinds()).toEqual([]);
});

test('memory, the schedule, the pacer and the log', async () => {
  const { facts, kinds, after } = world();
  facts.memory = { freeBytes: 160 * mib, totalBytes: 2 * gib };
  expect(await kinds()).toEqual(['MEMORY_NEARLY_FULL']);
  facts.memory = { freeBytes: gib, totalBytes: 2 * gib };
  expect(await after(60_000, false)).toEqual([]);
  expect(await after(5_000, false)).toEqual(['SCHEDULE_STALLED']);
  expect(await after(5_000)).toEqual([]);
  facts.stalled = ['host-1'];
  expect(await kinds()).toEqual(['PACER_STALLED']);
  facts.stalled = [];
  facts.lost = 100;
  expect(await kinds()).toEqual(['LOG_LOST']);
  expect(await after(10 * 60_000)).toEqual(['LOG_LOST']);
  facts.lost = 200;
  expect(await kinds()).toEqual(['LOG_LOST']);
  expect(await after(14 * 60_000)).toEqual(['LOG_LOST']);
  expect(await after(2 * 60_000)).toEqual([]);
  // A schedule that never began.
  facts.beatMs = null;
  expect(await kinds()).toEqual(['SCHEDULE_STALLED']);
});

test('who slept, or whose clock was set, wakes nobody: the others have not had their turn either', async () => {
  const { now, facts, kinds, after } = world();
  await after(120_000);
  // The machine was suspended, or the process stopped, in the middle of a run; or the clock went an hour ahead.
  now.ms += 3_600_000;
  facts.stalled = ['host-1'];
  expect(await kinds()).toEqual([]);
  facts.stalled = [];
  expect(await after(120_000)).toEqual([]);
  now.ms -= 3_600_000;
  expect(await after(120_000)).toEqual([]);
  // What really stands still is told a minute later.
  now.ms += 3_600_000;
  facts.stalled = ['host-1'];
  expect(await after(60_000, false)).toEqual([]);
  const both = ['SCHEDULE_STALLED', 'PACER_STALLED'];
  expect(await after(10_000, false)).toEqual(both);
  // And is not over for having slept again.
  now.ms += 3_600_000;
  expect(await kinds()).toEqual(both);
});

test('the memory is that of the control group, the cache left out, or else of the machine', async () => {
  const root = await mkdtemp(join(tmpdir(), 'rollcall-cgroup-'));
  try {
    await mkdir(join(root, 'system.slice/rollcall.service'), { recursive: true });
    const own = join(root, 'cgroup');
    await writeFile(own, '0::/system.slice/rollcall.service\n');
    const machine = await memoryRoom(root, own);
    expect(machine.totalBytes).toBeGreaterThan(mib);
    const at = (name: string) => join(root, 'system.slice/rollcall.service', name);
    await writeFile(at('memory.max'), `${64 * mib}\n`);
    await writeFile(at('memory.current'), `${60 * mib}\n`);
    await writeFile(at('memory.stat'), `anon 1\ninactive_file ${20 * mib}\nactive_file ${4 * mib}\n`);
    expect(await memoryRoom(root, own)).toEqual({ freeBytes: 28 * mib, totalBytes: 64 * mib });
    await writeFile(at('memory.max'), 'max\n');
    expect((await memoryRoom(root, own)).totalBytes).toBe(machine.totalBytes);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('a pacer whose slots do not come is stalled after 20 minutes, one that is idle is not', async () => {
  const { performance } = globalThis;
  const real = performance.now.bind(performance);
  let aheadMs = 0;
  performance.now = () => real() + aheadMs;
  try {
    const stop = new AbortController();
    const dead = createPacer({
      take: () => new Promise<never>(() => undefined),
      pause: async () => undefined,
    });
    const rate = { count: 5, windowMs: 1_000 };
    const waiting = dead
      .group('a', rate)
      .slot(stop.signal)
      .catch(() => undefined);
    const alive = createPacer(createLocalSlots());
    await alive.group('b', rate).slot(stop.signal);
    expect(dead.stalled()).toEqual([]);
    aheadMs = 19 * 60_000;
    expect(dead.stalled()).toEqual([]);
    aheadMs = 21 * 60_000;
    expect(dead.stalled()).toEqual(['a']);
    expect(alive.stalled()).toEqual([]);
    stop.abort();
    void waiting;
  } finally {
    performance.now = real;
  }
});

test('certificates are seen on connections that are made anyway, and told of two weeks before their end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-certificate-'));
  const watch = watchCertificates();
  try {
    const pem = (name: string) => join(folder, name);
    const request =
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10 -subj /CN=localhost';
    execFileSync(
      'openssl',
      [
        ...request.split(' '),
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        pem('key'),
        '-out',
        pem('cert'),
      ],
      { stdio: 'ignore' },
    );
    const [key, cert] = [execFileSync('cat', [pem('key')]), execFileSync('cat', [pem('cert')])];
    const server = createServer({ key, cert }, (_request, response) => response.end('ok'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const { stdout } = await execFileAsync(process.execPath, ['--input-type=module', '-e', script(port)], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: pem('cert') },
      encoding: 'utf8',
      cwd: process.cwd(),
      timeout: 20_000,
    });
    server.close();
    const seen = JSON.parse(stdout) as SeenCertificate[];
    expect(seen).toEqual([
      { host: 'localhost', port, starttls: false, name: `localhost:${port}`, untilMs: expect.any(Number) },
    ]);
    const [one] = seen;
    const days = ((one?.untilMs ?? 0) - Date.now()) / dayMs;
    expect(days).toBeGreaterThan(9);
    expect(days).toBeLessThan(10.1);
    expect(certificateConditions('acme', null, seen, Date.now())).toMatchObject([
      {
        kind: 'CERTIFICATE_ENDS',
        subject: `localhost:${port}`,
        nextStep: expect.stringMatching(`-connect localhost:${port} <`),
      },
    ]);
    expect(certificateConditions('acme', null, seen, Date.now() - 30 * dayMs)).toEqual([]);
    expect(certificateConditions('acme', new Set(['elsewhere']), seen, Date.now())).toEqual([]);
  } finally {
    watch.stop();
    await rm(folder, { recursive: true });
  }
});

/** A process that trusts the certificate, asks once, and says what it saw. */
function script(port: number): string {
  const file = new URL('../../../src/jobs/service/certificates.ts', import.meta.url).href;
  return `import { watchCertificates } from '${file}';
const watch = watchCertificates();
await (await fetch('https://localhost:${port}/')).text();
console.log(JSON.stringify(watch.seen())); process.exit(0);`;
}

test('each state has words of its own', () => {
  const kinds = [
    'DISK_NEARLY_FULL',
    'MEMORY_NEARLY_FULL',
    'SCHEDULE_STALLED',
    'PACER_STALLED',
    'LOG_LOST',
  ] as const;
  const told = troubleConditions(
    '_operator',
    kinds.map((kind) => ({ kind, sinceMs: 0, detail: 'DETAIL' })),
  );
  expect(new Set(told.map(({ summary }) => summary)).size).toBe(kinds.length);
  for (const { summary, nextStep } of told)
    expect([summary, nextStep]).toEqual([expect.stringContaining('DETAIL'), expect.stringMatching(/\w{4}/)]);
});
