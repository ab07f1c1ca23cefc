import { RE2JS } from 're2js';

/** The longest regular expression of a configuration, in characters. */
const longestPattern = 1_000;
/** Compiled patterns that are kept. A rule has one; one that takes its pattern from a cell has as many as there are cells. */
const keptPatterns = 200;

/**
 * A regular expression of a configuration: RE2's syntax (https://github.com/google/re2/wiki/Syntax), as CEL has it, in time
 * that grows with the text and no faster, whatever the pattern. JavaScript's own takes minutes over `^(a+)+$` and forty
 * letters. Pure.
 */
export type Pattern = {
  /** Whether the pattern is found anywhere in the text. */
  readonly test: (text: string) => boolean;
  /** What the named group caught, where the pattern was first found; null when it was not. */
  readonly group: (text: string, name: string) => string | null;
};

const kept = new Map<string, Pattern>();

/** Throws a SyntaxError that says what is wrong, for people. */
export function pattern(source: string): Pattern {
  const known = kept.get(source);
  if (known !== undefined) return known;
  if (source.length > longestPattern)
    throw new SyntaxError(`a regular expression may have ${longestPattern} characters`);
  const made = compile(source);
  const [oldest] = kept.keys();
  if (kept.size >= keptPatterns && oldest !== undefined) kept.delete(oldest);
  kept.set(source, made);
  return made;
}

function compile(source: string): Pattern {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'it is wrong';
    const without = /\(\?(=|!|<=|<!)|\\[1-9]/.test(source)
      ? '; there are no look-aheads and no back-references, because their time has no bound'
      : '';
    throw new SyntaxError(`not a regular expression: ${why}${without}`);
  }
  return {
    test: (text) => compiled.test(text),
    group: (text, name) => {
      const matcher = compiled.matcher(text);
      return matcher.find() ? (matcher.group(name) ?? '') : null;
    },
  };
}
