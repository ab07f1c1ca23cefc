import { resolve } from 'node:path';
import { rowsOf, writeRoster } from './company.ts';
import { measure, rollcall } from './measure.ts';
import { startBenchSandbox } from './sandbox.ts';
import type { BenchStore } from './stores.ts';
import { createWorld, seed } from './world.ts';

/** The same joiners-leavers-movers day by the product and by the script that people write instead. */
export type PeerRow = {
  readonly who: 'rollcall' | 'script';
  readonly people: number;
  readonly changes: number;
  readonly seconds: number;
  readonly reads: number;
  readonly writes: number;
  readonly tooMany: number;
  readonly busiestWindow: number;
};

/** Runs the day twice, each against a sandbox of its own with the same limit. */
export async function benchPeer(
  store: BenchStore,
  people: number,
  changes: number,
  rate: number,
): Promise<readonly PeerRow[]> {
  const rows: PeerRow[] = [];
  const third = Math.round(changes / 3);
  const day = { joiners: third, leavers: third, movers: changes - 2 * third };
  for (const who of ['rollcall', 'script'] as const) {
    const world = await createWorld();
    const sandbox = await startBenchSandbox({ users: people, seed, rate: 0 });
    try {
      await writeRoster(world.roster, rowsOf(people, seed));
      await world.configure(sandbox, { rate: `${rate}/s` });
      // The day before: everybody is in step, and the product knows whose accounts they are.
      if (who === 'rollcall') await rollcall(['sync', '-c', world.config], store.env, world.dir);
      await writeRoster(world.roster, rowsOf(people, seed, day));
      await sandbox.ask({ ask: 'reset' });
      await sandbox.ask({ ask: 'rate', perSecond: rate });
      const run =
        who === 'rollcall'
          ? await rollcall(['sync', '-c', world.config], store.env, world.dir)
          : await measure(resolve(import.meta.dirname, 'tasks/script.ts'), [
              world.roster,
              sandbox.url,
              sandbox.apiKey,
            ]);
      const [counts] = await sandbox.ask({ ask: 'counts' });
      rows.push({
        who,
        people,
        changes: counts?.items ?? 0,
        seconds: run.seconds,
        reads: counts?.reads ?? 0,
        writes: counts?.writes ?? 0,
        tooMany: counts?.tooMany ?? 0,
        busiestWindow: counts?.busiestWindow ?? 0,
      });
    } finally {
      sandbox.close();
      await world.remove();
      await store.reset();
    }
  }
  return rows;
}
