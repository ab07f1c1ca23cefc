import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeMismatch } from '../../src/providers/mismatch.ts';

function said(schema: z.ZodType, body: unknown): string {
  const { error } = schema.safeParse(body);
  if (error === undefined) throw new Error('it fits');
  return describeMismatch(error, body);
}

const item = z.object({ email: z.string(), acknowledgement: z.string() });
const rows = z.object({ data: z.array(z.union([z.object({ items: z.array(item) }), item])) });

describe('what does not fit', () => {
  it('is told by its full path, what came and what was expected', () => {
    const schema = z.object({ data: z.array(z.object({ id: z.string().min(1), n: z.number() })) });
    expect(
      said(schema, {
        data: [
          { id: 'a', n: 1 },
          { id: null, n: 1 },
        ],
      }),
    ).toBe('data.1.id: null, expected string');
    expect(said(schema, { data: [{ n: 1 }] })).toBe('data.0.id: nothing, expected string');
    expect(said(schema, { data: [{ id: '', n: 'x' }] })).toBe(
      'data.0.id: string, expected at least 1 character (and 1 more)',
    );
    expect(said(schema, { data: {} })).toBe('data: object, expected array');
    expect(said(schema, [])).toBe('body: array, expected object');
    expect(said(z.object({ s: z.enum(['active', 'inactive']) }), { s: 'Okafor' })).toBe(
      's: string, expected "active" or "inactive"',
    );
    expect(said(z.object({ a: z.int() }), { a: 1.5 })).toBe('a: number, expected int');
  });

  it('in a union is told of the shape that was nearest', () => {
    const ok = { email: 'a@example.com', acknowledgement: 'SENT' };
    expect(said(rows, { data: [{ items: [ok, ok, ok, { ...ok, acknowledgement: true }] }] })).toBe(
      'data.0.items.3.acknowledgement: boolean, expected string, by shape 1 of 2, the nearest',
    );
    expect(said(rows, { data: [{ ...ok, acknowledgement: true }] })).toBe(
      'data.0.acknowledgement: boolean, expected string, by shape 2 of 2, the nearest',
    );
    expect(said(z.object({ v: z.union([z.string(), z.number()]) }), { v: true })).toBe(
      'v: boolean, expected string or number',
    );
    expect(said(z.object({ v: z.union([z.string(), z.number()]).nullish() }), { v: [] })).toBe(
      'v: array, expected string or number',
    );
  });

  it('never says what the value was', () => {
    const secret = 'zoe.okafor@example.com';
    expect(said(z.object({ v: z.enum(['a']) }), { v: secret })).not.toContain(secret);
    expect(said(z.object({ v: z.union([z.enum(['a']), z.literal(3)]) }), { v: secret })).not.toContain(
      secret,
    );
    expect(said(z.strictObject({ v: z.string() }), { v: 'x', [secret]: 1 })).not.toContain(secret);
  });
});
