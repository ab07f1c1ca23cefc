import { createHash } from 'node:crypto';

/** A person's row as a hash: what an undo stays valid for. */
export function hashRow(person: object): string {
  // Who a manager is besides what the row calls them stands in another row.
  const { line: _line, managedBy: _managedBy, ...row } = person as { line?: number; managedBy?: unknown };
  return createHash('sha256').update(JSON.stringify(row)).digest('hex').slice(0, 32);
}
