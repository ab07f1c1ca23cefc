import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { ErrorCode, Place } from '../errors.ts';
import type { ConfigIssue, KeyPath } from './issues.ts';
import { formatKey } from './issues.ts';

/** A text that came from outside the file, and the scalar of the file that it became part of. */
export type Secret = { readonly value: string; readonly reference: string; readonly scalar: Scalar };

/**
 * One parsed YAML file: its data, and the place of every key. Secrets that were filled in are remembered, so that no
 * issue can repeat them.
 */
export class ConfigDocument {
  readonly file: string;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #secrets: Secret[] = [];

  private constructor(file: string, document: Document.Parsed, lines: LineCounter) {
    this.file = file;
    this.#document = document;
    this.#lines = lines;
  }

  /**
   * Parses the text of `file`. The issues are what is wrong with the YAML: `torn` says that the data cannot be trusted
   * to be what the author meant, so that looking further would only bring up consequences.
   */
  static parse(
    file: string,
    text: string,
  ): { document: ConfigDocument; issues: readonly ConfigIssue[]; torn: boolean } {
    const lines = new LineCounter();
    // Pretty errors quote the line they are about, and with it whatever secret is written there.
    const parsed = parseDocument(text, { prettyErrors: false, lineCounter: lines });
    const document = new ConfigDocument(file, parsed, lines);
    const duplicates = parsed.errors.filter((error) => error.code === 'DUPLICATE_KEY');
    const broken = parsed.errors.find((error) => error.code !== 'DUPLICATE_KEY');
    const issues = [
      ...duplicates.map((error) => document.#issueAt(error.pos[0], 'the key is there twice')),
      ...parsed.warnings.map((warning) => document.#issueAt(warning.pos[0], yamlProblem(warning.message))),
    ];
    // What follows the first syntax error is mostly its echo.
    if (broken !== undefined) {
      const unquoted = broken.code === 'UNEXPECTED_TOKEN' && text[broken.pos[0] - 1] === '$';
      const message = unquoted
        ? `inside { } or [ ] a reference has to be quoted: "\${NAME}"`
        : `not valid YAML: ${yamlProblem(broken.message)}`;
      issues.push(document.#issueAt(broken.pos[0], message));
    }
    visit(parsed, {
      Alias(_, alias) {
        if (alias.resolve(parsed) === undefined) {
          issues.push(
            document.#issueAt(alias.range?.[0] ?? 0, 'no anchor of that name comes before this alias'),
          );
        }
      },
    });
    if (issues.length === duplicates.length && !expands(parsed)) {
      issues.push(document.issue([], 'the aliases of this file refer to themselves, or to too much'));
    }
    return { document, issues, torn: issues.length > duplicates.length };
  }

  /** The data as plain values, secrets filled in. */
  data(): unknown {
    return this.#document.toJS();
  }

  /** Whether the file itself has that key at its top. */
  has(key: string): boolean {
    return this.#node([key]) !== undefined;
  }

  /** Files that a `${file:PATH}` of this one names, as it names them. */
  get secretFiles(): readonly string[] {
    return this.#secrets.flatMap(({ reference }) => {
      const path = /^\$\{file:(.*)\}$/.exec(reference)?.[1];
      return path === undefined ? [] : [path];
    });
  }

  /** All scalars that are values, not keys. */
  values(): readonly Scalar[] {
    const found: Scalar[] = [];
    visit(this.#document, {
      Scalar(key, scalar) {
        if (key !== 'key') found.push(scalar);
      },
    });
    return found;
  }

  /** All texts, references filled in, with their places. They hold secrets. */
  texts(): readonly { readonly path: KeyPath; readonly text: string }[] {
    return this.values().flatMap((scalar) =>
      typeof scalar.value === 'string' ? [{ path: this.#pathOf(scalar), text: scalar.value }] : [],
    );
  }

  /** Texts that stand in the file itself, with their places: no part of them came from a reference. */
  plainValues(): readonly { readonly path: KeyPath; readonly text: string }[] {
    const filled = new Set(this.#secrets.map(({ scalar }) => scalar));
    return this.values()
      .filter((scalar) => scalar.value !== '' && !filled.has(scalar))
      .flatMap((scalar) =>
        typeof scalar.value === 'string' ? [{ path: this.#pathOf(scalar), text: scalar.value }] : [],
      );
  }

  /** Replaces the text of a scalar, and remembers which parts of it must not be repeated. */
  fill(scalar: Scalar, text: string, secrets: readonly Omit<Secret, 'scalar'>[]): void {
    scalar.value = text;
    // Without its source, the scalar cannot be read back as a number or a boolean that it was not written as.
    delete scalar.source;
    for (const secret of secrets) if (secret.value !== '') this.#secrets.push({ ...secret, scalar });
  }

  /**
   * A problem with the value at `path`; of a key that is missing, with the mapping that lacks it. No secret is
   * repeated: a message that has a part of the value at `path` is replaced, other secrets by their reference.
   */
  issue(path: KeyPath, message: string, code: ErrorCode = 'CONFIG_INVALID'): ConfigIssue {
    return { code, message: this.#withoutSecrets(path, message), place: this.placeOf(path) };
  }

  /** A problem with the key at the end of `path`, not with its value. */
  keyIssue(path: KeyPath, message: string): ConfigIssue {
    const offset = this.#pair(path)?.key.range?.[0] ?? this.#offset(path);
    return {
      code: 'CONFIG_INVALID',
      message: this.#withoutSecrets([], message),
      place: this.#place(offset, path),
    };
  }

  /** A problem with a scalar, wherever it is. */
  scalarIssue(scalar: Scalar, message: string, code: ErrorCode = 'CONFIG_INVALID'): ConfigIssue {
    return { code, message, place: this.#place(scalar.range?.[0] ?? 0, this.#pathOf(scalar)) };
  }

  /** File, line, column and key of the value at `path`. */
  placeOf(path: KeyPath): Place {
    return this.#place(this.#offset(path), path);
  }

  #issueAt(offset: number, message: string): ConfigIssue {
    return { code: 'CONFIG_INVALID', message, place: this.#place(offset, this.#pathAt(offset)) };
  }

  #place(offset: number, path: KeyPath): Place {
    const { line, col } = this.#lines.linePos(offset);
    const key = formatKey(path);
    // An empty file has no line yet.
    return {
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      ...(key === '' ? {} : { key }),
    };
  }

  #resolved(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isNode(node) ? node : undefined;
  }

  #node(path: KeyPath): Node | undefined {
    let node = this.#resolved(this.#document.contents);
    for (const part of path) {
      if (isMap(node)) node = this.#resolved(pairOf(node, part)?.value);
      else if (isSeq(node)) node = this.#resolved(node.items[Number(part)]);
      else return undefined;
    }
    return node;
  }

  #pair(path: KeyPath): { key: Scalar; value: unknown } | undefined {
    const parent = this.#node(path.slice(0, -1));
    const pair = isMap(parent) ? pairOf(parent, path.at(-1) ?? '') : undefined;
    return pair !== undefined && isScalar(pair.key) ? { key: pair.key, value: pair.value } : undefined;
  }

  /** Of a scalar its own start; of a mapping or list that of its key; of what is missing that of what lacks it. */
  #offset(path: KeyPath): number {
    if (path.length === 0) return 0;
    const pair = this.#pair(path);
    if (pair !== undefined) {
      const value = pair.value;
      const isWritten = isScalar(value) && value.range?.[0] !== value.range?.[1];
      const start = isWritten || isAlias(value) ? value.range?.[0] : undefined;
      return start ?? pair.key.range?.[0] ?? 0;
    }
    return this.#node(path)?.range?.[0] ?? this.#offset(path.slice(0, -1));
  }

  #pathOf(wanted: Node): KeyPath {
    let found: KeyPath = [];
    visit(this.#document, {
      Node(key, node, ancestors) {
        if (node !== wanted) return undefined;
        found = pathFrom(key, ancestors as readonly (Document | Node | Pair)[]);
        return visit.BREAK;
      },
    });
    return found;
  }

  #pathAt(offset: number): KeyPath {
    let found: KeyPath = [];
    visit(this.#document, {
      Pair(key, pair, ancestors) {
        const start = isNode(pair.key) ? pair.key.range?.[0] : undefined;
        if (start === undefined || start > offset) return;
        const end = isNode(pair.value) ? pair.value.range?.[2] : undefined;
        if (end !== undefined && end <= offset) return;
        found = [...pathFrom(key, ancestors as readonly (Document | Node | Pair)[]), keyText(pair.key)];
      },
    });
    return found;
  }

  #scalarsUnder(path: KeyPath): ReadonlySet<Scalar> {
    const found = new Set<Scalar>();
    const root = this.#node(path);
    if (root === undefined) return found;
    const seen = new Set<Node>();
    const add = (node: Node): void => {
      if (seen.has(node)) return;
      seen.add(node);
      visit(node, {
        Scalar: (_, scalar) => void found.add(scalar),
        Alias: (_, alias) => {
          const target = this.#resolved(alias);
          if (target !== undefined) add(target);
        },
      });
    };
    add(root);
    return found;
  }

  #withoutSecrets(path: KeyPath, message: string): string {
    const own = this.#scalarsUnder(path);
    const echoed = this.#secrets.find((secret) => own.has(secret.scalar) && hasPartOf(message, secret.value));
    if (echoed !== undefined) return `the value from ${echoed.reference} is not accepted here`;
    // A very short text is in every message by chance, and its own scalar was looked at above.
    return this.#secrets
      .filter((secret) => secret.value.length >= 6)
      .reduce((text, secret) => text.replaceAll(secret.value, secret.reference), message);
  }
}

/** Whether the data is finite: an alias inside its own anchor, or one that multiplies, is not. */
function expands(document: Document): boolean {
  try {
    JSON.stringify(document.toJS({ maxAliasCount: 100 }));
    return true;
  } catch {
    return false;
  }
}

function pairOf(map: YAMLMap, key: string | number): Pair | undefined {
  return map.items.find((pair) => keyText(pair.key) === String(key));
}

function keyText(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

/** The path of what `visit` calls `key` under `ancestors`; a pair gives its key when its value is visited. */
function pathFrom(
  key: number | 'key' | 'value' | null,
  ancestors: readonly (Document | Node | Pair)[],
): KeyPath {
  const path: (string | number)[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    const next = ancestors[index + 1];
    if (isPair(ancestor)) path.push(keyText(ancestor.key));
    else if (isSeq(ancestor)) path.push(next === undefined ? Number(key) : ancestor.items.indexOf(next));
  }
  return path;
}

/** Whether six characters in a row of `secret` (all of it, when it is shorter) are in `text`, in any case. */
function hasPartOf(text: string, secret: string): boolean {
  const haystack = text.toLowerCase();
  const needle = secret.toLowerCase();
  const size = Math.min(6, needle.length);
  for (let start = 0; start + size <= needle.length; start += 1) {
    if (haystack.includes(needle.slice(start, start + size))) return true;
  }
  return false;
}

/** The parser's words without the source text that it quotes after them. */
function yamlProblem(message: string): string {
  if (/compact mappings|same column/i.test(message))
    return 'the indentation does not fit: keys of one mapping begin in one column, and a text with a colon and a space in it needs quotes';
  if (/implicit map key needs|single line/i.test(message))
    return 'a key has no colon behind it, or what follows it is indented as if it had one';
  if (/escape sequence/i.test(message))
    return 'in double quotes a backslash begins an escape: write the text in single quotes, and a path with /';
  const words = message.replace(/: ".*$/s, '').replace(/;.*$/s, '');
  return words.charAt(0).toLowerCase() + words.slice(1);
}
