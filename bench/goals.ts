import type { BenchReport } from './measured.ts';

/** A goal of the project beside what was measured. */
export type Goal = {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  /** Null: it is stated, not aimed at. */
  readonly met: boolean | null;
};

const million = 1_000_000;

/** The goals that this report can tell of. */
export function goalsOf(report: BenchReport): readonly Goal[] {
  const goals: Goal[] = [];
  const add = (what: string, goal: string, value: number, most: number | null, digits = 2): void => {
    goals.push({ what, goal, measured: value.toFixed(digits), met: most === null ? null : value <= most });
  };
  const at = (size: number, store: string) =>
    report.planning.find((row) => row.size === size && row.store === store);
  const large = at(million, 'postgres');
  const middle = at(200_000, 'postgres');
  const embedded = at(million, 'embedded');
  if (large !== undefined) {
    add('1M × 1M on PostgreSQL: plan ÷ (csv-parse + fetch)', '≤ 2.5', large.ratio, 2.5);
    add('its peak memory, MB', '≤ 600', large.plan.peakMb, 600, 0);
    add('the same in DuckDB: plan ÷ DuckDB', 'stated', large.ratioDuckdb, null, 1);
    add('a run without changes, 1M: writes', '0', large.unchangedWrites, 0, 0);
    add('its batch jobs', '0', large.unchangedJobs, 0, 0);
    add('the database grew by, MB', '≤ 1', (large.grownBytes ?? 0) / 2 ** 20, 1);
  }
  if (large !== undefined && middle !== undefined) {
    const each = (row: typeof large): number => (row.plan.seconds - row.startup.seconds) / row.size;
    add('seconds a person less start-up, 1M ÷ 200k', '≤ 1.10', each(large) / each(middle), 1.1);
  }
  if (embedded !== undefined) {
    add('1M × 1M embedded: plan ÷ (csv-parse + fetch)', '≤ 2.3', embedded.ratio, 2.3);
    add('its peak memory, the database included, MB', '≤ 700', embedded.plan.peakMb, 700, 0);
  }
  for (const row of report.applying) {
    const what = `applying at ${row.rate}/s, ${row.batch} people a request, answers in ${row.latencyMs} ms, ${row.store}: time ÷ ideal`;
    add(what, row.rate > 50 ? 'stated' : '≤ 1.05', row.overIdeal, row.rate > 50 ? null : 1.05, 3);
  }
  if (report.applying.length > 0) {
    const most = (of: (row: (typeof report.applying)[number]) => number): number =>
      Math.max(...report.applying.map(of));
    add(
      'all of applying: requests ÷ least',
      '1.00',
      most((row) => row.overLeast),
      1,
    );
    add(
      'all of applying: 429s',
      '0',
      most((row) => row.tooMany),
      0,
      0,
    );
    add(
      'all of applying: busiest second ÷ rate',
      '≤ 1',
      most((row) => row.busiestWindow / row.rate),
      1,
    );
  }
  for (const row of report.firstSync)
    if (row.people >= 100_000)
      add(
        `first sync of ${row.people.toLocaleString('en')}: seconds that are not the rate`,
        '≤ 8',
        row.otherSeconds,
        8,
        1,
      );
  const [alone, ...others] = report.scaling;
  for (const row of others) {
    add(
      `${row.platforms} platforms on ${row.processes} processes ÷ one alone`,
      row.processes === 4 ? '≤ 1.15' : 'stated',
      row.seconds / (alone?.seconds ?? Number.NaN),
      row.processes === 4 ? 1.15 : null,
    );
    add(
      `${row.processes} processes: busiest second of a platform (limit ${row.rate})`,
      `≤ ${row.rate}`,
      row.busiestWindow,
      row.rate,
      0,
    );
  }
  return goals;
}
