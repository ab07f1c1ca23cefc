import { byTrouble, overview, type PlatformGlance } from '../../actions/overview.ts';
import { platformStatus, rosterStatus } from '../../actions/status.ts';
import type { Customer } from '../../jobs/customer.ts';
import { upcomingRuns } from '../../jobs/service/upcoming.ts';
import { shown } from '../../shown.ts';
import type { Cli, ExitStatus, Opened, ParsedArguments } from '../context.ts';
import { describeLeftOut, type LeftOut, leftOutDocument } from '../several.ts';
import { table } from '../table.ts';
import { localTime } from './schedule.ts';

/** Words for how a platform is; the same as on the page. */
const words = {
  failed: 'FAILED',
  held: 'held',
  expired: 'hold expired',
  withheld: 'withheld',
  late: 'LATE',
  partial: 'some items failed',
  waiting: 'asked to wait',
  paused: 'paused',
  rejected: 'rejected',
  underWay: 'under way',
  never: 'no run yet',
  inStep: 'in step',
} as const satisfies Record<PlatformGlance['condition'], string>;

/** What needs nobody, and is only counted. */
const quiet: ReadonlySet<PlatformGlance['condition']> = new Set(['inStep', 'underWay']);

/** How all platforms of many customers are, what is in trouble first. Exits 2 when a file cannot be used. */
export async function statusOfAll(
  cli: Cli,
  args: ParsedArguments,
  opened: Opened | null,
  leftOut: readonly LeftOut[],
): Promise<ExitStatus> {
  const exit = leftOut.length > 0 ? 2 : 0;
  if (args.flag('json')) {
    const customers = opened === null ? [] : await documents(opened);
    cli.out.write(`${JSON.stringify({ customers, unusable: leftOutDocument(leftOut) })}\n`);
    return exit;
  }
  for (const text of describeLeftOut(leftOut)) cli.out.write(`${text}\n`);
  if (opened === null) return exit;
  const { customers, engine } = opened;
  const nowMs = cli.now();
  const byName = new Map(customers.map((customer) => [customer.name, customer]));
  const glances = await overview(engine.deps, customers, (name, platform) =>
    nextOf(byName.get(name), platform, nowMs),
  );
  const platforms = glances
    .flatMap((customer) => customer.platforms)
    .toSorted(
      (a, b) =>
        byTrouble.indexOf(a.condition) - byTrouble.indexOf(b.condition) || (a.customer < b.customer ? -1 : 1),
    );
  const isTold = ({ condition }: PlatformGlance): boolean => args.flag('all') || !quiet.has(condition);
  const told = platforms.filter(isTold);
  if (told.length > 0)
    cli.out.write(
      `${table([
        ['customer', 'platform', 'how', 'last good', 'next', 'look'],
        ...told.map((one) => [
          one.customer,
          one.platform,
          words[one.condition],
          one.row?.last_good_ms == null
            ? 'never'
            : timeOf(byName.get(one.customer), one.platform, one.row.last_good_ms),
          one.nextMs === null ? '' : timeOf(byName.get(one.customer), one.platform, one.nextMs),
          one.holds[0]?.id ?? (quiet.has(one.condition) ? '' : (one.newest?.id ?? '')),
        ]),
      ])
        .split('\n')
        .map(shown)
        .join('\n')}\n`,
    );
  const rest = platforms.length - told.length;
  cli.out.write(
    `${customers.length} customers, ${platforms.length} platforms${rest > 0 ? `; ${rest} in step or under way (--all)` : ''}\n`,
  );
  return exit;
}

async function documents({ customers, engine, store }: Opened): Promise<readonly object[]> {
  const all: object[] = [];
  for (const customer of customers) {
    const [roster, alerts, ...platforms] = await Promise.all([
      rosterStatus(engine.deps, customer),
      store.alerts.open(customer.name),
      ...[...customer.platforms.values()].map((platform) => platformStatus(engine.deps, customer, platform)),
    ]);
    all.push({ customer: customer.name, roster, platforms, openAlerts: alerts.length });
  }
  return all;
}

function nextOf(customer: Customer | undefined, name: string, nowMs: number): number | null {
  const platform = customer?.platforms.get(name);
  if (customer === undefined || platform === undefined) return null;
  return upcomingRuns(customer, platform, null, nowMs, 1)[0] ?? null;
}

function timeOf(customer: Customer | undefined, platform: string, atMs: number): string {
  return localTime(atMs, customer?.platforms.get(platform)?.config.timezone ?? 'UTC');
}
