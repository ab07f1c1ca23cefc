import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { instanceName, isGone } from '../../../src/jobs/lease/instance.ts';
import { permitOf, proofWithinMs, writeLastsMs } from '../../../src/jobs/lease/permit.ts';
import { LeaseLost } from '../../../src/store/leases.ts';

/** Clocks that are moved by hand. */
function clocks() {
  const at = { monotonic: 1_000, wall: 1_000_000 };
  return {
    pass: (ms: number) => {
      at.monotonic += ms;
      at.wall += ms;
    },
    setWall: (ms: number) => {
      at.wall += ms;
    },
    clock: { monotonicMs: () => at.monotonic, wallMs: () => at.wall },
  };
}

const timeoutMs = 30_000;

test('what the store does not allow is not permitted', async () => {
  await expect(permitOf(async () => false, timeoutMs)).rejects.toBeInstanceOf(LeaseLost);
});

test('an answer of the store that took too long is none', async () => {
  const { clock, pass } = clocks();
  const slowly = (ms: number) => async () => {
    pass(ms);
    return true;
  };
  await expect(permitOf(slowly(proofWithinMs + 1), timeoutMs, clock)).rejects.toBeInstanceOf(LeaseLost);
  await expect(permitOf(slowly(proofWithinMs), timeoutMs, clock)).resolves.toBeDefined();
});

test.for([
  ['at once', 0, 0, true],
  ['while its deadline lasts', writeLastsMs(timeoutMs), 0, true],
  ['later than that, as after a stop', writeLastsMs(timeoutMs) + 1, 0, false],
  ['after a sleep that the monotonic clock did not see', 10, 3_600_000, false],
  ['after the clock was set back', 10, -3_600_000, false],
  ['after the clock was put right by a moment', 10, 200, true],
] as const)('a permit is fresh %s: %i ms, wall clock off by %i ms', async ([, ms, wallMs, fresh]) => {
  const { clock, pass, setWall } = clocks();
  const permit = await permitOf(async () => true, timeoutMs, clock);
  pass(ms);
  setWall(wallMs);
  expect(permit.isFresh()).toBe(fresh);
  expect(permit.stale()).toBeInstanceOf(LeaseLost);
});

test('a process is gone once nobody has its id; a stopped one is not, and nobody knows of other machines', async () => {
  const own = instanceName();
  expect(isGone(own)).toBe(false);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const name = (pid: number | undefined): string => own.replace(`.${process.pid}.`, `.${pid}.`);
  child.kill('SIGSTOP');
  expect(isGone(`${name(child.pid)}/run/1`)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isGone(name(child.pid))).toBe(true);
  expect(isGone(`${name(child.pid)}/run/1`)).toBe(true);
  expect(isGone(name(child.pid).replace(/^./, (first) => (first === '0' ? '1' : '0')))).toBe(false);
  expect(isGone('directory')).toBe(false);
});
