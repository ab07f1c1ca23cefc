import { personFields } from '../person.ts';
import type { Customer } from '../jobs/customer.ts';

/**
 * Of a roster in parts: what rules and `fields` read and a part does not have. It is empty for its people, whatever is meant
 * for them.
 */
export function unmappedInParts({ config, compiler, parts, platforms }: Customer): readonly string[] {
  if (parts[0]?.name === '') return [];
  const rules: (readonly [key: string, rule: string | undefined])[] = [
    ['protect.when', config.protect.when],
    ['ignore.when', config.ignore.when],
  ];
  for (const { name, config: block } of platforms.values()) {
    const key = `platforms.${name}`;
    rules.push([`${key}.accounts`, block.accounts]);
    for (const [field, rule] of Object.entries(block.fields)) rules.push([`${key}.fields.${field}`, rule]);
    for (const [at, { when }] of block.enrollments.entries())
      rules.push([`${key}.enrollments[${at}].when`, when]);
  }
  return parts.flatMap((part) => {
    const own = new Set<string>(part.config.attributes.map((name) => `attributes.${name}`));
    for (const field of personFields) if (part.config.columns[field] !== undefined) own.add(field);
    const state = (part.config.state ?? []).map(
      ({ when }, at) => [`${part.stateKey}[${at}].when`, when] as const,
    );
    const readers = new Map<string, string[]>();
    for (const [key, rule] of [...state, ...rules]) {
      if (rule === undefined) continue;
      for (const read of compiler.reads(rule, key).fields) {
        const column = read.startsWith('manager.') ? 'manager' : read;
        if (column === 'state' || own.has(column)) continue;
        const known = readers.get(column) ?? [];
        if (!known.includes(key)) readers.set(column, [...known, key]);
      }
    }
    return [...readers].map(
      ([column, keys]) =>
        `${part.config.key} (${part.name}) does not map ${column}, which ${keys.join(', ')} ${keys.length === 1 ? 'reads' : 'read'}: it is empty for its people.`,
    );
  });
}
