import type { Kysely, Selectable } from 'kysely';
import { insertMany } from './database.ts';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';

export type Approval = Selectable<Tables['approvals']>;
export type Suppression = Selectable<Tables['suppressions']>;
export type Review = Selectable<Tables['reviews']>;

/** What people decided: approvals of held changes, and what must not be proposed again. */
export type DecisionStore = {
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

/** Decisions in that database. */
export function createDecisionStore(db: Kysely<Tables>): DecisionStore {
  return {
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
    approval: (id) => db.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirst(),
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
