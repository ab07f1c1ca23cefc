import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { alertKinds } from '../../src/alerts/kinds.ts';
import { createMetrics } from '../../src/web/metrics.ts';
import type { ControlWorld } from '../../src/web/world.ts';

const example = (name: string) => fileURLToPath(new URL(`../../docs/examples/${name}`, import.meta.url));
const alertsFile = example('prometheus-alerts.yaml');
const promtool = process.env['PROMTOOL_PATH'] ?? 'promtool';
const found = spawnSync(promtool, ['--version']).error === undefined;
if (!found)
  process.stderr.write(
    'skipped: promtool over the alert file: there is none (apt install prometheus, or PROMTOOL_PATH)\n',
  );

test.skipIf(!found)('promtool has nothing to say against the alert file', () => {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'rules', alertsFile], {
    encoding: 'utf8',
  });
  expect(status, `${stdout}${stderr}`).toBe(0);
  expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
});

const rules = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({ alert: z.string(), expr: z.string(), annotations: z.record(z.string(), z.string()) }),
      ),
    }),
  ),
});
const dashboard = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) })),
  templating: z.object({ list: z.array(z.object({ query: z.string() })) }),
});

/** What a service has in its /metrics, without one: names and labels do not need any runs. */
async function exposed(): Promise<ReadonlySet<string>> {
  const nothing = { on: () => undefined, off: () => undefined };
  const empty = async () => ({});
  const world = {
    customers: [],
    files: () => [],
    troubles: () => [],
    certificates: () => [],
    lostLogBytes: () => 0,
    engine: { deps: { events: nothing } },
    store: { overview: { rosters: async () => [] } },
    queues: {
      sync: { name: 'rollcall-sync', getJobCounts: empty },
      batch: { name: 'rollcall-batch', getJobCounts: empty },
    },
  } as unknown as ControlWorld;
  const metrics = createMetrics(world);
  const text = await metrics.text(new Set());
  metrics.close();
  expect(Registry.PROMETHEUS_CONTENT_TYPE).toBe(metrics.contentType);
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
}

test('every metric that the alerts and the dashboard use is one that /metrics has, and they use all of ours', async () => {
  const { groups } = rules.parse(parse(await readFile(alertsFile, 'utf8')));
  const board = dashboard.parse(JSON.parse(await readFile(example('grafana-dashboard.json'), 'utf8')));
  const expressions = [
    ...groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...board.templating.list.map(({ query }) => query),
  ];
  const used = new Set(
    expressions.flatMap((text) => text.match(/\b(?:rollcall|process|nodejs)_[a-z_]+\b/g) ?? []),
  );
  const known = await exposed();
  expect(used.size).toBeGreaterThan(10);
  expect([...used].filter((name) => !known.has(name))).toEqual([]);
  expect([...known].filter((name) => name.startsWith('rollcall_') && !used.has(name))).toEqual([]);
  // Each alert leads to a section of the runbook that there is.
  const codes = groups.flatMap((group) =>
    group.rules.flatMap(({ annotations }) =>
      [...(annotations['description'] ?? '').matchAll(/runbook\.md#([A-Z_]+)/g)].map(([, code = '']) => code),
    ),
  );
  expect(codes.filter((code) => !Object.hasOwn(alertKinds, code))).toEqual([]);
});
