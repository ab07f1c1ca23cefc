import type { BenchReport } from './measured.ts';

/**
 * What `npm run bench -- --check` holds a report against: the goals of docs/performance.md with room for a noisy machine.
 * Counts have no room. Ratios are looser than the goals where a size is small: starting up is most of its time.
 */
const most = {
  /** Plan less start-up ÷ (csv-parse + fetch), PostgreSQL. The goal at a million is 2.5. */
  planOverFloor: 4,
  /** Peak of a plan of 20,000 on PostgreSQL, in MB: a leak of a hundred bytes a person would not show, a copy of both sides does. */
  planPeakMb: 400,
  grownMb: 1,
  /** Time ÷ ideal at a rate that the machine can follow. The goal is 1.05. */
  applyingOverIdeal: 1.35,
  /** Of a first sync, the time that is not the rate's, in seconds a thousand people. The goal is 0.15. */
  otherSecondsAThousand: 1,
} as const;

/** What of a report does not hold; empty when all does. */
export function problemsOf(report: BenchReport): readonly string[] {
  const problems: string[] = [];
  const hold = (what: string, value: number, limit: number): void => {
    if (!(value <= limit)) problems.push(`${what}: ${value.toFixed(2)}, at most ${limit}`);
  };
  for (const row of report.planning) {
    const where = `planning ${row.size} on ${row.store}`;
    hold(`${where}, writes of a run without changes`, row.unchangedWrites, 0);
    hold(`${where}, growth of the database in MB`, (row.grownBytes ?? 0) / 2 ** 20, most.grownMb);
    if (row.store !== 'postgres') continue;
    hold(`${where}, batch jobs of a run without changes`, row.unchangedJobs, 0);
    const floor = row.csv.seconds + row.fetch.seconds;
    hold(`${where}, plan ÷ floor`, (row.plan.seconds - row.startup.seconds) / floor, most.planOverFloor);
    if (row.size <= 20_000) hold(`${where}, peak in MB`, row.plan.peakMb, most.planPeakMb);
  }
  for (const row of report.applying) {
    const where = `applying at ${row.rate}/s on ${row.store}`;
    hold(`${where}, requests ÷ least`, row.overLeast, 1);
    hold(`${where}, 429s`, row.tooMany, 0);
    hold(`${where}, busiest second`, row.busiestWindow, row.rate);
    hold(`${where}, time ÷ ideal`, row.overIdeal, most.applyingOverIdeal);
  }
  for (const row of report.firstSync)
    hold(
      `first sync of ${row.people}, other seconds a thousand`,
      row.otherSeconds / (row.people / 1_000),
      most.otherSecondsAThousand,
    );
  return problems;
}
