import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RosterConfig } from '../../src/config/schema.ts';
import type { Person } from '../../src/person.ts';
import {
  type ReadRosterOptions,
  type RejectedRow,
  type RosterProof,
  type RosterRules,
  readRoster,
} from '../../src/roster/index.ts';

export type Outcome = {
  readonly proof: RosterProof;
  /** Delivered and not retracted. */
  readonly people: Person[];
  readonly retracted: string[];
  readonly rejected: RejectedRow[];
};

/** A folder of its own for a test, gone with it (`await using`). */
export async function tempFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'rollcall-roster-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export function rosterConfig(changes: Partial<RosterConfig> = {}): RosterConfig {
  return {
    source: 'roster.csv',
    pick: 'modified',
    columns: { id: 'id', email: 'email', firstName: 'first', department: 'department', status: 'status' },
    skip: { above: 0, below: 0, end: 0 },
    empty: [],
    noDate: [],
    dateFormat: 'yyyy-MM-dd',
    timezone: 'UTC',
    attributes: [],
    duplicates: 'reject',
    maxShrink: 10,
    maxRejected: 100,
    maxEmptied: 10,
    maxRecoded: 20,
    waitFor: 7_200_000,
    ...changes,
  };
}

/** Active and Inactive are known; every other status matches no rule. */
export const plainRules: RosterRules = {
  stateOf: ({ status }) => (status === 'Active' ? 'active' : status === 'Inactive' ? 'terminated' : null),
};

/** Reads a file, checking what holds of every read: nobody twice, nobody both usable and rejected, every line once. */
export async function readFrom(
  source: string,
  config: Partial<RosterConfig> = {},
  options: Partial<Omit<ReadRosterOptions, 'config'>> = {},
): Promise<Outcome> {
  const people = new Map<string, Person>();
  const delivered = new Set<string>();
  const retracted: string[] = [];
  const rejected: RejectedRow[] = [];
  const lines = new Set<number>();
  const proof = await readRoster({
    config: rosterConfig({ source, ...config }),
    baseline: { maxPeople: null, maxPerShrinkValue: {}, endsInLine: null },
    rules: plainRules,
    nowMs: Date.now(),
    today: '2026-03-02',
    lastExpectedMs: () => 0,
    delivery: { inbox: join(tmpdir(), 'rollcall-no-inbox') },
    ...options,
    onPerson: (person, row) => {
      if (delivered.has(person.id)) throw new Error(`${person.id} was delivered twice`);
      delivered.add(person.id);
      people.set(person.id, person);
      options.onPerson?.(person, row);
    },
    onRetract: (id) => {
      if (!people.delete(id)) throw new Error(`${id} was retracted and was not there`);
      retracted.push(id);
    },
    onRejected: (row) => {
      if (lines.has(row.line)) throw new Error(`line ${row.line} was rejected twice`);
      lines.add(row.line);
      rejected.push(row);
    },
  });
  for (const { id } of rejected) {
    if (id !== null && people.has(id)) throw new Error(`${id} is usable and rejected`);
  }
  if (proof.usable !== people.size) throw new Error(`usable is ${proof.usable}, people are ${people.size}`);
  if (proof.complete !== (proof.reasons.length === 0)) throw new Error('complete and reasons disagree');
  return { proof, people: [...people.values()], retracted, rejected };
}

/** Writes the content to a file of its own and reads it. */
export async function readText(
  content: string | Buffer,
  config: Partial<RosterConfig> = {},
  options: Partial<Omit<ReadRosterOptions, 'config'>> = {},
): Promise<Outcome> {
  await using folder = await tempFolder();
  const file = join(folder.path, 'roster.csv');
  await writeFile(file, content);
  return await readFrom(file, config, options);
}

/** UTF-16BE with or without its mark; Node writes only the other byte order. */
export function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** Windows-1252 of text whose signs it has. */
export function windows1252(text: string): Buffer {
  const decoder = new TextDecoder('windows-1252');
  const bytes = new Map(
    Array.from({ length: 256 }, (_, byte) => [decoder.decode(Uint8Array.of(byte)), byte]),
  );
  return Buffer.from(
    Array.from(text, (sign) => {
      const byte = bytes.get(sign);
      if (byte === undefined) throw new RangeError(`not in Windows-1252: ${sign}`);
      return byte;
    }),
  );
}

/** The codes of a proof's reasons, sorted. */
export function codesOf(proof: RosterProof): string[] {
  return proof.reasons.map(({ code }) => code).sort();
}
