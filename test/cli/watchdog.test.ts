import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Signs, startWatchdog } from '../../src/cli/watchdog.ts';
import { createLog } from '../../src/log.ts';
import { until } from '../support/until.ts';

/** systemd's side of the socket: prints every message it gets. Node cannot bind such a socket. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('bound', flush=True)
while True: print(s.recv(4096).decode().strip(), flush=True)`;

function missing(): string | null {
  for (const command of ['systemd-notify', 'python3'])
    try {
      execFileSync(command, ['--version'], { stdio: 'ignore' });
    } catch {
      return command;
    }
  return null;
}
const lacks = missing();
if (lacks !== null) process.stderr.write(`skipped: the watchdog over a real socket: there is no ${lacks}\n`);

test.skipIf(lacks !== null)(
  'systemd is told while beat and probes go on, and not when one stands still',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-notify-'));
    const socket = join(folder, 's');
    const systemd = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    let heard = '';
    systemd.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    const fed = (): number => heard.split('WATCHDOG=1').length - 1;
    const logged: string[] = [];
    const log = createLog({
      level: 'debug',
      destination: { write: (line: string) => void logged.push(line) },
    });
    let nowMs = 1_000_000;
    let signs: Signs = { lastBeatMs: nowMs, lastProbeMs: nowMs };
    try {
      await until('the socket to be there', async () => heard.includes('bound'));
      const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: socket, WATCHDOG_USEC: '400000' };
      const watchdog = startWatchdog({ env, signs: () => signs, log, now: () => nowMs });
      await until('it to be fed three times', async () => fed() >= 3);
      nowMs += 60_000;
      signs = { lastBeatMs: nowMs, lastProbeMs: nowMs - 60_000 };
      await until('it to say that the probes stand still', async () =>
        logged.join('').includes('the watchdog is not fed'),
      );
      watchdog.stop();
    } finally {
      systemd.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  },
);

test('without a watchdog nothing is sent', () => {
  const asked: string[] = [];
  const log = createLog({ level: 'silent', destination: { write: () => undefined } });
  const signs = (): Signs => {
    asked.push('asked');
    return { lastBeatMs: null, lastProbeMs: null };
  };
  startWatchdog({ env: {}, signs, log });
  startWatchdog({ env: { NOTIFY_SOCKET: '/run/x' }, signs, log });
  expect(asked).toEqual([]);
});
