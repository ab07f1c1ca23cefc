import { access, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import {
  deliveryLines,
  type FirstConfiguration,
  firstConfiguration,
} from '../../actions/first-configuration.ts';
import { firstPlatform } from '../../actions/first-platform.ts';
import { fileReference, firstSource, passphraseReference } from '../../actions/first-source.ts';
import { loadConfig } from '../../config.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { compileStateRules, createRuleCompiler } from '../../diff/rules.ts';
import { RollcallError } from '../../errors.ts';
import { providerRegistry } from '../../providers/registry.ts';
import {
  deliver,
  findRoster,
  type Guess,
  guessConfiguration,
  inboxOf,
  type RosterProof,
  readRoster,
  type Survey,
  surveyRoster,
} from '../../roster/index.ts';
import { shown } from '../../shown.ts';
import type { Cli, Command, ParsedArguments } from '../context.ts';
import { table } from '../table.ts';
import { usages } from '../usages.ts';

const defaultOut = 'rollcall.yaml';
const schemaName = 'rollcall.schema.json';
/** A date in the name of an export. */
const dateInName = /\d{4}[-_.]?\d{2}[-_.]?\d{2}([-_T.]?\d{4,6})?/;

/**
 * `rollcall init ROSTER`: looks at a roster and writes a first configuration.
 * `--json`: `{ "file", "schema", "rows", "columns": { field: column }, "statuses": [ { "value", "rows", "is" } ], "edits": […] }`.
 */
export const init: Command = {
  ...usages.init,
  options: {
    out: { type: 'string', help: `where it is written (default ${defaultOut})` },
    platform: {
      type: 'string',
      multiple: true,
      help: 'PROVIDER or NAME=PROVIDER, several if there are; asked for at a terminal',
    },
    'base-url': { type: 'string', help: 'the address of the platform, of a single one' },
    above: { type: 'string', help: 'lines above the header, where it is not found' },
    'host-key': { type: 'string', help: 'SFTP: the fingerprint of the host key, as ssh-keygen -lf shows it' },
    'ssh-key': { type: 'string', help: 'SFTP: the file of a private key; else a password, SFTP_PASSWORD' },
    token: {
      type: 'boolean',
      help: 'HTTPS: with a token, HR_TOKEN; else USER@ in the address, and HR_PASSWORD',
    },
    'pgp-key': { type: 'string', help: 'OpenPGP: the file of the private key that opens the roster' },
    locked: { type: 'boolean', help: 'OpenPGP: the key has a passphrase, PGP_PASSPHRASE' },
    'signed-by': { type: 'string', help: 'OpenPGP: the file of the public key of whoever signs it' },
    force: { type: 'boolean', help: 'write over a file that is there' },
    yes: { type: 'boolean', help: 'ask nothing' },
  },
  does: 'act',
  run: async (cli, args) => {
    const [roster, ...rest] = args.positionals;
    if (roster === undefined || rest.length > 0)
      throw new RollcallError('USAGE', 'rollcall init takes one roster: a file, or an address.', {
        hint: `Usage: rollcall ${init.usage}`,
      });
    const out = resolve(args.text('out') ?? defaultOut);
    const platforms = await platformsOf(cli, args);
    await refuseOverwriting(cli, args, out);
    const where = await whereOf(args, roster, out);
    const survey = await surveyed(cli, args, where, out);
    const guess = await settled(cli, args, guessConfiguration(survey));
    const first: FirstConfiguration = {
      ...where,
      survey,
      guess,
      platforms,
      schema: `./${schemaName}`,
      edits: [],
      rejectedPercent: undefined,
    };
    await writeFile(out, firstConfiguration(first), { mode: 0o600 });
    const found = await tried(cli, out, guess);
    await writeFile(out, firstConfiguration({ ...first, ...found }), { mode: 0o600 });
    const schema = join(dirname(out), schemaName);
    await writeFile(schema, `${JSON.stringify(configJsonSchema(providerRegistry), undefined, 2)}\n`);
    if (args.flag('json')) {
      const columns = Object.fromEntries(guess.columns.map(({ field, column }) => [field, column]));
      cli.out.write(
        `${JSON.stringify({ file: out, schema, rows: survey.rows, columns, statuses: guess.statuses, edits: found.edits })}\n`,
      );
    } else cli.out.write(describe(out, first, found.edits, args));
    return 0;
  },
};

type Where = Pick<FirstConfiguration, 'source' | 'pattern' | 'decrypt'>;

/** Where the roster is, and how it is opened, as the file will say it. */
async function whereOf(args: ParsedArguments, roster: string, out: string): Promise<Where> {
  const folder = dirname(out);
  const key = (name: 'ssh-key' | 'pgp-key' | 'signed-by'): string | undefined => {
    const file = args.text(name);
    return file === undefined ? undefined : relativeTo(folder, resolve(file));
  };
  const [privateKey, signedBy] = [key('pgp-key'), key('signed-by')];
  if (signedBy !== undefined && privateKey === undefined)
    throw new RollcallError('USAGE', '--signed-by belongs to --pgp-key, which is not there.');
  const decrypt =
    privateKey === undefined
      ? undefined
      : {
          privateKey: fileReference(privateKey),
          ...(args.flag('locked') ? { passphrase: passphraseReference } : {}),
          ...(signedBy === undefined ? {} : { signedBy: fileReference(signedBy) }),
        };
  const remote = firstSource(roster, {
    hostKey: args.text('host-key'),
    sshKey: key('ssh-key'),
    token: args.flag('token'),
  });
  if (remote !== null) return { source: remote.source, pattern: undefined, decrypt };
  const { file } = await findRoster({ source: resolve(roster), pick: 'modified' });
  const source = relativeTo(folder, file);
  const name = basename(file);
  const pattern = dateInName.test(name)
    ? join(dirname(source), name.replace(dateInName, '*')).replace(/^(?![./])/, './')
    : undefined;
  return { source, pattern, decrypt };
}

/** Fetches the roster as the file will say it, and looks at it. */
async function surveyed(cli: Cli, args: ParsedArguments, where: Where, out: string): Promise<Survey> {
  // A configuration of its own: what it names is read from the folder of the one that is to be written.
  const draft = join(dirname(out), `.rollcall-init-${process.pid}.yaml`);
  const lines = ['customer: init', 'roster:', ...deliveryLines(where).map((line) => `  ${line}`)];
  const rest = [
    '  columns: { id: id }',
    'platforms:',
    '  init: { provider: scim, baseUrl: "https://init.invalid", token: init }',
  ];
  try {
    await writeFile(draft, `${[...lines, ...rest].join('\n')}\n`, { mode: 0o600 });
    const { roster, dataDir } = await loadConfig(draft, { registry: providerRegistry, env: cli.env });
    const [part] = roster.parts;
    if (part === undefined) throw new RollcallError('INTERNAL', 'the draft has no roster.');
    const { source, pick, decrypt } = part;
    await using delivery = await deliver(
      { source, pick },
      { inbox: inboxOf(dataDir), signal: cli.signal, retryBaseMs: cli.retryBaseMs },
    );
    return await surveyRoster(delivery.file, cli.now(), aboveOf(args), decrypt);
  } catch (error) {
    if (error instanceof RollcallError && error.place?.file === draft)
      throw new RollcallError(error.code, error.message.replaceAll(`${draft}:`, '').replaceAll(draft, out), {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        cause: error,
      });
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function aboveOf(args: ParsedArguments): number | undefined {
  const text = args.text('above');
  if (text === undefined) return undefined;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new RollcallError('USAGE', `--above takes a number of lines, not "${text}".`);
}

async function platformsOf(cli: Cli, args: ParsedArguments): Promise<FirstConfiguration['platforms']> {
  let wanted = args.texts('platform');
  const known = Object.keys(providerRegistry).join(', ');
  if (wanted.length === 0 && cli.isTerminal && !args.flag('yes') && cli.askText !== undefined) {
    const answer = await cli.askText(`Which platform (${known})?`);
    wanted = answer.split(/[,\s]+/).filter((text) => text !== '');
  }
  if (wanted.length === 0)
    throw new RollcallError('USAGE', 'no platform was named.', {
      hint: `Add --platform PROVIDER, or NAME=PROVIDER; there are ${known}.`,
    });
  const baseUrl = args.text('base-url');
  if (baseUrl !== undefined && wanted.length > 1)
    throw new RollcallError('USAGE', '--base-url is for one platform, and several are named.', {
      hint: 'Write the addresses into the file.',
    });
  return wanted.map((text) => firstPlatform(text, providerRegistry, baseUrl));
}

async function refuseOverwriting(cli: Cli, args: ParsedArguments, out: string): Promise<void> {
  if (args.flag('force')) return;
  const isThere = await access(out).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  if (cli.isTerminal && !args.flag('yes') && (await cli.ask(`${out} is there. Write over it?`))) return;
  throw new RollcallError('USAGE', `${out} is there, and is not written over.`, {
    hint: 'Name another with --out, or add --force.',
  });
}

/** What the guess leaves open, asked for where somebody is there to ask. */
async function settled(cli: Cli, args: ParsedArguments, guess: Guess): Promise<Guess> {
  const { askText } = cli;
  if (!cli.isTerminal || args.flag('yes') || askText === undefined) return guess;
  const statuses: Guess['statuses'][number][] = [];
  for (const one of guess.statuses) {
    if (one.is !== undefined) {
      statuses.push(one);
      continue;
    }
    const answer = (
      await askText(
        `What does the status "${shown(one.value)}" mean (${one.rows} rows): active, leave, preHire, terminated, or nothing to leave it open?`,
      )
    ).trim();
    const is = (['active', 'leave', 'preHire', 'terminated'] as const).find(
      (state) => state.toLowerCase() === answer.toLowerCase(),
    );
    statuses.push({ ...one, is });
  }
  return { ...guess, statuses };
}

function relativeTo(folder: string, file: string): string {
  const path = relative(folder, file);
  return path.startsWith('.') ? path : `./${path}`;
}

/** Reads the roster as the file says, and what has to be edited before `check` passes. */
async function tried(
  cli: Cli,
  out: string,
  guess: Guess,
): Promise<Pick<FirstConfiguration, 'edits' | 'rejectedPercent'>> {
  const edits: string[] = [];
  if (!guess.columns.some(({ field }) => field === 'id'))
    return {
      edits: ['columns.id: write the name of the column that has the employee id.'],
      rejectedPercent: undefined,
    };
  const open = guess.statuses.filter(({ is }) => is === undefined);
  if (open.length > 0)
    edits.push(
      `state: say what ${open.map(({ value, rows }) => `${JSON.stringify(value)} (${rows})`).join(', ')} means: the lines are there, as comments.`,
    );
  const { roster: whole, dataDir } = await loadConfig(out, {
    registry: providerRegistry,
    env: cli.env,
    secrets: 'later',
  });
  const [roster] = whole.parts;
  if (roster === undefined) return { edits, rejectedPercent: undefined };
  const compiler = createRuleCompiler(roster.attributes);
  const today = new Date(cli.now()).toISOString().slice(0, 10);
  let proof: RosterProof;
  try {
    proof = await readRoster({
      config: roster,
      baseline: { maxPeople: null, maxPerShrinkValue: {}, endsInLine: null },
      rules: {
        stateOf: compileStateRules(compiler, roster.state, roster.columns.status !== undefined, today),
      },
      nowMs: cli.now(),
      today,
      lastExpectedMs: () => 0,
      signal: cli.signal,
      delivery: { inbox: inboxOf(dataDir), retryBaseMs: cli.retryBaseMs },
      onPerson: () => undefined,
      onRetract: () => undefined,
      onRejected: () => undefined,
    });
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    return { edits: [...edits, `${error.message} ${error.hint ?? ''}`.trim()], rejectedPercent: undefined };
  }
  const everybody = proof.usable + proof.rejected;
  const share = Math.min(100, Math.ceil((proof.rejected / Math.max(1, everybody)) * 100));
  const unknown = proof.unknownStatuses.reduce((sum, { rows }) => sum + rows, 0);
  const isRejected = proof.reasons.some(({ code }) => code === 'ROSTER_REJECTED');
  // Once the status values are settled, most of those are none any more.
  const contradicts = isRejected && proof.rejected > unknown;
  if (contradicts)
    edits.push(
      `maxRejected: of ${everybody.toLocaleString('en')} people, ${proof.rejected.toLocaleString('en')} (${share}%) cannot be used: most often several rows of one id that contradict each other (rollcall check lists them). Have HR give one row a person, or say which row counts (duplicates: { prefer: … }); to begin all the same, uncomment maxRejected: ${share}%.`,
    );
  for (const { code, message } of proof.reasons) if (code !== 'ROSTER_REJECTED') edits.push(message);
  return { edits, rejectedPercent: contradicts ? share : undefined };
}

function describe(
  out: string,
  { survey, guess, platforms, source, decrypt }: FirstConfiguration,
  edits: readonly string[],
  args: ParsedArguments,
): string {
  const rows = [
    ['field', 'column', 'why'],
    ...guess.columns.map(({ field, column, why }) => [field, column, why]),
  ];
  const config = args.text('out') === undefined ? '' : ` -c ${out}`;
  const written = JSON.stringify([source, decrypt, platforms.map(({ settings }) => settings)]);
  const secrets = [...new Set([...written.matchAll(/\$\{([A-Z0-9_]+)\}/g)].map(([, name]) => name ?? ''))];
  return `${[
    `${out}: ${survey.rows.toLocaleString('en')} rows looked at`,
    '',
    ...table(rows).split('\n'),
    ...(guess.statuses.length === 0
      ? []
      : [
          '',
          `status: ${guess.statuses.map(({ value, rows: count, is }) => `${value} ${count.toLocaleString('en')} (${is ?? '?'})`).join(', ')}`,
        ]),
    ...(guess.notes.length === 0 ? [] : ['', ...guess.notes]),
    ...(edits.length === 0
      ? []
      : ['', 'Before rollcall check passes:', ...edits.map((edit) => `  - ${edit}`)]),
    '',
    'Next:',
    ...secrets.map((name) => `  export ${name}=…`),
    `  rollcall check${config}`,
    `  rollcall plan${config}`,
  ]
    .map(shown)
    .join('\n')}\n`;
}
