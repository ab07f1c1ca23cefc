import { userOfProcess } from '../../src/cli/user.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canaryPeople, startService, type TestService } from './service.ts';

/** Processes of their own take seconds to start on a busy machine. */
const slow = { timeout: 90_000 };
let service: TestService;
beforeAll(async () => {
  service = await startService(canaryPeople(20));
});
afterAll(async () => {
  await service.close();
});

describe('the command line beside a running service, on the database that it uses', () => {
  test('plan and sync: the journal has who it was', slow, async () => {
    const plan = await service.rollcall(['plan', '--json', '--changes']);
    expect([plan.exit, plan.err]).toEqual([0, '']);
    const { runs } = JSON.parse(plan.out) as { runs: { status: string; changes: unknown[] }[] };
    expect(runs).toMatchObject([{ status: 'planned', planned: { create: 20 } }]);
    expect(runs[0]?.changes).toHaveLength(20);
    const sync = await service.rollcall(['sync', 'academy', '--yes']);
    expect(sync.exit).toBe(0);
    expect(sync.out).toMatch(/academy: applied[\s\S]*20 create/);
    const [run] = await service.opened.store.runs.list({ customer: 'alpha', limit: 1 });
    expect(run).toMatchObject({ actor: userOfProcess(process.env), trigger: 'command', status: 'applied' });
  });

  test('what it exits with and how it fails', slow, async () => {
    await service.export([...canaryPeople(9, 'Terminated'), ...canaryPeople(20).slice(9)]);
    expect((await service.rollcall(['sync', '--yes'])).exit).toBe(3);
    const unknown = await service.rollcall(['plan', 'acadamy', '--json']);
    expect(unknown.exit).toBe(2);
    expect(JSON.parse(unknown.out)).toMatchObject({ error: { code: 'PLATFORM_UNKNOWN' } });
    expect(unknown.err).toContain('Did you mean "academy"?');
  });

  test('ten at once, without a control token', slow, async () => {
    const none = await service.configure('alpha-none', {});
    const lines = [['status'], ['runs'], ['plan'], ['schedule'], ['explain', 'E0']];
    const ended = await Promise.all(
      [...lines, ...lines].map((line) => service.rollcall([...line, '--json'], none)),
    );
    for (const { exit, out, err } of ended) {
      expect(() => JSON.parse(out), err).not.toThrow();
      expect([0, 2, 3], err).toContain(exit);
    }
  });

  test('resync is taken by the service', slow, async () => {
    const asked = await service.rollcall(['resync', 'academy', '--json']);
    expect([asked.exit, JSON.parse(asked.out)]).toMatchObject([0, { requests: [{ platform: 'academy' }] }]);
    await expect
      .poll(() => service.opened.store.runs.list({ customer: 'alpha', limit: 1 }), { timeout: 20_000 })
      .toMatchObject([{ trigger: 'resync' }]);
  });
});
