import { RollcallError } from '../../errors.ts';
import type { Platform } from '../../jobs/customer.ts';
import { failureOf } from '../../jobs/failure.ts';
import { refreshResults } from '../../actions/results.ts';
import type { ResultFilter, ResultRecord } from '../../store/results.ts';
import type { Cli, Command, ExitStatus, Opened, ParsedArguments } from '../context.ts';
import { csvLine, writeAll } from '../../csv.ts';
import { table } from '../table.ts';
import { platformsOf } from './plan.ts';
import { usages } from '../usages.ts';

const heading = [
  'person',
  'platform',
  'target',
  'target name',
  'status',
  'score',
  'when',
  'raw status',
  'account',
] as const;
const formats = ['table', 'csv', 'json'] as const;

/** `rollcall results`: who completed what. */
export const results: Command = {
  ...usages.results,
  options: {
    status: { type: 'string', help: 'open: who has not completed; completed: who has' },
    format: { type: 'string', help: 'table (default), csv or json' },
    'no-refresh': { type: 'boolean', help: 'show what was read before; ask no platform' },
  },
  does: 'show',
  run: async (cli, args, open) => {
    const status = oneOf(args, 'status', ['open', 'completed'] as const);
    const format = args.flag('json') ? 'json' : (oneOf(args, 'format', formats) ?? 'table');
    const opened = await open();
    const platforms = platformsOf(opened.customer, args);
    const exit = args.flag('no-refresh') ? 0 : await refresh(cli, opened, platforms);
    const filters = (args.positionals.length === 0 ? [undefined] : platforms.map(({ name }) => name)).map(
      (platform): ResultFilter => ({ customer: opened.customer.name, platform, status }),
    );
    await print(cli, opened, filters, format);
    return exit;
  },
};

/** The value of an option that takes a few words. Throws USAGE. */
export function oneOf<const T extends string>(
  args: ParsedArguments,
  option: string,
  values: readonly T[],
): T | undefined {
  const given = args.text(option);
  if (given === undefined) return undefined;
  const value = values.find((candidate) => candidate === given);
  if (value !== undefined) return value;
  throw new RollcallError('USAGE', `--${option} takes ${values.join(' or ')}, not "${given}".`);
}

async function refresh(cli: Cli, opened: Opened, platforms: readonly Platform[]): Promise<ExitStatus> {
  const statuses = await Promise.all(
    platforms.map(async (platform): Promise<ExitStatus> => {
      try {
        const read = await refreshResults(opened.engine.deps, opened.customer, platform, {
          signal: cli.signal,
        });
        if (read === null)
          cli.err.write(`${platform.name}: ${platform.provider.capabilities.missing.results}\n`);
        else if (read.unexplained > 0)
          cli.err.write(
            `${platform.name}: ${read.unexplained} of ${read.rows} rows are of accounts nobody is linked to\n`,
          );
        return 0;
      } catch (error) {
        cli.signal.throwIfAborted();
        const { code, message } = failureOf(error);
        cli.err.write(`${platform.name}: ${code}: ${message} What was read before is shown.\n`);
        return 1;
      }
    }),
  );
  return statuses.includes(1) ? 1 : 0;
}

async function print(
  cli: Cli,
  opened: Opened,
  filters: readonly ResultFilter[],
  format: (typeof formats)[number],
): Promise<void> {
  let rows = 0;
  if (format === 'json') await writeAll(cli.out, '{"results":[');
  if (format === 'csv') await writeAll(cli.out, csvLine(heading));
  for (const filter of filters) {
    for await (const page of opened.store.results.list(filter)) {
      cli.signal.throwIfAborted();
      if (format === 'json') {
        const text = page.map((row) => JSON.stringify(asJson(row))).join(',\n');
        await writeAll(cli.out, `${rows === 0 ? '' : ',\n'}${text}`);
      } else if (format === 'csv') {
        await writeAll(cli.out, page.map((row) => csvLine(cellsOf(row))).join(''));
      } else {
        const lines = page.map((row) => cellsOf(row).map((cell) => cell ?? ''));
        await writeAll(cli.out, `${table(rows === 0 ? [[...heading], ...lines] : lines)}\n`);
      }
      rows += page.length;
    }
  }
  if (format === 'json') await writeAll(cli.out, ']}\n');
  if (format === 'table' && rows === 0) cli.out.write('no results\n');
}

function cellsOf(row: ResultRecord): (string | number | null)[] {
  return [
    row.person,
    row.platform,
    row.target,
    row.target_name,
    row.status,
    row.score,
    row.at,
    row.raw_status,
    row.account,
  ];
}

function asJson(row: ResultRecord): Record<string, unknown> {
  return {
    person: row.person,
    platform: row.platform,
    target: row.target,
    targetName: row.target_name,
    status: row.status,
    score: row.score,
    when: row.at,
    rawStatus: row.raw_status,
    account: row.account,
  };
}
