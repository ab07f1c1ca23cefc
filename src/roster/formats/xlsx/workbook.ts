import { RollcallError } from '../../../errors.ts';
import { TornContent } from '../../content/content.ts';
import type { Zip, ZipEntry } from '../../content/zip.ts';
import type { DateSystem } from './serial-dates.ts';
import { readXml } from './xml.ts';

/** A sheet with cells, as the workbook lists it. */
export type Sheet = { readonly name: string; readonly part: string; readonly isHidden: boolean };

/** What a workbook consists of. */
export type Workbook = {
  readonly sheets: readonly Sheet[];
  readonly dateSystem: DateSystem;
  readonly sharedStrings: string | undefined;
  readonly styles: string | undefined;
};

/** Where a package says what its document is (ECMA-376 part 2, 6.5.3.2). */
const packageRelations = '_rels/.rels';
const shownSheets = 20;

type Relation = { readonly id: string; readonly kind: string; readonly target: string };

/** The parts of a workbook, read whole one by one. */
export class Parts {
  readonly #zip: Zip;
  readonly #onBytes: (chunk: Buffer) => void;
  readonly #byName: ReadonlyMap<string, ZipEntry>;

  constructor(zip: Zip, onBytes: (chunk: Buffer) => void) {
    this.#zip = zip;
    this.#onBytes = onBytes;
    // Names of parts are the same in any case (ECMA-376 part 2, 6.2.2.3).
    this.#byName = new Map(zip.entries.map((entry) => [keyOf(entry.name), entry]));
  }

  has(name: string): boolean {
    return this.#byName.has(keyOf(name));
  }

  sizeOf(name: string): number {
    return this.#byName.get(keyOf(name))?.sizeBytes ?? 0;
  }

  /** Throws TornContent. */
  async *read(name: string): AsyncGenerator<Buffer> {
    const entry = this.#byName.get(keyOf(name));
    if (entry === undefined) throw new TornContent('a part of the workbook is missing');
    for await (const chunk of this.#zip.read(entry)) {
      this.#onBytes(chunk);
      yield chunk;
    }
  }
}

function keyOf(name: string): string {
  return name.replaceAll('\\', '/').replace(/^\/+/, '').toLowerCase();
}

/** Reads what the workbook says of itself. Throws TornContent. */
export async function readWorkbook(parts: Parts): Promise<Workbook> {
  const main = (await relationsOf(parts, '')).find(({ kind }) => kind === 'officeDocument')?.target;
  const path = main ?? 'xl/workbook.xml';
  const relations = new Map((await relationsOf(parts, path)).map((relation) => [relation.id, relation]));
  const sheets: Sheet[] = [];
  let dateSystem: DateSystem = '1900';
  await readXml(parts.read(path), {
    open: (name, attributes) => {
      if (name === 'workbookPr' && /^(?:1|true)$/.test(attributes['date1904'] ?? '')) dateSystem = '1904';
      if (name !== 'sheet') return;
      const relation = relations.get(attributes['id'] ?? '');
      // Charts and dialogs are sheets without cells.
      if (relation?.kind !== 'worksheet') return;
      const isHidden = (attributes['state'] ?? 'visible') !== 'visible';
      sheets.push({ name: attributes['name'] ?? '', part: relation.target, isHidden });
    },
    close: () => undefined,
    wantsText: () => false,
  });
  const targetOf = (kind: string): string | undefined => {
    const target = [...relations.values()].find((relation) => relation.kind === kind)?.target;
    return target !== undefined && parts.has(target) ? target : undefined;
  };
  return { sheets, dateSystem, sharedStrings: targetOf('sharedStrings'), styles: targetOf('styles') };
}

/** What a part refers to; `kind` is the last word of the relation's type, which is the same in both kinds of the standard. */
async function relationsOf(parts: Parts, part: string): Promise<readonly Relation[]> {
  const slash = part.lastIndexOf('/');
  const folder = part.slice(0, slash + 1);
  const path = part === '' ? packageRelations : `${folder}_rels/${part.slice(slash + 1)}.rels`;
  if (!parts.has(path)) return [];
  const found: Relation[] = [];
  await readXml(parts.read(path), {
    open: (name, attributes) => {
      const { Id: id = '', Type: type = '', Target: target = '', TargetMode: mode } = attributes;
      if (name !== 'Relationship' || mode === 'External') return;
      // The base is only there to resolve `../` and `/`.
      const { pathname } = new URL(target, `file:///${folder}`);
      found.push({
        id,
        kind: type.slice(type.lastIndexOf('/') + 1),
        target: decodeURIComponent(pathname).replace(/^\//, ''),
      });
    },
    close: () => undefined,
    wantsText: () => false,
  });
  return found;
}

/**
 * The sheet to read: by name (whatever the case, as spreadsheets have it) or by number from 1; left out, the first that is
 * not hidden.
 *
 * @throws RollcallError ROSTER_FORMAT (lists the sheets)
 */
export function chooseSheet(
  sheets: readonly Sheet[],
  wanted: string | number | undefined,
  file: string,
): Sheet {
  const chosen =
    wanted === undefined
      ? (sheets.find(({ isHidden }) => !isHidden) ?? sheets[0])
      : typeof wanted === 'number'
        ? sheets[wanted - 1]
        : sheets.find(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  if (chosen !== undefined) return chosen;
  const names = sheets.slice(0, shownSheets).map(({ name }, at) => `${at + 1} "${name}"`);
  throw new RollcallError(
    'ROSTER_FORMAT',
    wanted === undefined
      ? 'the workbook has no sheet with cells.'
      : `the workbook has no sheet ${typeof wanted === 'number' ? wanted : `"${wanted}"`}.`,
    {
      place: { file, key: 'roster.sheet' },
      hint:
        names.length === 0
          ? 'Have it exported again.'
          : `Its sheets are ${names.join(', ')}${sheets.length > names.length ? ', …' : ''}.`,
    },
  );
}
