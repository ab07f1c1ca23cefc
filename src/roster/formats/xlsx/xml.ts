import { TextDecoder } from 'node:util';
import { SaxesParser } from 'saxes';
import { TornContent } from '../../content/content.ts';
import { wideEncodingOf } from '../text/encoding.ts';

/** Elements in elements: a workbook's parts have a dozen. */
const deepest = 64;
/** The longest text of one element that is kept, in characters: a cell has 32,767, and one more shows that it is too long. */
const longestText = 32_768;

/** Attributes by their name, without the prefix of a namespace. */
export type Attributes = Readonly<Record<string, string>>;

/** What is done with a part's elements; names come without the prefix of a namespace. */
export type XmlHandler = {
  readonly open: (name: string, attributes: Attributes) => void;
  /** `text` is all that stood in the element itself, where `wantsText` was true for it, cut off when it is endless. */
  readonly close: (name: string, text: string) => void;
  readonly wantsText: (name: string) => boolean;
};

function local(name: string): string {
  const at = name.indexOf(':');
  return at < 0 ? name : name.slice(at + 1);
}

/**
 * Takes apart a part of a workbook (ECMA-376), which has to be well-formed to its end. `after` is called between chunks, for
 * whoever hands on what was found. Nothing is loaded and no entity but XML's own is known.
 *
 * @throws TornContent
 */
export async function* parseXml<T>(
  bytes: AsyncIterable<Buffer>,
  handler: XmlHandler,
  after: () => T,
): AsyncGenerator<T> {
  const parser = new SaxesParser({ xmlns: false, position: false });
  let decoder: TextDecoder | undefined;
  let failure: Error | undefined;
  let depth = 0;
  let text = '';
  let isWanted = false;
  parser.on('error', (error) => {
    failure ??= error;
  });
  parser.on('opentag', ({ name, attributes, isSelfClosing }) => {
    if (++depth > deepest) failure ??= new Error('too deep');
    const own: Record<string, string> = Object.create(null);
    for (const key in attributes) own[local(key)] = attributes[key] ?? '';
    const element = local(name);
    text = '';
    isWanted = !isSelfClosing && handler.wantsText(element);
    handler.open(element, own);
  });
  const take = (more: string): void => {
    if (isWanted && text.length < longestText) text += more.slice(0, longestText - text.length);
  };
  parser.on('text', take);
  parser.on('cdata', take);
  parser.on('closetag', ({ name }) => {
    depth--;
    const own = text;
    text = '';
    isWanted = false;
    handler.close(local(name), own);
  });
  const check = (): void => {
    if (failure !== undefined)
      throw new TornContent('a part of the workbook is no XML, or ends in the middle', { cause: failure });
  };
  for await (const chunk of bytes) {
    decoder ??= new TextDecoder(wideEncodingOf(chunk) ?? 'utf-8');
    parser.write(decoder.decode(chunk, { stream: true }));
    check();
    yield after();
  }
  parser.write(decoder?.decode() ?? '');
  parser.close();
  check();
  yield after();
}

/** As `parseXml`, for a part that is small. */
export async function readXml(bytes: AsyncIterable<Buffer>, handler: XmlHandler): Promise<void> {
  for await (const _ of parseXml(bytes, handler, () => undefined));
}
