import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpsSource } from '../../../config/roster-source.ts';
import { httpDateMs } from '../../../retry-after.ts';
import type { SaveTo } from '../inbox.ts';
import { changedMeanwhile, DeliveryError, type Fetched, type RosterSource } from '../source.ts';
import { type Ask, createAsk, failedOnTheWay } from './ask.ts';
import { contentOf, readText } from './body.ts';
import { readPages } from './pages.ts';

/** A time so close to that of the answer is when the answer was made, not when an export was written. */
const justMadeMs = 60_000;

/**
 * A roster over HTTPS: one file or report, or a list in pages (saved as JSON lines). What it is dated can be known only by
 * asking for all of it, since reports are made when they are asked for.
 */
export function createHttpsSource(
  config: HttpsSource,
  { settleMs }: { readonly settleMs: number },
): RosterSource {
  const url = new URL(config.url);
  const { timeout: timeoutMs } = config;

  async function fetchFile(ask: Ask, saveTo: SaveTo, signal: AbortSignal): Promise<Fetched> {
    const response = await ask(url);
    const saved = await saveTo(contentOf(response, url, timeoutMs));
    const announced = announcedBytes(response.headers);
    if (announced !== undefined && announced !== saved.bytes)
      throw new DeliveryError(url.host, `${saved.bytes} bytes came of ${announced}`, { passing: true });
    if (!isFramed(response.headers)) {
      // The end of the connection is the end of the file, and tells nothing: it has to come twice.
      await sleep(settleMs, undefined, { signal }).catch((error: unknown) => {
        throw failedOnTheWay(signal.reason ?? error, url, timeoutMs);
      });
      const again = await saveTo(contentOf(await ask(url), url, timeoutMs));
      if (again.digest !== saved.digest)
        throw changedMeanwhile(url.host, `it had ${saved.bytes} bytes, and then ${again.bytes}`);
    }
    return { name: '', modifiedAtMs: modifiedAtMs(response.headers) };
  }

  return {
    host: url.host,
    look: async () => null,
    fetch: async (saveTo, stopped) => {
      const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]);
      const ask = createAsk(config, signal);
      const { pages } = config;
      if (pages === undefined) return await fetchFile(ask, saveTo, signal);
      await saveTo(
        readPages({ ...config, pages }, ask, (response, of, most) => readText(response, of, timeoutMs, most)),
      );
      return { name: '', modifiedAtMs: null, format: 'jsonl' };
    },
  };
}

function isEncoded(headers: Headers): boolean {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  return encoding !== 'identity' && encoding !== '';
}

/** The announced length of what is saved; of an encoded body it would be another one. */
function announcedBytes(headers: Headers): number | undefined {
  const length = headers.get('content-length');
  return length === null || isEncoded(headers) ? undefined : Number(length);
}

/**
 * Whether the answer says where it ends (RFC 9112, section 8): then one that was cut off is an error. An encoding that was
 * not asked for may end early within it.
 */
function isFramed(headers: Headers): boolean {
  const isChunked = /\bchunked\s*$/i.test(headers.get('transfer-encoding') ?? '');
  return !isEncoded(headers) && (isChunked || headers.has('content-length'));
}

function modifiedAtMs(headers: Headers): number | null {
  const modifiedMs = httpDateMs(headers.get('last-modified'));
  if (modifiedMs === undefined) return null;
  const answeredMs = httpDateMs(headers.get('date')) ?? Date.now();
  return answeredMs - modifiedMs < justMadeMs && answeredMs >= modifiedMs ? null : modifiedMs;
}
