import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { failureOf } from '../../jobs/failure.ts';
import { type LaunchDecision, settleLaunch } from '../../jobs/launch/launch.ts';
import { listTargets, type PlatformTargets } from '../../actions/targets.ts';
import type { TargetListing } from '../../providers/contract.ts';
import type { LaunchRow } from '../../store/results.ts';
import type { Cli, Command, ExitStatus, Opened, ParsedArguments } from '../context.ts';
import { platformsOf } from './plan.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

const decisions = ['approve', 'sent', 'unsent'] as const satisfies readonly LaunchDecision[];

/** `rollcall targets`: what people can be enrolled in, ready to paste; and how a started training is settled. */
export const targets: Command = {
  ...usages.targets,
  options: {
    settle: {
      type: 'string',
      help: 'a training that waits for a person: approve its send, or say what became of it',
    },
  },
  // Settling decides whether people are mailed.
  does: 'act',
  run: async (cli, args, open) => {
    const settled = args.text('settle');
    const opened = await open();
    if (settled !== undefined) return settle(cli, args, opened, settled);
    const listed: PlatformTargets[] = [];
    const failures: { platform: string; code: string; message: string }[] = [];
    for (const platform of platformsOf(opened.customer, args)) {
      try {
        const found = await listTargets(opened.engine.deps, opened.customer, platform, cli.signal);
        listed.push(found);
        if (!args.flag('json')) cli.out.write(`${describe(found)}\n`);
      } catch (error) {
        cli.signal.throwIfAborted();
        const failure = { platform: platform.name, ...failureOf(error) };
        failures.push(failure);
        if (!args.flag('json')) cli.err.write(`${platform.name}: ${failure.code}: ${failure.message}\n`);
      }
    }
    if (args.flag('json'))
      cli.out.write(
        `${JSON.stringify({ platforms: listed.map((one) => ({ ...one, launches: one.launches.map(launchAsJson) })), failures })}\n`,
      );
    return failures.length === 0 ? 0 : 1;
  },
};

async function settle(cli: Cli, args: ParsedArguments, opened: Opened, name: string): Promise<ExitStatus> {
  const [platformName, word, ...more] = args.positionals;
  const decision = decisions.find((candidate) => candidate === word);
  if (platformName === undefined || decision === undefined || more.length > 0)
    throw new RollcallError(
      'USAGE',
      `write: rollcall targets PLATFORM --settle NAME ${decisions.join('|')}.`,
    );
  const platform = platformOf(opened.customer, platformName);
  const { deps } = opened.engine;
  const row = await settleLaunch(deps, opened.customer, platform, name, decision, opened.actor);
  if (args.flag('json')) cli.out.write(`${JSON.stringify(launchAsJson(row))}\n`);
  else if (decision === 'sent') cli.out.write(`"${name}" counts as sent; it is never sent again.\n`);
  else
    cli.out.write(
      `"${name}" goes out to ${row.reach} people with the next run: rollcall sync ${platform.name}\n`,
    );
  return 0;
}

function launchAsJson(row: LaunchRow): Record<string, unknown> {
  return {
    name: row.name,
    target: row.target,
    training: row.training,
    state: row.held ? 'held' : row.state,
    enrollment: row.enrollment_id,
    reach: row.reach,
    approvedBy: row.approved_by,
    run: row.run_id,
  };
}

/** What a comment says of a target: its name, dates and size. */
function about({ name, starts, ends, size, details }: TargetListing): string {
  const dates = [starts === undefined ? '' : `from ${starts}`, ends === undefined ? '' : `to ${ends}`];
  const parts = [
    name,
    dates.filter((part) => part !== '').join(' '),
    size === undefined ? '' : `${size.toLocaleString('en')} people`,
    ...Object.entries(details ?? {}).map(([key, value]) => `${key}: ${value}`),
  ];
  // A name may hold anything; a comment ends with its line.
  return parts
    .filter((part) => part !== '')
    .join(', ')
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/^.*$/su, shown);
}

/** Keys of an enrollment rule that name something else than its target. */
const secondary: Readonly<Record<string, string>> = {
  'keepnet training': 'training',
  'mimecast campaign': 'campaign',
};

function lineOf(of: PlatformTargets, target: TargetListing): string {
  const id = JSON.stringify(target.id);
  if (of.noEnrollments !== null) return `  # ${target.kind} ${id}  ${about(target)}`;
  const key = secondary[`${of.provider} ${target.kind}`];
  if (key !== undefined) return `  # ${key}: ${id}  ${about(target)}`;
  return `  - { target: ${id}, when: 'person.state == "active"' } # ${about(target)}`;
}

function describe(of: PlatformTargets): string {
  const lines = [`# ${of.platform} (${of.provider})`];
  if (of.noEnrollments !== null) lines.push(`# ${of.noEnrollments}`);
  else lines.push('enrollments:');
  if (of.targets.length === 0) lines.push('  # nothing there');
  for (const target of of.targets) lines.push(lineOf(of, target));
  for (const row of of.launches)
    lines.push(`# "${row.name}": ${row.held ? 'held' : row.state}, ${row.reach} people (${row.run_id})`);
  return lines.join('\n');
}
