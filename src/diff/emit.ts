import type { Account, AccountFields, AccountRef } from '../account.ts';
import type { ChangeKind } from '../change.ts';
import { type Change, type ChangeReason, fingerprintOf, type Review, type ReviewCode } from './change.ts';
import { departureOf, type Circumstances, type DiffPlatform } from './platform.ts';
import { keyOf, type Matches } from './match.ts';
import type { Members } from './members.ts';
import type { NameMatch } from './names.ts';
import { flag, type Population } from './population.ts';
import { createReferences, depthsOf } from './references.ts';

/** A change that is decided on but not yet written out: a kind's list holds these, not objects full of strings. */
type Sketch = {
  readonly person: number;
  readonly target: number;
  readonly reason: ChangeReason;
  /** The old email an unenrollment is of. */
  readonly ref?: AccountRef | undefined;
};

export type EmitterInput = {
  readonly people: Population;
  readonly platform: DiffPlatform;
  readonly members: Members;
  readonly matches: Matches;
  readonly circumstances: Circumstances;
  readonly refOf: (person: number) => AccountRef;
  readonly nameMatch: (person: number, account: Account) => NameMatch;
  /** Whether name and email both are not what the account has. */
  readonly identityDiffers: (person: number, account: Account) => boolean;
};

export type Emitter = {
  readonly count: (kind: ChangeKind) => number;
  readonly changes: () => Iterable<Change>;
  readonly reviews: readonly Review[];
  readonly missing: readonly string[];
  readonly withheld: { readonly deactivate: number; readonly unenroll: number };
  readonly suppressed: number;
  readonly unreferred: number;
};

/** Where somebody stands once their account is decided on: what their enrollments depend on. */
type Standing = 'here' | 'leaves' | 'neither';

const noTarget = -1;
const sketchedKinds = ['update', 'reactivate', 'deactivate', 'enroll', 'unenroll'] as const;
type SketchedKind = (typeof sketchedKinds)[number];

/** Decides what happens to each person, by the table of the design ("what a row means"), and writes the changes out. */
export function createEmitter(input: EmitterInput): Emitter {
  const { people, platform, members, matches, circumstances } = input;
  const reviews: Review[] = [...matches.reviews];
  const missing: string[] = [];
  const withheld = { deactivate: 0, unenroll: 0 };
  let suppressed = 0;
  // A number for each create (there may be a million); sketches for the rest.
  const creates: number[] = [];
  const newcomers = new Set<number>();
  const references = createReferences(people, platform, {
    isNew: (person) => newcomers.has(person),
    platformShrunk: circumstances.platformShrunk,
    isPartial: circumstances.withholdRemovals,
  });
  /** Whether their fields differ is known once it is known whose accounts are made. */
  const undecided: number[] = [];
  let unreferred = 0;
  const sketches: Record<SketchedKind, Sketch[]> = {
    update: [],
    reactivate: [],
    deactivate: [],
    enroll: [],
    unenroll: [],
  };
  const hiddenNames = new Set(platform.fields.filter((field) => !field.readBack).map(({ name }) => name));
  const required = platform.fields.filter((field) => field.required).map((field) => field.name);

  function review(person: number, code: ReviewCode, account: Account | undefined, other?: Account): Standing {
    people.set(person, flag.review);
    const accounts = [account, other].flatMap((one) => (one === undefined ? [] : [keyOf(one)]));
    reviews.push({ person: people.idOf(person), code, accounts: accounts.sort() });
    return 'neither';
  }

  /** All that is wanted there. What the platform requires is never emptied: it stays as it is. */
  function wantedFields(person: number, account: Account): AccountFields {
    return keepRequired(references.wanted(people.values(person), references.told(account)), account);
  }

  function keepRequired(wanted: AccountFields, account: Account): AccountFields {
    const kept = required.filter((name) => (wanted[name] ?? '') === '');
    return kept.length === 0
      ? wanted
      : { ...wanted, ...Object.fromEntries(kept.map((name) => [name, account.fields[name] ?? ''])) };
  }

  function fieldsThatDiffer(person: number, read: Account, wanted: AccountFields): string[] {
    const hiddenDiffers = !people.isWritten(person);
    const account = references.told(read);
    return platform.fields
      .filter(({ name, readBack }) =>
        readBack ? (account.fields[name] ?? '') !== wanted[name] : hiddenDiffers,
      )
      .map(({ name }) => name);
  }

  function isSuppressed(kind: ChangeKind, sketch: Sketch): boolean {
    if (circumstances.mayBeSuppressed?.(people.idOf(sketch.person)) !== true) return false;
    const change = draw(kind, sketch);
    if (!circumstances.isSuppressed(change) && !isSuppressedAsNamed(change, sketch)) return false;
    suppressed++;
    return true;
  }

  /**
   * Whether what was rejected referred to somebody who has no account by now, or of whom it is not known yet that theirs
   * is made: it stays rejected, whatever has become of them.
   */
  function isSuppressedAsNamed(change: Change, { person }: Sketch): boolean {
    if (!references.any || change.after === null) return false;
    const named = asNamed(person, change);
    return circumstances.isSuppressed({
      ...change,
      ...named,
      fingerprint: fingerprintOf({ ...change, ...named }),
    });
  }

  /** What a change would be if everybody had an account to whom it refers. */
  function asNamed(
    person: number,
    { kind }: Pick<Change, 'kind'>,
  ): Pick<Change, 'after'> | Pick<Change, 'after' | 'changed'> {
    const account = matches.accounts.get(person);
    const values = people.values(person);
    if (kind === 'create' || account === undefined) return { after: values };
    const after = keepRequired(values, account);
    return { after, changed: fieldsThatDiffer(person, account, after) };
  }

  /** Plans a change; false when it must not come, for now. */
  function add(kind: SketchedKind, sketch: Sketch): boolean {
    if (isSuppressed(kind, sketch)) return false;
    const isRemoval = kind === 'deactivate' || kind === 'unenroll';
    if (isRemoval && (circumstances.withholdRemovals || people.has(sketch.person, flag.withheld))) {
      withheld[kind]++;
      return false;
    }
    sketches[kind].push(sketch);
    return true;
  }

  function decideAccount(person: number): Standing {
    const account = matches.accounts.get(person);
    if (people.has(person, flag.missing)) return decideMissing(person, account);
    const wants = people.has(person, flag.wants);
    const isUnsure = circumstances.platformShrunk && people.has(person, flag.relinked);
    if (account === undefined) {
      if (!wants) return 'neither';
      return people.has(person, flag.inStep) ? 'here' : decideCreate(person);
    }
    if (!people.has(person, flag.linked | flag.adopted) || isUnsure || isFrozen(account)) return 'neither';
    const other = matches.crossed.get(person);
    if (!wants) {
      if (!account.active) return 'neither';
      // The row of a leaver with somebody else's name and address under it: nobody knows which of the two has left.
      if (
        other !== undefined &&
        people.has(person, flag.terminated) &&
        input.identityDiffers(person, account) &&
        input.nameMatch(person, other) === 'same'
      )
        return review(person, 'ID_AND_EMAIL_DIFFER', account, other);
      return remove(person, people.has(person, flag.terminated) ? 'TERMINATED' : 'ACCOUNT_RULE_FALSE');
    }
    if (input.identityDiffers(person, account)) return review(person, 'IDENTITY_CHANGED', account);
    if (other !== undefined) return review(person, 'ID_AND_EMAIL_DIFFER', account, other);
    if (!account.active) {
      return add('reactivate', { person, target: noTarget, reason: 'BACK_ON_ROSTER' }) ? 'here' : 'neither';
    }
    if (references.any) undecided.push(person);
    else decideUpdate(person, account);
    return 'here';
  }

  function decideUpdate(person: number, account: Account): void {
    const sketch: Sketch = { person, target: noTarget, reason: 'FIELDS_DIFFER' };
    if (fieldsThatDiffer(person, account, wantedFields(person, account)).length > 0) add('update', sketch);
    // What was rejected is not settled while it only waits for somebody else.
    else if (references.any) isSuppressed('update', sketch);
  }

  /** What could not be told before all accounts are: who refers to whom. */
  function settleReferences(): void {
    if (!references.any) return;
    for (const person of creates) newcomers.add(person);
    for (const person of undecided) {
      const account = matches.accounts.get(person);
      if (account !== undefined) decideUpdate(person, account);
    }
    const lacks = (person: number): boolean => {
      const values = people.values(person);
      const account = matches.accounts.get(person);
      const wanted = references.wanted(values, account && references.told(account));
      return Object.keys(values).some((name) => values[name] !== '' && wanted[name] === '');
    };
    unreferred = [...creates, ...undecided].filter(lacks).length;
  }

  function isFrozen(account: Account): boolean {
    return matches.frozen.has(keyOf(account));
  }

  function decideMissing(person: number, account: Account | undefined): Standing {
    if (account?.active !== true) return 'neither';
    missing.push(people.idOf(person));
    if (isFrozen(account) || !circumstances.absenceIsDue(people.idOf(person))) return 'neither';
    return remove(person, 'ABSENT');
  }

  function decideCreate(person: number): Standing {
    if (people.has(person, flag.linked) && circumstances.platformShrunk) return 'neither';
    const values = people.values(person);
    if (isNameless(person) || required.some((name) => (values[name] ?? '') === ''))
      return review(person, 'FIELD_MISSING', undefined);
    people.set(person, flag.created);
    if (isSuppressed('create', asCreate(person))) return 'neither';
    creates.push(person);
    return 'here';
  }

  /** Without an email there, nobody can be told apart where emails are all there is. */
  function isNameless(person: number): boolean {
    return platform.matchBy === 'email' && people.emailOf(person) === null;
  }

  const departure = departureOf(platform);

  function remove(person: number, reason: ChangeReason): Standing {
    if (departure.deactivates && !people.has(person, flag.protectDeactivate))
      add('deactivate', { person, target: noTarget, reason });
    return 'leaves';
  }

  function decideWithoutAccount(person: number): Standing {
    if (people.has(person, flag.missing)) {
      if (!platform.targets.some((_, target) => members.has(target, person))) return 'neither';
      missing.push(people.idOf(person));
      const email = people.linkOf(person)?.email ?? null;
      const isClaimed = email !== null && matches.frozen.has(email);
      return !isClaimed && circumstances.absenceIsDue(people.idOf(person)) ? 'leaves' : 'neither';
    }
    if (!people.has(person, flag.wants))
      return people.has(person, flag.linked | flag.adopted) ? 'leaves' : 'neither';
    return isNameless(person) && platform.targets.some((_, target) => people.wantsTarget(person, target))
      ? review(person, 'FIELD_MISSING', undefined)
      : 'here';
  }

  function decideEnrollments(person: number, standing: Standing): void {
    const leaverGoes = standing === 'leaves' && departure.unenrolls;
    if (standing !== 'here' && !leaverGoes) return;
    for (const [at, target] of platform.targets.entries()) {
      if (target.closed) continue;
      const isMember = members.has(at, person);
      const wanted = standing === 'here' && people.wantsTarget(person, at);
      const completed =
        target.isTraining &&
        (members.completed(at, person) || circumstances.hasCompleted(target.id, people.idOf(person)));
      if (wanted) {
        if (!completed) keepEnrolled(person, at, isMember);
      } else if (isMember && !(completed && target.keepCompleted)) unenrollAll(person, at);
    }
  }

  function keepEnrolled(person: number, target: number, isMember: boolean): void {
    if (!isMember) {
      add('enroll', { person, target, reason: 'TARGET_RULE_TRUE' });
      return;
    }
    const reason = 'EMAIL_MOVED';
    // Nobody leaves under the old email before they are enrolled under the new one.
    if (members.hasMoved(target, person) && !add('enroll', { person, target, reason })) return;
    for (const ref of members.oldRefs(target, person)) unenroll({ person, target, reason, ref });
  }

  function unenrollAll(person: number, target: number): void {
    const reason = people.has(person, flag.missing)
      ? 'ABSENT'
      : people.has(person, flag.terminated)
        ? 'TERMINATED'
        : people.has(person, flag.wants)
          ? 'TARGET_RULE_FALSE'
          : 'ACCOUNT_RULE_FALSE';
    for (const ref of members.oldRefs(target, person)) unenroll({ person, target, reason, ref });
    if (!members.hasMoved(target, person)) unenroll({ person, target, reason });
  }

  function unenroll(sketch: Sketch): void {
    if (!people.has(sketch.person, flag.protectUnenroll)) add('unenroll', sketch);
  }

  function draw(kind: ChangeKind, sketch: Sketch): Change {
    const { person } = sketch;
    const account = matches.accounts.get(person);
    const target = platform.targets[sketch.target]?.id ?? null;
    let before: AccountFields | null = null;
    let after: AccountFields | null = null;
    let changed: readonly string[] = [];
    let ref = sketch.ref ?? input.refOf(person);
    if (kind === 'create') {
      after = references.wanted(people.values(person));
      changed = platform.fields.map((field) => field.name);
      ref = { id: null, externalId: people.idOf(person), email: people.emailOf(person) };
    } else if ((kind === 'update' || kind === 'reactivate') && account !== undefined) {
      const theirs = references.told(account);
      after = wantedFields(person, account);
      changed = fieldsThatDiffer(person, account, after);
      // What the platform does not give back has no value before: nobody knows it.
      before = Object.fromEntries(
        changed.flatMap((name) => {
          const value = theirs.fields[name];
          return value === undefined && hiddenNames.has(name) ? [] : [[name, value ?? '']];
        }),
      );
    } else if (kind === 'deactivate' && account !== undefined) before = references.told(account).fields;
    const awaits = after === null ? undefined : references.awaited(after);
    const change = {
      kind,
      person: people.idOf(person),
      target,
      ref,
      before,
      after,
      changed,
      reason: sketch.reason,
    };
    // Whether somebody comes back is decided before it is known who else has an account.
    const named = kind === 'reactivate' && references.any ? asNamed(person, change) : {};
    return {
      ...change,
      fingerprint: fingerprintOf({ ...change, ...named }),
      ...(awaits === undefined ? {} : { awaits }),
    };
  }

  for (let person = 0; person < people.size(); person++) {
    if (people.has(person, flag.rejected | flag.ignored | flag.review)) continue;
    const standing = platform.accounts === 'write' ? decideAccount(person) : decideWithoutAccount(person);
    if (platform.targets.length > 0) decideEnrollments(person, standing);
  }

  const byText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
  settleReferences();
  const depths = references.any
    ? depthsOf(creates, (person) => {
        const awaited = references.awaited(people.values(person));
        return awaited === undefined ? -1 : people.find(awaited);
      })
    : undefined;
  const depthOf = (person: number): number => depths?.get(person) ?? 0;
  // Whose account others refer to is made before theirs.
  creates.sort((a, b) => depthOf(a) - depthOf(b) || byText(people.idOf(a), people.idOf(b)));
  for (const kind of sketchedKinds) {
    sketches[kind].sort(
      (a, b) =>
        a.target - b.target ||
        byText(people.idOf(a.person), people.idOf(b.person)) ||
        byText(a.ref?.email ?? '', b.ref?.email ?? ''),
    );
  }

  return {
    count: (kind) => (kind === 'create' ? creates.length : sketches[kind].length),
    *changes() {
      for (const person of creates) yield draw('create', asCreate(person));
      for (const kind of sketchedKinds) for (const sketch of sketches[kind]) yield draw(kind, sketch);
    },
    reviews: reviews.sort((a, b) => byText(a.person, b.person)),
    missing: missing.sort(byText),
    withheld,
    suppressed,
    unreferred,
  };
}

function asCreate(person: number): Sketch {
  return { person, target: noTarget, reason: 'NEW_PERSON' };
}
