import { type RawBuilder, sql } from 'kysely';

/** A value as `jsonb`. Arrays need it: the driver would send them as PostgreSQL arrays. */
export function jsonb<T>(value: T): RawBuilder<T> {
  return sql<T>`${JSON.stringify(value)}::jsonb`;
}
