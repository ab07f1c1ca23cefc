import { createHash } from 'node:crypto';

/** A person's row as a hash: what an undo stays valid for. */
export function hashRow(person: object): string {
  const { line: _line, ...row } = person as { line?: number };
  return createHash('sha256').update(JSON.stringify(row)).digest('hex').slice(0, 32);
}
