import type { BenchReport } from './measured.ts';
import { goalsOf } from './goals.ts';

const number = (value: number, digits = 2): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');
const mb = (bytes: number | null): string => (bytes === null ? '–' : `${(bytes / 2 ** 20).toFixed(2)} MB`);
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The report as the page `docs/performance.md`. */
export function asMarkdown(report: BenchReport): string {
  const parts = [
    '# Performance',
    `Written by \`npm run bench -- --write\` on ${report.date}: ${report.machine}, Node ${report.node}. Baselines were taken in the same run; ratios say more than seconds. What each number is: [bench/README.md](../bench/README.md).`,
  ];
  if (report.missing.length > 0) parts.push(`Not measured here: ${report.missing.join('; ')}.`);
  const goals = goalsOf(report);
  if (goals.length > 0)
    parts.push(
      '## Goals',
      table(
        ['what', 'goal', 'measured', 'met'],
        goals.map(({ what, goal, measured, met }) => [
          what,
          goal,
          measured,
          met === null ? '–' : met ? 'yes' : '**no**',
        ]),
      ),
    );
  if (report.planning.length > 0) {
    parts.push(
      '## Roster to plan',
      'Whole processes, from start to exit. `plan ÷ floor` is against csv-parse alone plus fetch and JSON.parse alone.',
      table(
        [
          'people × accounts',
          'store',
          'csv-parse s',
          'fetch s',
          'start-up s',
          'plan s',
          'plan ÷ floor',
          'DuckDB s',
          'plan ÷ DuckDB',
          'plan peak MB',
          'csv / fetch / DuckDB peak MB',
          'first sync (adoption) s',
          'its peak MB',
        ],
        report.planning.map((row) => [
          row.size.toLocaleString('en'),
          row.store,
          number(row.csv.seconds),
          number(row.fetch.seconds),
          number(row.startup.seconds),
          number(row.plan.seconds),
          number(row.ratio),
          number(row.duckdb.seconds),
          number(row.ratioDuckdb, 1),
          number(row.plan.peakMb, 0),
          [row.csv, row.fetch, row.duckdb].map((measured) => number(measured.peakMb, 0)).join(' / '),
          number(row.firstSync.seconds),
          number(row.firstSync.peakMb, 0),
        ]),
      ),
      '## A run without changes',
      table(
        ['people', 'store', 'seconds', 'peak MB', 'writes', 'batch jobs', 'database grew by'],
        report.planning.map((row) => [
          row.size.toLocaleString('en'),
          row.store,
          number(row.unchanged.seconds),
          number(row.unchanged.peakMb, 0),
          String(row.unchangedWrites),
          number(row.unchangedJobs, 0),
          mb(row.grownBytes),
        ]),
      ),
    );
  }
  if (report.applying.length > 0) {
    parts.push(
      '## Applying',
      table(
        [
          'queue',
          'rate /s',
          'answers in ms',
          'people a request',
          'requests',
          'requests ÷ least',
          'time ÷ ideal',
          '429s',
          'busiest second',
        ],
        report.applying.map((row) => [
          row.store,
          String(row.rate),
          String(row.latencyMs),
          String(row.batch),
          String(row.requests),
          number(row.overLeast),
          number(row.overIdeal, 3),
          String(row.tooMany),
          String(row.busiestWindow),
        ]),
      ),
    );
  }
  if (report.firstSync.length > 0) {
    parts.push(
      '## First sync',
      table(
        ['people', 'rate /s', 'seconds', 'of which the rate', 'all else'],
        report.firstSync.map((row) => [
          row.people.toLocaleString('en'),
          String(row.rate),
          number(row.seconds, 1),
          number(row.rateSeconds, 1),
          number(row.otherSeconds, 1),
        ]),
      ),
    );
  }
  if (report.queue.length > 0) {
    parts.push(
      '## Queue',
      table(
        ['queue', 'jobs', 'batch jobs /s, whole path', 'bare BullMQ jobs /s'],
        report.queue.map((row) => [
          row.store,
          String(row.jobs),
          number(row.jobsPerSecond, 0),
          number(row.barePerSecond, 0),
        ]),
      ),
    );
  }
  if (report.peer.length > 0) {
    parts.push(
      '## The script that people write instead',
      table(
        ['', 'people', 'changes', 'seconds', 'reads', 'writes', '429s', 'busiest second (limit 20)'],
        report.peer.map((row) => [
          row.who,
          row.people.toLocaleString('en'),
          String(row.changes),
          number(row.seconds, 1),
          String(row.reads),
          String(row.writes),
          String(row.tooMany),
          String(row.busiestWindow),
        ]),
      ),
    );
  }
  if (report.night.length > 0) {
    parts.push(
      '## A night of many customers',
      'One service, five kinds of platform, half of the customers behind a credential that they share with others of their kind; the first platform is dead, the third answers in 3 s. Everybody is created. `ideal`: what the slowest rate alone needs. `first shared`: when the first of those that share a rate was done, as a share of the time that all of them took.',
      table(
        [
          'customers × people',
          'store',
          'seconds',
          'ideal s',
          '÷ ideal',
          'busiest second (limit)',
          '429',
          'first shared',
          'last of the others s',
          'good runs',
          'memory MB: start, most, end',
        ],
        report.night.map((row) => [
          `${row.customers} × ${row.people.toLocaleString('en')}`,
          row.store,
          row.seconds.toFixed(0),
          row.idealSeconds.toFixed(0),
          (row.seconds / row.idealSeconds).toFixed(2),
          `${row.busiestWindow} (${row.limit})`,
          String(row.tooMany),
          row.firstShared.toFixed(2),
          row.alone.toFixed(0),
          `${row.good} of ${row.answering}`,
          row.memory.map((mb) => mb.toFixed(0)).join(', '),
        ]),
      ),
    );
  }
  if (report.scaling.length > 0) {
    parts.push(
      '## Several processes on one Redis',
      table(
        [
          'processes',
          'platforms',
          'people each',
          'rate /s each',
          'seconds',
          'requests ÷ least',
          '429s',
          'busiest second of any',
        ],
        report.scaling.map((row) => [
          String(row.processes),
          String(row.platforms),
          row.people.toLocaleString('en'),
          String(row.rate),
          number(row.seconds, 1),
          number(row.requests),
          String(row.tooMany),
          String(row.busiestWindow),
        ]),
      ),
    );
  }
  return parts.join('\n\n');
}
