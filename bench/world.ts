import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchSandbox } from './sandbox.ts';

/** The people of every benchmark: the same in every run. */
export const seed = 7;

/** A folder with a roster and a configuration, gone when the benchmark ends. */
export type World = {
  readonly dir: string;
  readonly roster: string;
  readonly config: string;
  readonly configure: (sandbox: BenchSandbox, options: { rate: string; batch?: number }) => Promise<void>;
  readonly remove: () => Promise<void>;
};

/** A world without a roster yet. */
export async function createWorld(): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  const config = join(dir, 'rollcall.yaml');
  return {
    dir,
    roster: join(dir, 'roster.csv'),
    config,
    configure: async (sandbox, { rate, batch }) => {
      const platforms = sandbox.urls.map((url, at) => {
        const size = batch === undefined ? '' : `, batch: ${batch}`;
        return `  p${at + 1}: { provider: sparkwise, mode: full, baseUrl: "${url}", apiKey: "${sandbox.apiKey}", rate: ${rate}${size} }`;
      });
      await writeFile(
        config,
        `roster:
  source: ./roster.csv
  columns: { id: WorkerID, firstName: FirstName, lastName: LastName, email: WorkEmail, department: Department, status: WorkerStatus }
  attributes: [Location]
platforms:
${platforms.join('\n')}
`,
      );
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
