import type { EnrollmentRule, PlatformConfig, RosterFormat } from '../config/schema.ts';
import { defaultLimits } from '../diff/guard.ts';
import { type PersonState, personStates } from '../person.ts';
import type { Launch, ResolvedTarget } from '../providers/contract.ts';
import { ProviderError } from '../providers/error.ts';
import type { EncryptionFacts, RejectedRow, RosterProof } from '../roster/index.ts';
import { type Customer, countingContext, type Part, type Platform } from '../jobs/customer.ts';
import { withholdReasons } from '../jobs/decide/judge.ts';
import { createLookBuilder, type LookColumn } from '../diff/look.ts';
import { columnsOf, lookColumns } from '../jobs/read/columns.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { failureOf } from '../jobs/failure.ts';
import { readSides } from '../jobs/read/sides.ts';
import type { Reason } from '../jobs/reasons.ts';
import { createRuleMatches } from './rule-matches.ts';
import { dateIn, type PartRead, readCustomerRoster, wholeOf } from '../jobs/read/roster.ts';

/** What one of several parts of the roster looks like; `error` when it did not come. */
export type PartCheck = { readonly part: string } & (
  | { readonly error: Reason }
  | {
      readonly error: null;
      readonly file: string;
      readonly modifiedAtMs: number;
      readonly format: RosterFormat;
      readonly sheet: string | null;
      readonly encoding: string;
      readonly rows: number;
      readonly people: number;
      readonly rejected: number;
      readonly complete: boolean;
      readonly reasons: readonly Reason[];
      readonly encryption: EncryptionFacts | null;
    }
);

/** A rejected row, in the part that it stands in where there are several. */
export type CheckedRow = RejectedRow & { readonly part?: string };

/** What the roster looks like; `error` when it cannot be read at all. Of several parts it is what they say together. */
export type RosterCheck =
  | { readonly error: Reason }
  | {
      readonly error: null;
      readonly file: string;
      readonly modifiedAtMs: number;
      readonly rows: number;
      readonly people: number;
      readonly complete: boolean;
      readonly reasons: readonly Reason[];
      /** How many people have something in each column that is mapped, or that a rule or a field reads. */
      readonly columns: readonly { readonly column: string; readonly filled: number }[];
      readonly states: Readonly<Record<PersonState, number>>;
      /** People for each value of the status column, most first. */
      readonly statuses: readonly { readonly value: string; readonly people: number }[];
      /** What it is written in, found or configured; of a workbook, the sheet that was read. */
      readonly format: RosterFormat;
      readonly sheet: string | null;
      /** The label of the encoding, found or configured. */
      readonly encoding: string;
      /** Status values that no rule knows, with their rows; what is rejected never says them. */
      readonly unknownStatuses: readonly { readonly value: string; readonly rows: number }[];
      /** People who have left by a row of which another cell cannot be read. */
      readonly flawedLeavers: number;
      readonly rejected: number;
      readonly rejectedRows: readonly CheckedRow[];
      /** How it was encrypted and signed; null of one that is not. */
      readonly encryption: EncryptionFacts | null;
      /** What to know of it: what is hidden in a workbook, sheets that are not read, that nobody on it has left. */
      readonly notes: readonly string[];
      /** Rules of platforms that match nobody, keys that are near their end. */
      readonly warnings: readonly string[];
      /** Left out where the roster has no parts. */
      readonly parts?: readonly PartCheck[];
    };

/** One thing that was tried: `ok`, or why not. */
export type Trial = { readonly what: string; readonly ok: boolean; readonly detail: string };

/** What works and what does not on one platform. */
export type PlatformCheck = {
  readonly platform: string;
  readonly provider: string;
  readonly ok: boolean;
  readonly trials: readonly Trial[];
  /** What the platform cannot do, with the reason. */
  readonly missing: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
};

/** Reads the roster by its rules and counts. Never throws for what is wrong with the roster. */
export async function checkRoster(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  signal: AbortSignal,
): Promise<RosterCheck> {
  const states = Object.fromEntries(personStates.map((state) => [state, 0])) as Record<PersonState, number>;
  const statuses = new Map<string, number>();
  const looks = customer.parts.map((part) => createLookBuilder(usedColumns(customer, part)));
  const standing = new Map<string, readonly [state: PersonState, status: string, part: number]>();
  const add = (state: PersonState, status: string, by: number): void => {
    states[state] += by;
    statuses.set(status, (statuses.get(status) ?? 0) + by);
  };
  try {
    const matches = createRuleMatches(customer, dateIn(customer.config.roster.timezone, deps.now()));
    const read = await readCustomerRoster({
      customer,
      store: deps.store,
      nowMs: deps.now(),
      signal,
      onPerson: (person, part) => {
        const { id, state, status } = person;
        matches.see(person);
        add(state, status ?? '', 1);
        standing.set(id, [state, status ?? '', part]);
        looks[part]?.add(person);
      },
      // A later row of the same person may contradict the first.
      onRetract: (id) => {
        const was = standing.get(id);
        if (was !== undefined) add(was[0], was[1], -1);
        for (const look of looks) look.retract(id);
      },
      onLost: (lost) => {
        for (const [id, [state, status, part]] of standing) {
          if (part !== lost) continue;
          add(state, status, -1);
          standing.delete(id);
        }
        looks[lost] = createLookBuilder([]);
      },
    });
    const came = read.parts.flatMap(({ part, proof }) =>
      proof === null ? [] : [{ ...proof, part: part.name }],
    );
    const whole = wholeOf(read);
    const [first] = came;
    const parted = customer.parts[0]?.name !== '';
    const each = <T>(of: (proof: RosterProof) => T): readonly T[] => [...new Set(came.map(of))];
    return {
      error: null,
      columns: looks.flatMap((look) =>
        [...look.finish().columns].map(([column, { filled }]) => ({ column, filled })),
      ),
      file: each(({ file }) => file).join(', '),
      modifiedAtMs: Math.min(...came.map(({ modifiedAtMs }) => modifiedAtMs)),
      rows: whole.rows,
      // Who is in two parts is counted by neither.
      people: personStates.reduce((sum, state) => sum + states[state], 0),
      complete: whole.complete,
      reasons: withholdReasons({ roster: read, platformReasons: [] }).filter(
        // Rows without a readable id leave a roster complete, and are counted below.
        ({ code }) => code !== 'ROSTER_ID_UNREADABLE',
      ),
      states,
      statuses: [...statuses]
        .map(([value, people]) => ({ value, people }))
        .filter(({ people }) => people > 0)
        .sort((a, b) => b.people - a.people || (a.value < b.value ? -1 : 1)),
      format: first?.format ?? 'csv',
      sheet: first?.sheet ?? null,
      encoding: each(({ encoding }) => encoding).join(', '),
      unknownStatuses: summedStatuses(came),
      flawedLeavers: came.reduce((sum, { flawedLeavers }) => sum + flawedLeavers, 0),
      rejected: whole.rejected,
      rejectedRows: read.rejectedRows.map(({ part, isPassedOver: _, ...row }) =>
        parted ? { ...row, part: customer.parts[part]?.name ?? '' } : row,
      ),
      notes: [
        ...came.flatMap(({ part, notes }) => notes.map((note) => (parted ? `${part}: ${note}` : note))),
        ...(states.terminated === 0 && whole.people > 0 ? [activeOnly(customer)] : []),
      ],
      warnings: [
        ...matches.warnings(),
        ...came.flatMap(({ part, encryption }) => endingKeys(encryption, deps.now(), part)),
      ],
      // Of several parts each says it by itself.
      encryption: parted ? null : (first?.encryption ?? null),
      ...(parted ? { parts: read.parts.map(partCheck) } : {}),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { error: failureOf(error) };
  }
}

/** A key that ends within 30 days is told of: whoever sends the export needs time for theirs. */
const keyWarningMs = 30 * 24 * 3_600_000;

function endingKeys(encryption: EncryptionFacts | undefined, nowMs: number, part: string): readonly string[] {
  const of = part === '' ? '' : `${part}: `;
  return (encryption?.keys ?? []).flatMap(({ role, fingerprint, expiresAtMs }) =>
    expiresAtMs !== null && expiresAtMs - nowMs < keyWarningMs
      ? [
          `${of}roster.decrypt.${role}: the key ${fingerprint} ends on ${new Date(expiresAtMs).toISOString().slice(0, 10)}, and from then on the roster is not read. ${
            role === 'privateKey'
              ? 'Give it more time (gpg --quick-set-expire), export it again, and give its public half to whoever encrypts.'
              : 'Ask whoever signs the export for the key with more time, or for the next one; signedBy may hold both.'
          }`,
        ]
      : [],
  );
}

function partCheck({ part, proof, failure }: PartRead): PartCheck {
  if (proof === null) return { part: part.name, error: failureOf(failure) };
  const { file, modifiedAtMs, format, sheet, encoding, rows, usable, rejected, complete, reasons } = proof;
  const how = {
    file,
    modifiedAtMs,
    format,
    sheet,
    encoding,
    rows,
    people: usable,
    rejected,
    complete,
    reasons,
    encryption: proof.encryption ?? null,
  };
  return { part: part.name, error: null, ...how };
}

function summedStatuses(
  proofs: readonly Pick<RosterProof, 'unknownStatuses'>[],
): RosterProof['unknownStatuses'] {
  const rows = new Map<string, number>();
  for (const { unknownStatuses } of proofs)
    for (const { value, rows: count } of unknownStatuses) rows.set(value, (rows.get(value) ?? 0) + count);
  return [...rows].map(([value, count]) => ({ value, rows: count })).sort((a, b) => b.rows - a.rows);
}

/** Of a roster on which nobody has left: what follows for those who leave. */
function activeOnly({ config: { absence } }: Customer): string {
  return (
    'nobody on it has left: it seems to have active people only. Who leaves is then merely missing, and is removed not at once but ' +
    `after ${absence.exports} different exports without them and ${absence.days} days (absence). Have leavers exported too, with their status or last day, and they go the same day.`
  );
}

/** The longest pause that a person who looks on does not notice; for a longer one they are told until when it lasts. */
const unnoticedMs = 2_000;
const atOnce = { waitsFor: (pauseMs: number): boolean => pauseMs <= unnoticedMs };
/** Every column of a part that is mapped or that a rule or a field of any platform reads. */
function usedColumns(customer: Customer, part: Part): readonly LookColumn[] {
  const used = new Map<string, LookColumn>();
  for (const platform of customer.platforms.values())
    for (const column of lookColumns({ customer, part }, columnsOf({ customer, platform, part })))
      used.set(column.name, column);
  return [...used.values()];
}

/**
 * Tries a platform: sign-in, every target, the trainings to be started, and (unless `quick`) who is enrolled without
 * being on the roster. Reads only, and never throws for what is wrong there. It does not wait when the platform asks to, but says
 * until when.
 */
export async function checkPlatform(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  options: { readonly signal: AbortSignal; readonly quick: boolean },
): Promise<PlatformCheck> {
  const { provider, config, name } = platform;
  const { signal } = options;
  const ctx = countingContext(signal, atOnce);
  const trials: Trial[] = [];
  const warnings: string[] = [...configWarnings(config)];
  const attempt = async <T>(what: string, work: () => Promise<T>, tell: (value: T) => string) => {
    try {
      const value = await work();
      trials.push({ what, ok: true, detail: tell(value) });
      return value;
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = failureOf(error);
      // Whatever is asked there is answered so: the address is another's, or has a part too many.
      if (error instanceof ProviderError && error.status === 404 && what === 'sign-in')
        warnings.push(
          `baseUrl is ${config.baseUrl}, and what is there answers 404: is it the address of the API, and no more of it than that?`,
        );
      trials.push({ what, ok: false, detail: `${code}: ${message}` });
      return undefined;
    }
  };
  const signedIn = await attempt(
    'sign-in',
    async () => {
      await provider.signIn(ctx);
      await provider.prepare?.(ctx);
      return true;
    },
    () => 'the credentials are taken',
  );
  if (signedIn === true) {
    const found = await checkTargets(platform, attempt, ctx);
    if (provider.launcher !== undefined && provider.launcher.wanted.length > 0) {
      const { launcher } = provider;
      await attempt('trainings', () => launcher.plan(ctx), describeLaunches);
    }
    const { warnings: more } = provider;
    if (more !== undefined)
      warnings.push(
        ...((await attempt(
          'warnings',
          () => more(ctx),
          () => 'asked',
        )) ?? []),
      );
    if (found && config.enrollments.length > 0 && !options.quick) {
      const work = () => strangers(deps, customer, platform, signal);
      const tell = (them: readonly string[]) =>
        them.length === 0 ? 'everybody is explained' : 'see the warnings';
      warnings.push(...((await attempt('members', work, tell)) ?? []));
    }
  }
  return {
    platform: name,
    provider: config.provider,
    ok: trials.every(({ ok }) => ok),
    trials: trials.filter(({ what, ok }) => what !== 'warnings' || !ok),
    missing: { ...provider.capabilities.missing },
    warnings,
  };
}

type Attempt = <T>(
  what: string,
  work: () => Promise<T>,
  tell: (value: T) => string,
) => Promise<T | undefined>;

/** Looks up all targets at once; when that fails, one by one, so that each wrong one is named. */
async function checkTargets(
  { provider, config }: Platform,
  attempt: Attempt,
  ctx: ReturnType<typeof countingContext>,
): Promise<boolean> {
  if (config.enrollments.length === 0) return true;
  const one = async (rule: EnrollmentRule): Promise<ResolvedTarget | undefined> =>
    (await provider.resolveTargets([rule], ctx))[0];
  const all = await provider.resolveTargets(config.enrollments, ctx).catch((error: unknown) => {
    ctx.signal.throwIfAborted();
    void error;
    return undefined;
  });
  let found = true;
  for (const [at, rule] of config.enrollments.entries()) {
    const known = all?.[at];
    const target = await attempt(
      `target ${rule.target}`,
      async () => known ?? (await one(rule)),
      (it) => (it?.closed === undefined ? (it?.name ?? '') : `${it.name}: nobody is enrolled, ${it.closed}`),
    );
    if (target === undefined) found = false;
  }
  return found;
}

function describeLaunches(launches: readonly Launch[]): string {
  return launches
    .map(({ name, reach, existing, send }) => {
      const there = existing === null ? 'not created yet' : existing.sent === true ? 'sent' : 'created';
      return `"${name}" (${there}; ${send ? `a send reaches ${reach} people` : 'send: false'})`;
    })
    .join(', ');
}

/** Members that no person on the roster explains: somebody, or a rule there, enrolls people too. */
async function strangers(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const sides = await readSides({
    customer,
    platform,
    store: deps.store,
    ctx: countingContext(signal, atOnce),
    nowMs: deps.now(),
    onProgress: () => undefined,
  });
  return sides.targets.flatMap((target, at) => {
    const count = sides.differ.strangers(at);
    if (count === 0) return [];
    return [
      `${target.name} has ${count} members whom nobody on the roster explains: somebody else, or a rule there, enrolls people too. They are left alone.`,
    ];
  });
}

/** Addresses without TLS, and limits that mean less than they seem to. */
function configWarnings(config: PlatformConfig): readonly string[] {
  const warnings = plainAddresses(config).map(
    (key) => `${key} is http://: credentials and people travel unencrypted. Write https://.`,
  );
  for (const [kind, limit] of Object.entries(config.limits)) {
    const { floor } = defaultLimits[kind as keyof typeof defaultLimits];
    if (limit?.count === undefined || limit.floor !== undefined || limit.count >= floor) continue;
    warnings.push(
      `limits.${kind}.count is ${limit.count}, and the floor of ${floor} still lets ${floor} through: set floor too.`,
    );
  }
  return warnings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host);
}

/** Keys of a platform block whose address is http and not of this machine. */
function plainAddresses(block: object, prefix = ''): readonly string[] {
  return Object.entries(block).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return plainAddresses(value, `${prefix}${key}.`);
    if (typeof value !== 'string' || !/url$/i.test(key) || !value.startsWith('http://')) return [];
    return isLoopback(new URL(value).hostname) ? [] : [`${prefix}${key}`];
  });
}
