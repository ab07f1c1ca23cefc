import type { Link } from '../account.ts';
import type { Desired, DiffField, Exempt } from './desired.ts';
import { absent, createTextGroups, createTextIndex, hash53, type TextGroups } from './hash-index.ts';
import { createTextColumn } from './text-column.ts';

/** Bits of a person. */
export const flag = {
  wants: 1 << 0,
  terminated: 1 << 1,
  ignored: 1 << 2,
  rejected: 1 << 3,
  /** Linked, but not on the roster. */
  missing: 1 << 4,
  protectDeactivate: 1 << 5,
  protectUnenroll: 1 << 6,
  linked: 1 << 7,
  /** Their account was seen and needs nothing. */
  inStep: 1 << 8,
  adopted: 1 << 9,
  review: 1 << 10,
  /** Their account was seen, whatever comes of it. */
  seen: 1 << 11,
  created: 1 << 12,
  /** Linked to an account whose platform id no read has told yet. */
  unbound: 1 << 14,
  /** Linked to an account that was not seen, and found another. */
  relinked: 1 << 15,
  /** The roster's email is one of the values that are read back. */
  emailInField: 1 << 16,
  /** We deactivated their account, and have not reactivated it since. */
  deactivated: 1 << 17,
  /** Missing, or only elsewhere, while the part of the roster that they were in did not come: nothing is known of them. */
  away: 1 << 18,
  /** Their part of the roster did not prove that it is whole: nothing is taken from them. */
  withheld: 1 << 19,
} as const;

/** Separates values in a packed row; cannot be in a normalised value. */
export const separator = '\u001f';

/**
 * Everybody concerned, in columns instead of objects: a million people have to fit in memory beside a million accounts.
 * An ordinal stands for a person; people of the roster come first, then those who are only linked.
 */
export type Population = {
  readonly add: (desired: Desired, part?: number) => void;
  /** Marks a person as rejected, also one delivered before: only their id counts from now on. */
  readonly reject: (id: string, part?: number) => void;
  /** The number of the part of the roster in which somebody has a row; null for who is only linked. */
  readonly partOf: (ordinal: number) => number | null;
  /** Forgets that a part was read at all: it broke off. */
  readonly lose: (part: number) => void;
  /** One more row of somebody delivered who has left by all of them: what spares them in one row spares them. */
  readonly leftToo: (desired: Desired) => void;
  readonly link: (link: Link) => void;
  readonly size: () => number;
  readonly idOf: (ordinal: number) => string;
  readonly find: (id: string) => number;
  /** The people who had that id before; `findPrevious` allocates nothing and gives `absent` or `several` too. */
  readonly previous: (id: string) => readonly number[];
  readonly findPrevious: (id: string) => number;
  /** One more id that somebody had before. */
  readonly addPrevious: (id: string, ordinal: number) => void;
  readonly findAccount: (accountId: string) => number;
  readonly claimAccount: (accountId: string, ordinal: number) => void;
  /** The person who is linked by that id or email (whatever the platform matches by), and not by an account id yet. */
  readonly findUnbound: (key: string | null) => number;
  /** The people with that email; `findEmail` allocates nothing and gives `absent` or `several` too. */
  readonly emails: (email: string) => readonly number[];
  readonly findEmail: (email: string) => number;
  /** Every group of people who share an email. */
  readonly sharedEmails: () => Iterable<readonly number[]>;
  readonly has: (ordinal: number, bits: number) => boolean;
  readonly set: (ordinal: number, bits: number) => void;
  readonly clear: (ordinal: number, bits: number) => void;
  /** Whether the fields that are read back should have these values, in their order. */
  readonly isReadable: (ordinal: number, values: readonly string[]) => boolean;
  readonly values: (ordinal: number) => Readonly<Record<string, string>>;
  readonly emailOf: (ordinal: number) => string | null;
  /** `hash53` of the roster's name in lower case; null where fields tell names, and for who has none. */
  readonly nameHash: (ordinal: number) => number | null;
  readonly wantsTarget: (ordinal: number, target: number) => boolean;
  /** As far as it is kept: `accountId` is the empty string where there is one. */
  readonly linkOf: (ordinal: number) => Link | undefined;
  /** The employee id that the account carries. */
  readonly knownAs: (ordinal: number) => string;
  /** Whether that is the employee id that the account carries. Makes no string. */
  readonly isKnownAs: (ordinal: number, id: string) => boolean;
  /** `hash53` of what is written but not read back; null when there is no such field. */
  readonly writtenHash: (ordinal: number) => number | null;
  /** Whether what is written but not read back was last written as it is wanted now. */
  readonly isWritten: (ordinal: number) => boolean;
  readonly emailHash: (ordinal: number) => number | null;
  readonly rosterSize: () => number;
  readonly linkedSize: () => number;
};

const nameFields = ['firstName', 'lastName', 'displayName'];

/** An empty population for a platform with these fields and this number of enrollment targets. */
export function createPopulation(
  fields: readonly DiffField[],
  targetCount: number,
  matchBy: 'externalId' | 'email',
  exempt: Exempt,
): Population {
  const readableAt = fields.flatMap((field, at) => (field.readBack ? [at] : []));
  const hiddenAt = fields.flatMap((field, at) => (field.readBack ? [] : [at]));
  const readableNames = readableAt.map((at) => fields[at]?.name ?? '');
  const hiddenNames = hiddenAt.map((at) => fields[at]?.name ?? '');
  const keepNames = !readableNames.some((name) => nameFields.includes(name));

  const ordinals = createTextIndex();
  let count = 0;
  const ids = createTextColumn();
  /** The values that are read back, and those that are not: packed. */
  const readable = createTextColumn();
  const hidden = createTextColumn();
  /** Empty: none, or the same as the field of that name, which is kept once. */
  const emails = createTextColumn();
  const emailAt = readableNames.indexOf('email');
  const nameHashes: number[] = [];
  const accounts = createTextIndex();
  const unbound = createTextIndex();
  const linkedIds = new Map<number, string>();
  const linkedEmails = new Map<number, string>();
  const confirmed = new Map<number, number>();
  /** Made when somebody is looked for by email: on a platform that gives none, nobody is. */
  let byEmail: TextGroups | undefined;
  const byPrevious: TextGroups = createTextGroups(isCounted);
  let capacity = 1_024;
  let flags = new Uint32Array(capacity);
  let written = new Float64Array(capacity).fill(absent);
  let emailHashes = new Float64Array(capacity).fill(absent);
  let wanted: Uint8Array[] = Array.from({ length: targetCount }, () => new Uint8Array(capacity));
  /** Of each person of the roster the part, where there are several. */
  let parts = new Uint8Array(0);
  let rosterSize = 0;
  let linkedSize = 0;

  function grown<T extends Uint8Array | Uint32Array | Float64Array>(old: T, next: T): T {
    next.set(old);
    return next;
  }

  /** The ordinal of an id. `count` grows by it when the id is a new one. */
  function ordinalOf(id: string): number {
    const known = ordinals.add(id, count);
    if (known !== absent) return known;
    const ordinal = count++;
    if (ordinal === capacity) {
      capacity *= 2;
      flags = grown(flags, new Uint32Array(capacity));
      written = grown(written, new Float64Array(capacity).fill(absent));
      emailHashes = grown(emailHashes, new Float64Array(capacity).fill(absent));
      wanted = wanted.map((column) => grown(column, new Uint8Array(capacity)));
      if (parts.length > 0) parts = grown(parts, new Uint8Array(capacity));
    }
    ids.set(ordinal, id);
    if (keepNames) nameHashes.push(absent);
    return ordinal;
  }

  function standIn(ordinal: number, part: number): void {
    if (part === 0) return;
    if (parts.length === 0) parts = new Uint8Array(capacity);
    parts[ordinal] = part;
  }

  function bits(ordinal: number): number {
    return flags[ordinal] ?? 0;
  }

  function isCounted(ordinal: number): boolean {
    return (bits(ordinal) & flag.rejected) === 0;
  }

  function emailOf(ordinal: number): string | null {
    const email = emails.get(ordinal);
    if (email !== '') return email;
    return (bits(ordinal) & flag.emailInField) === 0
      ? null
      : (readable.get(ordinal).split(separator)[emailAt] ?? null);
  }

  function emailGroups(): TextGroups {
    if (byEmail !== undefined) return byEmail;
    byEmail = createTextGroups(isCounted);
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const email = emailOf(ordinal);
      if (email !== null) byEmail.add(email, ordinal);
    }
    return byEmail;
  }

  const known = (value: number | undefined): number | null =>
    value === undefined || value === absent ? null : value;
  const writtenHash = (ordinal: number): number | null =>
    hiddenAt.length === 0 ? null : hash53(hidden.get(ordinal));

  function protection(from: { readonly has: (kind: string) => boolean }): number {
    return (
      (from.has('deactivate') ? flag.protectDeactivate : 0) |
      (from.has('unenroll') ? flag.protectUnenroll : 0)
    );
  }

  function spared({ ignored, protectedFrom }: Desired): number {
    let set = ignored ? flag.ignored : 0;
    if (protectedFrom === 'deactivate' || protectedFrom === 'both') set |= flag.protectDeactivate;
    if (protectedFrom === 'unenroll' || protectedFrom === 'both') set |= flag.protectUnenroll;
    return set;
  }

  /** What the row of somebody said. */
  function forget(ordinal: number): void {
    for (const column of [readable, emails, hidden]) column.set(ordinal, '');
    for (const column of wanted) column[ordinal] = 0;
  }

  return {
    add: (desired, part = 0) => {
      const before = count;
      const ordinal = ordinalOf(desired.id);
      if (count === before) return;
      standIn(ordinal, part);
      rosterSize++;
      readable.set(
        ordinal,
        readableAt.length === 1
          ? (desired.values[readableAt[0] ?? 0] ?? '')
          : readableAt.map((at) => desired.values[at] ?? '').join(separator),
      );
      if (hiddenAt.length > 0)
        hidden.set(ordinal, hiddenAt.map((at) => desired.values[at] ?? '').join(separator));
      const isField = emailAt >= 0 && desired.email === desired.values[readableAt[emailAt] ?? 0];
      if (!isField && desired.email !== null) emails.set(ordinal, desired.email);
      if (desired.email !== null) byEmail?.add(desired.email, ordinal);
      if (desired.previousId !== null && desired.previousId !== desired.id) {
        byPrevious.add(desired.previousId, ordinal);
      }
      if (keepNames && desired.name !== undefined && desired.name !== '')
        nameHashes[ordinal] = hash53(desired.name.toLowerCase());
      let set = isField ? flag.emailInField : 0;
      if (desired.wantsAccount && !desired.terminated && !desired.ignored) set |= flag.wants;
      if (desired.terminated) set |= flag.terminated;
      flags[ordinal] = set | spared(desired);
      for (let target = 0; target < targetCount; target++) {
        const column = wanted[target];
        if (column !== undefined && desired.targets[target] === true) column[ordinal] = 1;
      }
    },
    partOf: (ordinal) => ((bits(ordinal) & flag.missing) === 0 ? (parts[ordinal] ?? 0) : null),
    lose: (part) => {
      for (let ordinal = 0; ordinal < count; ordinal++) {
        if ((parts[ordinal] ?? 0) !== part) continue;
        if ((bits(ordinal) & flag.rejected) === 0) rosterSize--;
        forget(ordinal);
        // As if only a link told of them, should there be one.
        flags[ordinal] = flag.missing | flag.away | flag.ignored;
      }
    },
    reject: (id, part = 0) => {
      const before = count;
      const ordinal = ordinalOf(id);
      if (count > before) standIn(ordinal, part);
      if (count === before && (bits(ordinal) & (flag.missing | flag.rejected)) === 0) rosterSize--;
      // What the row said depends on which of several rows came first, so nothing of it may count.
      forget(ordinal);
      flags[ordinal] = (bits(ordinal) & (flag.linked | flag.unbound | flag.deactivated)) | flag.rejected;
    },
    leftToo: (desired) => {
      const ordinal = ordinals.get(desired.id);
      if (ordinal === absent || !isCounted(ordinal)) return;
      flags[ordinal] = bits(ordinal) | spared(desired);
    },
    link: (link) => {
      const before = count;
      const ordinal = ordinalOf(link.person);
      if (count > before) {
        let set = flag.missing;
        if (exempt.ignored.has(link.person)) set |= flag.ignored;
        if (exempt.protected.has(link.person)) set |= protection(exempt.from);
        flags[ordinal] = set;
      }
      flags[ordinal] = bits(ordinal) | flag.linked | (link.deactivated ? flag.deactivated : 0);
      linkedSize++;
      written[ordinal] = link.writtenHash ?? absent;
      emailHashes[ordinal] = link.emailHash ?? absent;
      if (link.externalId !== null && link.externalId !== link.person)
        linkedIds.set(ordinal, link.externalId);
      if (link.email !== null && link.email !== emailOf(ordinal)) linkedEmails.set(ordinal, link.email);
      if (link.confirmedHash !== null) confirmed.set(ordinal, link.confirmedHash);
      if (link.accountId !== null) {
        accounts.set(link.accountId, ordinal);
        return;
      }
      flags[ordinal] = bits(ordinal) | flag.unbound;
      const key = matchBy === 'email' ? (link.email ?? emailOf(ordinal)) : (link.externalId ?? link.person);
      if (key === null) return;
      const other = unbound.get(key);
      // Two links of one key: a takeover whose first owner still has theirs. The one who is there now counts.
      const standing = (one: number): number =>
        (bits(one) & flag.wants) !== 0 ? 0 : (bits(one) & flag.missing) === 0 ? 1 : 2;
      if (
        other === absent ||
        standing(ordinal) < standing(other) ||
        (standing(ordinal) === standing(other) && link.person < ids.get(other))
      )
        unbound.set(key, ordinal);
    },
    size: () => count,
    idOf: ids.get,
    find: ordinals.get,
    previous: byPrevious.all,
    findPrevious: byPrevious.only,
    addPrevious: byPrevious.add,
    findAccount: accounts.get,
    claimAccount: accounts.set,
    findUnbound: (key) => (key === null || unbound.size === 0 ? absent : unbound.get(key)),
    emails: (email) => emailGroups().all(email),
    findEmail: (email) => emailGroups().only(email),
    sharedEmails: () => emailGroups().shared(),
    has: (ordinal, wantedBits) => (bits(ordinal) & wantedBits) !== 0,
    set: (ordinal, more) => {
      flags[ordinal] = bits(ordinal) | more;
    },
    clear: (ordinal, fewer) => {
      flags[ordinal] = bits(ordinal) & ~fewer;
    },
    isReadable: (ordinal, values) => readable.isJoined(ordinal, values, separator),
    values: (ordinal) => {
      const values: Record<string, string> = {};
      const open = readable.get(ordinal).split(separator);
      for (const [at, name] of readableNames.entries()) values[name] = open[at] ?? '';
      const closed = hidden.get(ordinal).split(separator);
      for (const [at, name] of hiddenNames.entries()) values[name] = closed[at] ?? '';
      return values;
    },
    emailOf,
    nameHash: (ordinal) => known(nameHashes[ordinal]),
    wantsTarget: (ordinal, target) => wanted[target]?.[ordinal] === 1,
    linkOf: (ordinal) => {
      if ((bits(ordinal) & flag.linked) === 0) return undefined;
      return {
        person: ids.get(ordinal),
        accountId: (bits(ordinal) & flag.unbound) === 0 ? '' : null,
        externalId: linkedIds.get(ordinal) ?? null,
        email: linkedEmails.get(ordinal) ?? ((bits(ordinal) & flag.unbound) === 0 ? null : emailOf(ordinal)),
        writtenHash: known(written[ordinal]),
        emailHash: known(emailHashes[ordinal]),
        confirmedHash: confirmed.get(ordinal) ?? null,
        deactivated: (bits(ordinal) & flag.deactivated) !== 0,
      };
    },
    knownAs: (ordinal) => linkedIds.get(ordinal) ?? ids.get(ordinal),
    isKnownAs: (ordinal, id) => {
      const given = linkedIds.size === 0 ? undefined : linkedIds.get(ordinal);
      return given === undefined ? ids.is(ordinal, id) : given === id;
    },
    writtenHash,
    isWritten: (ordinal) =>
      hiddenAt.length === 0 ||
      ((bits(ordinal) & flag.linked) !== 0 && known(written[ordinal]) === writtenHash(ordinal)),
    emailHash: (ordinal) => {
      const email = emailOf(ordinal);
      return email === null ? null : hash53(email);
    },
    rosterSize: () => rosterSize,
    linkedSize: () => linkedSize,
  };
}
