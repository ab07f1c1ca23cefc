import { DeliveryError } from '../source.ts';
import { failedOnTheWay } from './ask.ts';

/** A body, whose breaking off is a delivery that failed. */
export async function* contentOf(
  response: Response,
  url: URL,
  timeoutMs: number,
): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const chunks = response.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await chunks.next();
      } catch (error) {
        throw failedOnTheWay(error, url, timeoutMs);
      }
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}

/** All of a body as text. */
export async function readText(
  response: Response,
  url: URL,
  timeoutMs: number,
  mostBytes: number,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of contentOf(response, url, timeoutMs)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes)
      throw new DeliveryError(url.host, `a page has more than ${mostBytes / 1024 ** 2} MiB`, {
        passing: false,
        hint: 'Ask for smaller pages: roster.source.pages.size.',
      });
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}
