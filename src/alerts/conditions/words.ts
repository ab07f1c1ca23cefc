import type { RunReason } from '../../store/schema.ts';

/** A time as on-call reads it: `2026-11-22 03:30 UTC`. */
export function at(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Names in a row. */
export function listed(names: readonly string[]): string {
  return names.join(', ');
}

/** A number with the word that fits it. */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** How many there are of each code, the most frequent first: `EMAIL_INVALID 3, ID_MISSING 1`. */
export function codesInWords(of: readonly { readonly code: string }[]): string {
  const counts = new Map<string, number>();
  for (const { code } of of) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${count}`)
    .join(', ');
}

/** What reasons say, each as a whole sentence, without what on-call must not see. */
export function sentences(reasons: readonly RunReason[]): string {
  return reasons
    .map(({ message, brief = message }) => (/[.!?]$/.test(brief) ? brief : `${brief}.`))
    .join(' ');
}

/** What makes a command find the configuration from its folder: nothing where it has the usual name. */
export function commandSuffix(file: string): string {
  if (/(^|[\\/])rollcall\.yaml$/.test(file)) return '';
  return /^[\w./~-]+$/.test(file) ? ` -c ${file}` : ` -c '${file.replaceAll("'", `'\\''`)}'`;
}
