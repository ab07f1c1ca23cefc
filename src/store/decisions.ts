import { type Kysely, type Selectable, sql } from 'kysely';
import { noChanges } from '../change.ts';
import { insertMany } from './database.ts';
import { jsonb } from './json.ts';
import { createRunStore, type NewRun } from './runs.ts';
import type { Tables } from './schema.ts';
import type { StoredTimes } from './times.ts';

export type Approval = Selectable<Tables['approvals']>;
export type Suppression = Selectable<Tables['suppressions']>;
export type Rejection = Selectable<Tables['rejections']>;
export type Review = Selectable<Tables['reviews']>;

/** Who decides a hold, and when. `by` says from where, too. */
export type HoldDecision = { readonly by: string; readonly atMs: number };

/** A held change, as far as its rejection has to know it. */
export type HeldChange = Pick<Selectable<Tables['changes']>, 'person' | 'kind' | 'fingerprint' | 'target'>;

/** The hash that names held changes, from their fingerprints. */
export type HashOf = (fingerprints: readonly string[]) => string;

/** What people decided: approvals of held changes, and what must not be proposed again. */
export type DecisionStore = {
  /**
   * Approves a hold in one step: the approval, the run's decision, and the run that will use it, so that nothing is lost
   * between them. False, with nothing stored, when the hold was decided or has expired meanwhile.
   */
  readonly approveHold: (
    approval: Omit<Approval, 'used_by'>,
    next: NewRun,
    decision: HoldDecision,
  ) => Promise<boolean>;
  /** Rejects a hold in one step; false when it was decided meanwhile. */
  readonly rejectHold: (
    rejection: Omit<Rejection, 'withdrawn_by' | 'withdrawn_ms'>,
    suppressions: readonly Suppression[],
    decision: HoldDecision,
  ) => Promise<boolean>;
  /**
   * Rejects what a run holds of some people in one step; the rest waits on, under the hash of what is left. Null, with
   * nothing stored, when the hold was decided meanwhile or is not what was reviewed; else the changes that it is of.
   */
  readonly rejectSome: (
    rejection: Omit<Rejection, 'withdrawn_by' | 'withdrawn_ms' | 'changes'>,
    people: readonly string[],
    options: {
      /** The hash of what was reviewed. */
      readonly hash: string | null;
      readonly suppressionOf: ((change: HeldChange) => Suppression) | null;
      readonly hashOf: HashOf;
    },
  ) => Promise<number | null>;
  /**
   * Takes the rejection of a run back in one step: what it keeps from being proposed may be again, and the hold waits
   * again unless a newer plan took its place. Null when nothing of it stands any more.
   */
  readonly withdrawRejection: (
    run: string,
    decision: HoldDecision,
    hashOf: HashOf,
  ) => Promise<{ readonly changes: number; readonly reopened: boolean } | null>;
  /** The rejections of a run's hold, oldest first. */
  readonly rejectionsOf: (run: string) => Promise<readonly Rejection[]>;
  /** A run that failed before it planned gives its approval back: the hold waits again. True when it did. */
  readonly reopenHold: (approval: string, failedRun: string) => Promise<boolean>;
  readonly suppressionsOfPerson: (
    customer: string,
    person: string,
    nowMs: number,
  ) => Promise<readonly Suppression[]>;
  readonly suppressionsOfRun: (run: string) => Promise<readonly Suppression[]>;
  readonly approve: (approval: Omit<Approval, 'used_by'>) => Promise<void>;
  readonly approval: (id: string) => Promise<Approval | undefined>;
  readonly approvalsOf: (run: string) => Promise<readonly Approval[]>;
  readonly suppress: (suppressions: readonly Suppression[]) => Promise<void>;
  readonly suppressions: (
    customer: string,
    platform: string,
    nowMs: number,
  ) => Promise<readonly Suppression[]>;
  readonly dropSuppressions: (ids: readonly string[]) => Promise<void>;
  readonly reviews: (customer: string, platform?: string) => Promise<readonly Review[]>;
  readonly dropReview: (customer: string, platform: string, person: string) => Promise<void>;
};

const listOf = (people: readonly string[]) =>
  sql`select json_array_elements_text(${JSON.stringify(people)}::json) collate "C"`;

/** What was rejected of a run waits again; returns how many changes. */
async function holdAgain(tx: Kysely<Tables>, run: string, hashOf: HashOf): Promise<number> {
  const again = await tx
    .updateTable('changes')
    .set({ disposition: 'held' })
    .where('run_id', '=', run)
    .where('disposition', '=', 'rejected')
    .executeTakeFirst();
  if (again.numUpdatedRows > 0n) await holdWhatIsLeft(tx, run, hashOf);
  return Number(again.numUpdatedRows);
}

/** A run holds what waits of it, under the hash of that. */
async function holdWhatIsLeft(tx: Kysely<Tables>, run: string, hashOf: HashOf): Promise<void> {
  const left = await tx
    .selectFrom('changes')
    .select(['kind', 'fingerprint'])
    .where('run_id', '=', run)
    .where('disposition', '=', 'held')
    .execute();
  const held = noChanges();
  for (const { kind } of left) held[kind]++;
  const hash = hashOf(left.map(({ fingerprint }) => fingerprint));
  await tx
    .updateTable('runs')
    .set({ hash, held: jsonb(held) })
    .where('id', '=', run)
    .execute();
}

/** Decisions in that database. */
export function createDecisionStore(db: Kysely<Tables>, times: StoredTimes): DecisionStore {
  const decideHold = async (
    tx: Kysely<Tables>,
    run: string,
    decided: 'approved' | 'rejected',
    decision: HoldDecision,
    hash?: string,
  ): Promise<boolean> => {
    let update = tx
      .updateTable('runs')
      .set({ decided, decided_by: decision.by, decided_ms: decision.atMs })
      .where('id', '=', run)
      .where('decided', 'is', null);
    update =
      decided === 'approved'
        ? update
            .where('hold_expires_ms', '>', decision.atMs)
            // Planned under another clock, it would expire at a time that says nothing.
            .where('planned_ms', '<=', times.latestMs('created'))
            // Some of it may have been rejected since it was looked at.
            .where('hash', '=', hash ?? '')
        : update.where('hold_expires_ms', 'is not', null);
    const done = await update.executeTakeFirst();
    return done.numUpdatedRows > 0n;
  };
  return {
    approveHold: (approval, next, decision) =>
      db.transaction().execute(async (tx) => {
        if (!(await decideHold(tx, approval.run_id, 'approved', decision, approval.hash))) return false;
        await createDecisionStore(tx, times).approve(approval);
        await createRunStore(tx, times).begin(next, decision.atMs);
        return true;
      }),
    rejectHold: (rejection, suppressions, decision) =>
      db.transaction().execute(async (tx) => {
        if (!(await decideHold(tx, rejection.run_id, 'rejected', decision))) return false;
        await insertMany(tx, 'suppressions', suppressions);
        await tx
          .insertInto('rejections')
          .values({ ...rejection, withdrawn_by: null, withdrawn_ms: null })
          .execute();
        return true;
      }),
    rejectSome: (rejection, people, { hash, suppressionOf, hashOf }) =>
      db.transaction().execute(async (tx) => {
        const run = await tx
          .selectFrom('runs')
          .select(['hash'])
          .where('id', '=', rejection.run_id)
          .where('hold_expires_ms', 'is not', null)
          .where('decided', 'is', null)
          .forUpdate()
          .executeTakeFirst();
        if (run === undefined || (hash !== null && run.hash !== hash)) return null;
        const rejected = await tx
          .updateTable('changes')
          .set({ disposition: 'rejected' })
          .where('run_id', '=', rejection.run_id)
          .where('disposition', '=', 'held')
          .where(sql<boolean>`person in (${listOf(people)})`)
          .returning(['person', 'kind', 'fingerprint', 'target'])
          .execute();
        if (suppressionOf !== null) await insertMany(tx, 'suppressions', rejected.map(suppressionOf));
        await tx
          .insertInto('rejections')
          .values({ ...rejection, changes: rejected.length, withdrawn_by: null, withdrawn_ms: null })
          .execute();
        await holdWhatIsLeft(tx, rejection.run_id, hashOf);
        return rejected.length;
      }),
    withdrawRejection: (id, { by, atMs }, hashOf) =>
      db.transaction().execute(async (tx) => {
        const runs = createRunStore(tx, times);
        await tx.selectFrom('runs').select('id').where('id', '=', id).forUpdate().execute();
        const run = await runs.find(id);
        if (run === undefined) return null;
        const dropped = await tx
          .deleteFrom('suppressions')
          .where('run_id', '=', id)
          .where('cause', '=', 'rejected')
          .executeTakeFirst();
        const suppressed = Number(dropped.numDeletedRows);
        const isOpen = run.decided === null || run.decided === 'rejected';
        const again = isOpen ? await holdAgain(tx, id, hashOf) : 0;
        const changes = Math.max(suppressed, again);
        if (changes === 0 && run.decided !== 'rejected') return null;
        await tx
          .updateTable('rejections')
          .set({ withdrawn_by: by, withdrawn_ms: atMs })
          .where('run_id', '=', id)
          .where('withdrawn_ms', 'is', null)
          .execute();
        if (run.decided !== 'rejected') return { changes, reopened: run.decided === null };
        const isReplaced = run.undoes === null && (await runs.replacing(run)) !== undefined;
        await tx
          .updateTable('runs')
          .set({ decided: isReplaced ? 'replaced' : null, decided_by: null, decided_ms: null })
          .where('id', '=', id)
          .where('decided', '=', 'rejected')
          .execute();
        return { changes, reopened: !isReplaced };
      }),
    rejectionsOf: (run) =>
      db.selectFrom('rejections').selectAll().where('run_id', '=', run).orderBy('created_ms').execute(),
    reopenHold: (approval, failedRun) =>
      db.transaction().execute(async (tx) => {
        const unused = await tx
          .updateTable('approvals')
          .set({ used_by: failedRun })
          .where('id', '=', approval)
          .where('used_by', 'is', null)
          .returning('run_id')
          .executeTakeFirst();
        if (unused === undefined) return false;
        const runs = createRunStore(tx, times);
        const held = await runs.find(unused.run_id);
        if (held?.decided !== 'approved') return false;
        const isReplaced = held.undoes === null && (await runs.replacing(held)) !== undefined;
        await tx
          .updateTable('runs')
          .set({ decided: isReplaced ? 'replaced' : null, decided_by: null, decided_ms: null })
          .where('id', '=', held.id)
          .execute();
        return !isReplaced;
      }),
    suppressionsOfPerson: (customer, person, nowMs) =>
      db
        .selectFrom('suppressions')
        .selectAll()
        .where('customer', '=', customer)
        .where('person', '=', person)
        .where((eb) => eb.or([eb('until_ms', 'is', null), eb('until_ms', '>', nowMs)]))
        .orderBy('created_ms')
        .execute(),
    suppressionsOfRun: (run) => db.selectFrom('suppressions').selectAll().where('run_id', '=', run).execute(),
    approve: async (approval) => {
      await db
        .insertInto('approvals')
        .values({
          ...approval,
          people: approval.people === null ? null : jsonb(approval.people),
          used_by: null,
        })
        .execute();
    },
    approval: async (id) => {
      const approval = await db.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirst();
      if (approval === undefined) return undefined;
      const isCredible = times.credible('approved', approval.created_ms, id) !== null;
      return isCredible ? approval : { ...approval, expires_ms: 0 };
    },
    approvalsOf: (run) =>
      db.selectFrom('approvals').selectAll().where('run_id', '=', run).orderBy('created_ms').execute(),
    suppress: (suppressions) => insertMany(db, 'suppressions', suppressions),
    suppressions: (customer, platform, nowMs) =>
      db
        .selectFrom('suppressions')
        .selectAll()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where((eb) => eb.or([eb('until_ms', 'is', null), eb('until_ms', '>', nowMs)]))
        .execute(),
    dropSuppressions: async (ids) => {
      if (ids.length > 0)
        await db
          .deleteFrom('suppressions')
          .where('id', 'in', [...ids])
          .execute();
    },
    reviews: (customer, platform) => {
      let query = db.selectFrom('reviews').selectAll().where('customer', '=', customer);
      if (platform !== undefined) query = query.where('platform', '=', platform);
      return query.orderBy('platform').orderBy('person').execute();
    },
    dropReview: async (customer, platform, person) => {
      await db
        .deleteFrom('reviews')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('person', '=', person)
        .execute();
    },
  };
}
