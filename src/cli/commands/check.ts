import { checkPlatform, type PlatformCheck } from '../../actions/check-platform.ts';
import { checkRoster, type PartCheck, type RosterCheck } from '../../actions/check-roster.ts';
import type { RosterFormat } from '../../config/schema.ts';
import { personStates } from '../../person.ts';
import { shown } from '../../shown.ts';
import { RollcallError } from '../../errors.ts';
import type { Customer } from '../../jobs/customer.ts';
import { scheduleOf } from '../../jobs/service/upcoming.ts';
import { observesLine } from '../observes.ts';
import type { JobDeps } from '../../jobs/deps.ts';
import type { Cli, Command, ExitStatus, Opened, ParsedArguments } from '../context.ts';
import { describeLeftOut, type LeftOut, leftOutDocument, namesSeveral, withSeveral } from '../several.ts';
import { table } from '../table.ts';
import type { EncryptionFacts } from '../../roster/index.ts';
import { platformsOf } from './plan.ts';
import { usages } from '../usages.ts';

/** Rejected rows and status values that are shown; `--all` shows every one. */
const shownRows = 20;

/** `rollcall check`: can it run? */
export const check: Command = {
  ...usages.check,
  options: {
    all: { type: 'boolean', help: `show every rejected row, not the first ${shownRows}` },
    quick: { type: 'boolean', help: 'do not read who is enrolled' },
  },
  does: 'show',
  run: async (cli, args, open) => {
    if (await namesSeveral(args))
      return withSeveral(cli, args, 'check', (opened, leftOut) => checkAll(cli, args, opened, leftOut));
    // A wrong configuration or rule never comes further than this.
    const { customer, engine } = await open();
    const checked = await checkOne(cli, args, engine.deps, customer);
    cli.out.write(args.flag('json') ? `${JSON.stringify(checked.document)}\n` : checked.text);
    return checked.ok ? 0 : 1;
  },
};

type Checked = { readonly ok: boolean; readonly document: object; readonly text: string };

/** Checks one customer. Throws what is wrong with its configuration. */
async function checkOne(
  cli: Cli,
  args: ParsedArguments,
  deps: JobDeps,
  customer: Customer,
): Promise<Checked> {
  refuseSchedules(customer, deps.now());
  const { signal } = cli;
  const platforms = platformsOf(customer, args);
  const quick = args.flag('quick');
  const [roster, ...checked] = await Promise.all([
    checkRoster(deps, customer, signal),
    ...platforms.map((platform) => checkPlatform(deps, customer, platform, { signal, quick })),
  ]);
  const ok = roster.error === null && roster.complete && checked.every((one) => one.ok);
  const { file, warnings } = customer.config;
  const configuration = { ok: true, file, warnings };
  const document = { customer: customer.name, ok, configuration, roster, platforms: checked };
  const limit = args.flag('all') ? Number.POSITIVE_INFINITY : shownRows;
  const found = roster.error === null ? roster.warnings : [];
  const text = [
    `${describeRoster(roster, limit)}\n\n${describePlatforms(file, checked)}\n`,
    ...[...warnings, ...found].map((warning) => `warning: ${shown(warning)}\n`),
    ...platforms
      .filter(({ config }) => config.mode === 'observe')
      .map((platform) => `${platform.name}\n${observesLine(platform)}`),
  ];
  return { ok, document, text: text.join('') };
}

/** Customers that are checked at once: each reads its roster and its platforms. */
const checkedAtOnce = 4;

/** Checks all customers; what cannot run comes first, of the others one line. Exits 1 when one cannot, 2 when a file is wrong. */
async function checkAll(
  cli: Cli,
  args: ParsedArguments,
  opened: Opened | null,
  leftOut: readonly LeftOut[],
): Promise<ExitStatus> {
  const wrong = [...leftOut];
  const checked: (Checked & { readonly name: string })[] = [];
  const waiting = [...(opened?.customers ?? [])];
  const work = async (deps: JobDeps): Promise<void> => {
    for (let customer = waiting.shift(); customer !== undefined; customer = waiting.shift())
      try {
        checked.push({ name: customer.name, ...(await checkOne(cli, args, deps, customer)) });
      } catch (error) {
        if (!(error instanceof RollcallError)) throw error;
        wrong.push({ file: customer.config.file, error });
      }
  };
  if (opened !== null)
    await Promise.all(Array.from({ length: checkedAtOnce }, () => work(opened.engine.deps)));
  const sorted = checked.toSorted((a, b) => Number(a.ok) - Number(b.ok) || (a.name < b.name ? -1 : 1));
  const ok = wrong.length === 0 && sorted.every((one) => one.ok);
  if (args.flag('json')) {
    const customers = sorted.map(({ document }) => document);
    cli.out.write(`${JSON.stringify({ ok, customers, unusable: leftOutDocument(wrong) })}\n`);
  } else {
    for (const text of describeLeftOut(wrong)) cli.out.write(`${text}\n`);
    for (const { name, ok: can, text } of sorted)
      cli.out.write(
        can ? `${shown(name)}: ok\n` : `${shown(name)}: CANNOT RUN\n${text.replace(/^(?=.)/gm, '  ')}`,
      );
  }
  if (sorted.some((one) => !one.ok)) return 1;
  return wrong.length > 0 ? 2 : 0;
}

/** A schedule that `start` would refuse, or that never comes. Throws CONFIG_INVALID. */
function refuseSchedules(customer: Customer, nowMs: number): void {
  for (const platform of customer.platforms.values()) {
    const schedule = scheduleOf(customer, platform);
    if (schedule !== undefined && schedule.next(nowMs) === null)
      throw new RollcallError('CONFIG_INVALID', `"${platform.config.schedule}" never comes.`, {
        place: { file: customer.config.file, key: `platforms.${platform.name}.schedule` },
        hint: 'Is there such a day in that month?',
      });
  }
}

const formatNames = { csv: 'CSV', xlsx: 'XLSX', json: 'JSON', jsonl: 'JSON lines' } as const;
const placeWords = { csv: 'line', xlsx: 'row', json: 'record', jsonl: 'line' } as const;

function describeRoster(roster: RosterCheck, limit: number): string {
  if (roster.error !== null) return shown(`roster: ${roster.error.code}: ${roster.error.message}`);
  const states = personStates.map((state) => `${roster.states[state].toLocaleString('en')} ${state}`);
  const lines = [
    ...(roster.parts === undefined
      ? [
          `roster: ${roster.file}, ${new Date(roster.modifiedAtMs).toISOString()}, ${formatNames[roster.format]}${roster.sheet === null ? '' : `, sheet "${roster.sheet}"`}`,
        ]
      : describeParts(roster.parts)),
    `  ${roster.rows.toLocaleString('en')} ${roster.format.startsWith('json') ? 'records' : 'rows'}, ${roster.people.toLocaleString('en')} people: ${states.join(', ')}`,
  ];
  if (roster.encryption !== null) lines.push(...describeEncryption(roster.encryption));
  const statuses = roster.statuses.slice(0, limit);
  lines.push(
    `  by status: ${statuses.map(({ value, people }) => `${value === '' ? '(empty)' : value} ${people.toLocaleString('en')}`).join(', ')}${more(roster.statuses.length - statuses.length)}`,
  );
  if (roster.unknownStatuses.length > 0) {
    const unknown = roster.unknownStatuses.slice(0, limit);
    lines.push(
      `  known to no rule of roster.state: ${unknown.map(({ value, rows }) => `${value === '' ? '(empty)' : value} ${rows.toLocaleString('en')}`).join(', ')}${more(roster.unknownStatuses.length - unknown.length)}`,
    );
  }
  if (roster.flawedLeavers > 0)
    lines.push(
      `  ${roster.flawedLeavers.toLocaleString('en')} of the terminated by rows of which another cell cannot be read`,
    );
  const filled = roster.columns.map(({ column, filled: count }) => `${column} ${count.toLocaleString('en')}`);
  lines.push(`  ${roster.encoding}; filled of ${roster.people.toLocaleString('en')}: ${filled.join(', ')}`);
  for (const note of roster.notes) lines.push(`  note: ${note}`);
  for (const { code, message } of roster.reasons) lines.push(`  not complete: ${code}: ${message}`);
  if (roster.rejected > 0) {
    const rows = roster.rejectedRows.slice(0, limit);
    lines.push(`  ${roster.rejected} people have rejected rows; nothing happens to them:`);
    const formatOf = (part: string | undefined): RosterFormat =>
      roster.parts?.flatMap((one) => (one.part === part && one.error === null ? [one.format] : []))[0] ??
      roster.format;
    const cells = rows.map(({ line, id, field, code, message, part }) => [
      `    ${part === undefined ? '' : `${part} `}${placeWords[formatOf(part)]} ${line}`,
      id ?? '(no id)',
      field ?? '',
      code,
      message,
    ]);
    lines.push(...table(cells).split('\n'));
    const rest = roster.rejectedRows.length - rows.length;
    if (rest > 0) lines.push(`    … and ${rest} more (--all)`);
  }
  return lines.map(shown).join('\n');
}

function describeEncryption({ cipher, signed, keys }: EncryptionFacts): readonly string[] {
  const signature =
    signed === null
      ? 'no signature is asked for (roster.decrypt.signedBy)'
      : `signed by ${signed.fingerprint} on ${new Date(signed.atMs).toISOString()}`;
  const ends = keys.map(
    ({ role, fingerprint, expiresAtMs }) =>
      `${role} ${fingerprint} ${expiresAtMs === null ? 'has no end' : `ends ${new Date(expiresAtMs).toISOString().slice(0, 10)}`}`,
  );
  return [`  encrypted with OpenPGP (${cipher}), ${signature}`, `  keys: ${ends.join(', ')}`];
}

function describeParts(parts: readonly PartCheck[]): readonly string[] {
  return [
    `roster: ${parts.length} parts`,
    ...parts.flatMap((part) => {
      if (part.error !== null) return [`  ${part.part}: ${part.error.code}: ${part.error.message}`];
      const { file, modifiedAtMs, format, sheet, rows, people, rejected, complete } = part;
      const counts = `${rows.toLocaleString('en')} rows, ${people.toLocaleString('en')} people, ${rejected.toLocaleString('en')} rejected`;
      const line = `  ${part.part}: ${file}, ${new Date(modifiedAtMs).toISOString()}, ${formatNames[format]}${sheet === null ? '' : `, sheet "${sheet}"`}: ${counts}${complete ? '' : ', NOT complete'}`;
      return part.encryption === null ? [line] : [line, ...describeEncryption(part.encryption)];
    }),
  ];
}

function more(count: number): string {
  return count > 0 ? ` … and ${count} more` : '';
}

function describePlatforms(file: string, checked: readonly PlatformCheck[]): string {
  const rows = [
    ['', 'what', 'result'],
    ['configuration', file, 'ok: every rule compiles'],
    ...checked.flatMap(({ platform, trials }) =>
      trials.map(({ what, ok, detail }) => [platform, what, ok ? `ok: ${detail}` : `FAILED: ${detail}`]),
    ),
  ];
  const lines = [table(rows)];
  for (const { platform, missing, warnings } of checked) {
    for (const [what, why] of Object.entries(missing)) lines.push(shown(`${platform}: no ${what}: ${why}`));
    for (const warning of warnings) lines.push(shown(`${platform}: warning: ${warning}`));
  }
  return lines.join('\n');
}
