import { changeKinds, countsInWords } from '../../change.ts';
import { formatDuration } from '../../config/units.ts';
import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { describePause } from '../../actions/pause.ts';
import {
  type DeliveryStatus,
  type PlatformStatus,
  platformStatus,
  type RosterStatus,
  rosterStatus,
} from '../../actions/status.ts';
import type { Command } from '../context.ts';
import { localTime } from './schedule.ts';
import { namesSeveral, withSeveral } from '../several.ts';
import { statusOfAll } from './status-of-all.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

/** `rollcall status`: how every platform is, and the roster. */
export const status: Command = {
  ...usages.status,
  options: { all: { type: 'boolean', help: 'of several customers: also what is in step' } },
  does: 'show',
  run: async (cli, args, open) => {
    const [name, ...rest] = args.positionals;
    if (rest.length > 0) throw new RollcallError('USAGE', 'status takes one platform, or none for all.');
    if (await namesSeveral(args)) {
      if (name !== undefined)
        throw new RollcallError('USAGE', 'status of several customers takes no platform.');
      return withSeveral(cli, args, 'status', (opened, leftOut) => statusOfAll(cli, args, opened, leftOut));
    }
    const { customer, engine, store } = await open();
    const platforms = name === undefined ? [...customer.platforms.values()] : [platformOf(customer, name)];
    const roster = await rosterStatus(engine.deps, customer);
    const reports = await Promise.all(
      platforms.map((platform) => platformStatus(engine.deps, customer, platform)),
    );
    const alerts = await store.alerts.open(customer.name);
    if (args.flag('json')) {
      const document = { customer: customer.name, roster, platforms: reports, openAlerts: alerts.length };
      cli.out.write(`${JSON.stringify(document)}\n`);
      return 0;
    }
    const nowMs = cli.now();
    cli.out.write(`${customer.name}\n${describeRoster(roster, nowMs)}\n`);
    if (alerts.length > 0) cli.out.write(`  alerts    ${alerts.length} open\n`);
    for (const [at, report] of reports.entries()) {
      const timezone = platforms[at]?.config.timezone ?? 'UTC';
      cli.out.write(`\n${describePlatform(report, timezone, nowMs)}\n`);
    }
    return 0;
  },
};

function ago(iso: string | null, nowMs: number): string {
  if (iso === null) return 'never';
  const ms = Math.max(0, nowMs - Date.parse(iso));
  const unitMs = ms >= 172_800_000 ? 3_600_000 : ms >= 120_000 ? 60_000 : 1_000;
  return `${iso} (${inWords(Math.round(ms / unitMs) * unitMs)} ago)`;
}

/** `26h 10m` rather than `1570m`. */
function inWords(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = (ms % 3_600_000) / 60_000;
  if (hours === 0 || minutes === 0) return formatDuration(ms);
  return hours >= 48 ? formatDuration(hours * 3_600_000) : `${hours}h ${Math.round(minutes)}m`;
}

function describeRoster(roster: RosterStatus, nowMs: number): string {
  if (!('parts' in roster)) return `  roster    ${describeDelivery(roster, nowMs)}`;
  const width = Math.max(...roster.parts.map(({ part }) => part.length));
  return roster.parts
    .map((part, at) => {
      const name = part.part.padEnd(width);
      return `  ${at === 0 ? 'roster' : '      '}    ${name}  ${describeDelivery(part, nowMs)}`;
    })
    .join('\n');
}

function describeDelivery(roster: DeliveryStatus, nowMs: number): string {
  if ('problem' in roster) return roster.problem;
  const read =
    roster.lastRead === null
      ? 'not read yet'
      : `${roster.lastRead.rows} rows, ${roster.lastRead.rejected} rejected, ${
          roster.lastRead.complete ? 'complete' : `not complete: ${roster.lastRead.reasons.join(', ')}`
        }`;
  return `written ${ago(roster.modified, nowMs)}; ${read}`;
}

function describePlatform(report: PlatformStatus, timezone: string, nowMs: number): string {
  const lines = [`${report.platform} (${report.provider}, ${report.mode})`];
  if (report.mode === 'observe')
    lines.push('  observes  nothing is written there; to apply, set mode: additive or mode: full');
  if (report.paused !== null) {
    lines.push(
      `  PAUSED    ${describePause({
        paused_ms: Date.parse(report.paused.since),
        paused_until_ms: report.paused.until === null ? null : Date.parse(report.paused.until),
        pause_reason: report.paused.reason,
        paused_by: report.paused.by,
      })}`,
    );
  }
  if (report.askedToWaitUntil !== null)
    lines.push(`  waits     asked to wait until ${localTime(Date.parse(report.askedToWaitUntil), timezone)}`);
  lines.push(`  last good ${ago(report.lastGood?.at ?? null, nowMs)}`);
  if (report.lastRun !== null) {
    const { id, status: how, reasons } = report.lastRun;
    const why = reasons.length === 0 ? '' : `: ${reasons.map(({ code }) => code).join(', ')}`;
    lines.push(`  last run  ${how} (${id})${why}`);
  }
  for (const run of report.held) {
    const held = changeKinds.some((kind) => run.held[kind] > 0) ? countsInWords(run.held) : 'a decision';
    lines.push(`  held      ${held} until ${run.expires}: rollcall show ${run.id}`);
  }
  for (const { run, changes, until, by } of report.rejections)
    lines.push(
      `  rejected  ${changes} changes${until === null ? '' : ` until ${until}`} by ${by}; to take it back: rollcall reject ${run} --withdraw`,
    );
  if (report.withheld)
    lines.push('  withheld  removals: a side was not complete; the next complete run makes them');
  for (const run of report.underWay) lines.push(`  under way ${run.status} (${run.id})`);
  const next =
    report.next === null
      ? report.schedule === null
        ? 'no schedule'
        : 'none'
      : localTime(Date.parse(report.next), timezone);
  lines.push(`  next run  ${next}`);
  return lines.map(shown).join('\n');
}
