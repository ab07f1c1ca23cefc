import { RollcallError } from '../../errors.ts';
import type { Content } from '../content/content.ts';

/** JSON is looked at whole for where its list is, up to so many bytes. */
const mostBytes = 128 * 1024 ** 2;
const deepest = 4;

/**
 * The path of the list of records, of JSON that is not a list itself: the longest list of mappings. Undefined where it is a list.
 *
 * @throws RollcallError ROSTER_FORMAT: no JSON, no list, or more of it than is looked at
 */
export async function longestList(content: Content): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content.read()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes)
      throw refuse(
        content,
        'is JSON of more than 128 MiB, and not looked at for where its list is',
        'Take a smaller export to begin with.',
      );
  }
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder().decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw refuse(content, 'begins like JSON, and is none', 'Is it whole? Ask for the export again.', cause);
  }
  if (Array.isArray(data)) return undefined;
  const lists = listsIn(data, '', 0).sort((a, b) => b.length - a.length);
  const [longest] = lists;
  if (longest === undefined)
    throw refuse(content, 'is JSON without a list of records', 'Is it an error message?');
  return longest.path;
}

function refuse(content: Content, what: string, hint: string, cause?: unknown): RollcallError {
  return new RollcallError('ROSTER_FORMAT', `the roster ${what}.`, {
    place: { file: content.file },
    hint,
    cause,
  });
}

function listsIn(
  value: unknown,
  path: string,
  depth: number,
): { readonly path: string; readonly length: number }[] {
  if (typeof value !== 'object' || value === null || depth > deepest) return [];
  if (Array.isArray(value)) {
    const isOfRecords =
      value.length > 0 &&
      value.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
    return isOfRecords ? [{ path, length: value.length }] : [];
  }
  return Object.entries(value).flatMap(([key, inner]) =>
    listsIn(inner, path === '' ? key : `${path}.${key}`, depth + 1),
  );
}
