import type { z } from 'zod';

// Every field of an answer is one of three kinds, and its schema says which:
//
// - needed: a plain zod type. Null, nothing, another type or an unknown word fails the call, with the full path.
// - `maybe(type)`: null or nothing means empty. Another type fails the call: it would be read as empty, and written over.
// - `idle(type)`: shown to people, or not even that. A run does not need it, so whatever does not fit counts as nothing.
//
// What is in no schema is not read at all.

/** A field that may be empty: null and nothing are the same, anything else has to be of the type. */
export function maybe<T extends z.ZodType>(type: T) {
  return type.nullish();
}

/** A field that no run needs: what is not of the type counts as nothing. */
export function idle<T extends z.ZodType>(type: T) {
  return type.nullish().catch(undefined);
}
