import { idleKeys } from '../config/format-keys.ts';
import type { PartConfig, RosterFormat, WholeRosterConfig } from '../config/schema.ts';
import { createLookBuilder, type LookColumn } from '../diff/look.ts';
import { type PersonState, personStates } from '../person.ts';
import type { EncryptionFacts, RejectedRow, RosterProof } from '../roster/index.ts';
import type { Customer, Part } from '../jobs/customer.ts';
import { withholdReasons } from '../jobs/decide/judge.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { failureOf } from '../jobs/failure.ts';
import { columnsOf, lookColumns } from '../jobs/read/columns.ts';
import { dateIn, keyIn, type PartRead, readCustomerRoster, wholeOf } from '../jobs/read/roster.ts';
import type { Reason } from '../jobs/reasons.ts';
import { createRuleMatches } from './rule-matches.ts';
import { unmappedInParts } from './unmapped.ts';

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
      onPerson: (person, part, row) => {
        const { id, state, status } = person;
        matches.see(person);
        add(state, status ?? '', 1);
        standing.set(id, [state, status ?? '', part]);
        looks[part]?.add(person, row);
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
        ...unmappedInParts(customer),
        ...read.parts.flatMap(lackingFields),
        ...read.parts.flatMap((part) => keysForNothing(part, customer.config.roster)),
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

/** Keys that the format found has no use for. One that stands beside parts is for those that it fits. */
function keysForNothing({ part, proof }: PartRead, beside: WholeRosterConfig): readonly string[] {
  if (proof === null) return [];
  const besides: Readonly<Record<string, unknown>> = beside;
  const isOwn = (key: keyof PartConfig): boolean => part.name === '' || part.config[key] !== besides[key];
  return idleKeys(part.config, proof.format)
    .filter(({ key: [key] }) => isOwn(key as keyof PartConfig))
    .map(
      ({ key, of }) =>
        `${part.name === '' ? '' : `${part.name}: `}${keyIn(part, ['roster', ...key].join('.'))}: is for ${of}, and does nothing: the roster is ${proof.format} by its content. Take it out, or is another file meant?`,
    );
}

/** Mapped fields that no record has: empty for everybody, or called otherwise. */
function lackingFields({ part, proof }: PartRead): readonly string[] {
  return (proof?.lacking ?? []).map(
    ({ name, key, hint }) =>
      `${part.name === '' ? '' : `${part.name}: `}${keyIn(part, key)}: no record has the field "${name}": it is read as empty. So it should be where the export leaves out what is empty and nobody has any; else it is called otherwise. ${hint}`,
  );
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

/** Every column of a part that is mapped or that a rule or a field of any platform reads. */
function usedColumns(customer: Customer, part: Part): readonly LookColumn[] {
  const used = new Map<string, LookColumn>();
  for (const platform of customer.platforms.values())
    for (const column of lookColumns({ customer, part }, columnsOf({ customer, platform, part })))
      used.set(column.name, column);
  return [...used.values()];
}
