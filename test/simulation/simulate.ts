import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Store } from '../../src/store/store.ts';
import type { Night, Story } from './nights.ts';
import { partsOf, playParts } from './parts.ts';
import { plant } from './planted.ts';

const { values } = parseArgs({
  options: {
    nights: { type: 'string', default: '2000' },
    seed: { type: 'string', default: `${Date.now()}` },
    /** Plays one company of that seed, and says what happened on each night. */
    tell: { type: 'string' },
    /** How many companies live side by side: most of a night is waiting for the database. */
    beside: { type: 'string', default: '3' },
    /** Failing companies that are looked for before it ends. */
    failures: { type: 'string', default: '1' },
    /** Says only which seeds fail, and does not look for the least of them. */
    quick: { type: 'boolean', default: false },
    /** A guard that is taken out, to see that the simulation would notice. */
    plant: { type: 'string' },
    /** JSON of keys of `roster:` that are laid over the configuration. */
    roster: { type: 'string', default: '{}' },
    /** Processes that share the companies. Default: one a core, two at most, for the databases need some of them too. */
    processes: { type: 'string' },
    /** Which of them this one is: `0/2` is the first of two. */
    part: { type: 'string' },
  },
});

const nightsAStory = 40;
const stories = Math.ceil(Number(values.nights) / nightsAStory);
const processes = Math.min(Number(values.processes ?? Math.min(2, availableParallelism())), stories);
if (values.part === undefined && values.tell === undefined) {
  console.log(`seed ${values.seed}: ${values.nights} nights`);
  if (processes > 1) process.exit(await playParts(processes, values.seed, stories));
}
const { part, parts } = partsOf(values.part);

if (values.plant !== undefined) plant(values.plant);
// What the product is made of is loaded after that: a planted fault changes it while it is loaded.
const { openEmbedded } = await import('../../src/store/database.ts');
const { createStore } = await import('../../src/store/store.ts');
const { setup, teardown } = await import('../support/memory-disk.ts');
const { makeDataDir } = await import('../support/template.ts');
const { createStory, play, shrink } = await import('./nights.ts');

/** Stores are made anew: rows of thousands of companies would only slow the later ones down. */
const storiesAStore = 30;
const roster = JSON.parse(values.roster) as Record<string, unknown>;
await setup();

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-simulation-store-'));
  const dataDir = join(folder, 'data');
  await makeDataDir(dataDir);
  const database = await openEmbedded(dataDir, 'simulate');
  try {
    return await work(createStore(database));
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

let customers = 0;
const nextCustomer = (): string => `company-${++customers}`;

async function tell(story: Story): Promise<void> {
  await withStore(async (store) => {
    const { broken } = await play(store, story, {
      customer: nextCustomer(),
      roster,
      onNight: (line) => console.log(`  ${line}`),
    });
    for (const rule of broken?.rules ?? []) console.log(`  BROKEN ${rule}`);
  });
}

function describe(night: Night, at: number): string {
  const parts = [...night.events.map(({ kind }) => kind), night.damage, night.fault].filter(
    (part) => part !== null,
  );
  return `night ${at}: ${parts.join(', ') || 'nothing'}`;
}

let failures = 0;
let stopped = false;
process.on('SIGTERM', () => {
  stopped = true;
});
if (values.tell !== undefined) await tell(createStory(values.tell, { nights: nightsAStory }));
else {
  const startMs = performance.now();
  let next = part;
  let played = 0;
  let passed = 0;
  const goesOn = (): boolean => !stopped && next < stories && failures < Number(values.failures);
  while (goesOn()) {
    await withStore(async (store) => {
      let begun = 0;
      const lane = async (): Promise<void> => {
        while (goesOn() && begun++ < storiesAStore) {
          const seed = `${values.seed}-${next}`;
          next += parts;
          const story = createStory(seed, { nights: nightsAStory });
          const { nights, broken } = await play(store, story, { customer: nextCustomer(), roster });
          played += nights;
          if (broken === null) {
            passed++;
            continue;
          }
          failures++;
          console.log(`\nseed ${seed}, night ${broken.night}, found after ${played} nights in all:`);
          for (const rule of broken.rules.slice(0, 6)) console.log(`  ${rule}`);
          if (values.plant !== undefined || values.quick) continue;
          // The same kind of failure, not another one that a smaller story happens to have.
          const kind = (rule: string): string => rule.replaceAll(/\S*\d\S*/g, '#').slice(0, 40);
          const wantedKind = kind(broken.rules[0] ?? '');
          const small = await shrink(story, async (candidate) => {
            const again = await play(store, candidate, { customer: nextCustomer(), roster });
            return again.broken?.rules.some((rule) => kind(rule) === wantedKind) === true
              ? again.broken.night
              : null;
          });
          console.log('the least of it that breaks the same rule:');
          for (const [at, night] of small.nights.entries())
            if (night.events.length > 0 || night.damage !== null || night.fault !== null)
              console.log(`  ${describe(night, at)}`);
          await tell(small);
          console.log(`again: npm run simulate -- --tell ${seed}`);
        }
      };
      await Promise.all(Array.from({ length: Number(values.beside) }, lane));
    });
  }
  const seconds = (performance.now() - startMs) / 1_000;
  console.log(
    `\n${played} nights in ${seconds.toFixed(1)} s (${((seconds * 1_000) / played).toFixed(1)} ms each), seed ${values.seed}`,
  );
  console.log(`${passed} passed, ${failures} failed`);
}
await teardown();
process.exit(failures > 0 ? 1 : 0);
