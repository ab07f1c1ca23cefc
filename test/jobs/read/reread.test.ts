import { expect, it } from 'vitest';
import type { Fault, SandboxResponse } from '../../../sandbox/server.ts';
import { changed, people } from '../../support/company.ts';
import { openFive, type PlatformName } from '../../support/five.ts';

const timeoutMs = 180_000;

type Json = Record<string, unknown>;

/** Takes an entry out of the first list of that name, wherever it stands: somebody was shifted over the edge of a page. */
function without(key: string): (response: SandboxResponse) => SandboxResponse {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value as Json).map(([name, inner]) =>
        name === key && Array.isArray(inner) ? [name, inner.slice(1)] : [name, walk(inner)],
      ),
    );
  };
  return (response) => ({ ...response, json: walk(response.json) });
}

/** On each platform: the read of members that a shift strikes, once, and the read of targets. */
const shifts: Readonly<Partial<Record<PlatformName, readonly Omit<Fault, 'effect'>[]>>> = {
  phishing: [{ path: /target-groups\/[^/]+\/users$/, method: 'POST' }],
  mail: [{ path: /get-group-members$/ }, { path: /find-groups$/ }, { path: /get-user-data$/ }],
};
const listOf: Readonly<Partial<Record<PlatformName, readonly string[]>>> = {
  phishing: ['results'],
  mail: ['groupMembers', 'folders', 'items'],
};

it('one shift while targets and members are paged fails no run, and removes nobody', {
  timeout: timeoutMs,
}, async () => {
  const rows = people(40);
  const only = ['phishing', 'mail'] as const;
  await using five = await openFive({ backend: 'embedded', rows, only, everybody: true, pageSize: 10 });
  expect((await five.syncAll()).exit).toBe(0);
  // A leaver whose removal is due, so that a torn read would matter.
  await five.export(changed(rows, { '010003': { status: 'Terminated' } }));
  for (const name of only)
    for (const [at, where] of (shifts[name] ?? []).entries())
      five.sandboxes[name].fail({
        ...where,
        effect: { do: 'rewrite', rewrite: without(listOf[name]?.[at] ?? '') },
      });
  const { exit, runs } = await five.syncAll();
  for (const name of only) {
    expect({ name, ...runs[name] }).toMatchObject({
      status: 'applied',
      reasons: [],
      failed: { unenroll: 0 },
    });
    expect(five.sandboxes[name].log.length).toBeGreaterThan(0);
  }
  expect(exit).toBe(0);
  expect(five.keepnet.group.members.size).toBe(40);
  five.clearLogs();
  expect((await five.syncAll()).runs['mail']).toMatchObject({ status: 'unchanged' });
});

it('a read of members that never adds up fails the run after three times, with the numbers', {
  timeout: timeoutMs,
}, async () => {
  const rows = people(25);
  await using five = await openFive({
    backend: 'embedded',
    rows,
    only: ['phishing'],
    everybody: true,
    pageSize: 10,
  });
  await five.syncAll();
  five.clearLogs();
  const members = /target-groups\/[^/]+\/users$/;
  five.sandboxes.phishing.fail({
    path: members,
    method: 'POST',
    times: Number.POSITIVE_INFINITY,
    effect: { do: 'rewrite', rewrite: without('results') },
  });
  const { exit, runs } = await five.syncAll();
  expect(exit).toBe(1);
  expect(runs['phishing']).toMatchObject({
    status: 'failed',
    reasons: [{ code: 'READ_INCOMPLETE', message: expect.stringMatching(/\d+ rows in \d+ pages/) }],
  });
  const firstPages = five.sandboxes.phishing.log.filter(
    ({ path, method, body }) => method === 'POST' && members.test(path) && /"pageNumber":1,/.test(body),
  );
  expect(firstPages).toHaveLength(3);
});
