import { posix } from 'node:path';
import { AwsV4Signer } from 'aws4fetch';
import type { S3Source } from '../../../config/roster-source.ts';
import type { RosterConfig } from '../../../config/schema.ts';
import { failedOnTheWay, send } from '../https/ask.ts';
import { contentOf, readText } from '../https/body.ts';
import { namesThere, nothingThere, pickOne } from '../pick.ts';
import { changedMeanwhile, DeliveryError, type RosterSource } from '../source.ts';
import { parseListing, type S3Object, textOf } from './listing.ts';

/** The hash of an empty body: no request has another. */
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** A page of a listing has 1,000 objects of some hundred bytes, and an error less. */
const mostAnswerBytes = 16 * 1024 ** 2;
/** Pages of one listing: a million objects under one prefix. */
const mostPages = 1_000;

type Found = S3Object & { readonly name: string };

/**
 * A roster in an object store that speaks S3. An object is written in one piece, so that it is whole when as many bytes
 * came as were announced; its ETag holds it to the one that was listed.
 */
export function createS3Source(config: S3Source, pick: RosterConfig['pick']): RosterSource {
  const base = addressOf(config);
  const host = base.host;
  const wanted = config.path.replace(/^\/+/, '');

  async function ask(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
    const signed = await new AwsV4Signer({
      url: url.href,
      headers: { ...headers, 'x-amz-content-sha256': emptyHash },
      accessKeyId: config.accessKeyId,
      secretAccessKey: config.secretAccessKey,
      ...(config.sessionToken === undefined ? {} : { sessionToken: config.sessionToken }),
      region: config.region,
      service: 's3',
    }).sign();
    const answer = { ...Object.fromEntries(new Headers(signed.headers)), 'accept-encoding': 'identity' };
    let response: Response;
    try {
      response = await send(signed.url, { headers: answer }, signal);
    } catch (error) {
      throw failedOnTheWay(error, url, config.timeout, 'roster.source.endpoint');
    }
    if (/^\s*text\/html/i.test(response.headers.get('content-type') ?? '') && url.searchParams.size > 0) {
      await response.body?.cancel();
      throw new DeliveryError(host, 'it answered with a web page, not as S3 does', {
        passing: true,
        hint: 'Check roster.source.endpoint, and whether a proxy answers in its place.',
      });
    }
    return response;
  }

  async function refused(response: Response, url: URL): Promise<DeliveryError> {
    const text = await readText(response, url, config.timeout, mostAnswerBytes).catch(() => '');
    const code = /^[A-Za-z]{3,40}$/.exec(textOf(text, 'Code') ?? '')?.[0];
    const { status } = response;
    const why = `HTTP ${status}${code === undefined ? '' : ` ${code}`}`;
    if (code === 'RequestTimeTooSkewed')
      return new DeliveryError(host, why, { passing: false, hint: 'Check the clock of this machine.' });
    if (status === 301 || status === 307 || code === 'AuthorizationHeaderMalformed')
      return new DeliveryError(host, why, {
        passing: false,
        hint: 'The bucket is in another region: check roster.source.region.',
      });
    if (status === 401 || status === 403)
      return new DeliveryError(host, `${why}, it refuses the credentials`, {
        passing: false,
        hint: 'Check roster.source.accessKeyId and secretAccessKey, and whether they may list the bucket and read from it.',
      });
    if (status === 404)
      return new DeliveryError(host, why, { passing: false, hint: 'Check roster.source.bucket.' });
    return new DeliveryError(host, why, { passing: status >= 500 || status === 429 });
  }

  async function list(signal: AbortSignal): Promise<readonly S3Object[]> {
    const objects: S3Object[] = [];
    const folder = wanted.slice(0, wanted.lastIndexOf('/') + 1);
    let token: string | null = null;
    for (let n = 1; n <= mostPages; n++) {
      const url = new URL(base);
      url.search = queryOf({
        'list-type': '2',
        'encoding-type': 'url',
        // What lies in folders below is no concern of a path whose name alone may vary.
        delimiter: '/',
        prefix: folder,
        ...(token === null ? {} : { 'continuation-token': token }),
      });
      const response = await ask(url, {}, signal);
      if (response.status !== 200) throw await refused(response, url);
      const page = parseListing(await readText(response, url, config.timeout, mostAnswerBytes));
      if (page === undefined)
        throw new DeliveryError(host, 'its listing is not what S3 answers', {
          passing: true,
          hint: 'Check roster.source.endpoint, and whether a proxy answers in its place.',
        });
      objects.push(...page.objects);
      if (page.next === null) return objects;
      if (page.next === token) break;
      token = page.next;
    }
    throw new DeliveryError(host, `its listing does not come to an end`, { passing: false });
  }

  async function find(signal: AbortSignal): Promise<Found> {
    // A key that ends in a slash is how consoles show an empty folder.
    const files = (await list(signal)).filter(({ key }) => !key.endsWith('/'));
    const named = files.map((object) => ({ ...object, name: posix.basename(object.key) }));
    const exact = named.find(({ key }) => key === wanted);
    const best =
      exact ??
      pickOne(
        named.filter(({ key }) => posix.matchesGlob(key, wanted)),
        pick,
      );
    if (best !== undefined) return best;
    const names = named.map(({ name }) => name);
    throw nothingThere(host, wanted, namesThere('Its folder there', posix.basename(wanted), names));
  }

  const within = (stopped: AbortSignal): AbortSignal =>
    AbortSignal.any([stopped, AbortSignal.timeout(config.timeout)]);
  return {
    host,
    look: async (stopped) => {
      const { name, sizeBytes, modifiedAtMs } = await find(within(stopped));
      return { name, sizeBytes, modifiedAtMs };
    },
    fetch: async (saveTo, stopped) => {
      const signal = within(stopped);
      const object = await find(signal);
      const url = new URL(base);
      url.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeKey(object.key)}`;
      const response = await ask(url, { 'if-match': object.etag }, signal);
      if (response.status === 412 || response.status === 404) {
        await response.body?.cancel();
        throw changedMeanwhile(host, response.status === 412 ? 'it is another one' : 'it is gone');
      }
      if (response.status !== 200) throw await refused(response, url);
      const saved = await saveTo(contentOf(response, url, config.timeout));
      if (saved.bytes !== object.sizeBytes)
        throw new DeliveryError(host, `${saved.bytes} bytes came of ${object.sizeBytes}`, { passing: true });
      return { name: object.name, modifiedAtMs: object.modifiedAtMs };
    },
  };
}

/** The bucket's address: by its host name at AWS, in the path elsewhere, and where a dot in it would break the certificate. */
function addressOf({ bucket, region, endpoint }: S3Source): URL {
  if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}`);
  if (bucket.includes('.')) return new URL(`https://s3.${region}.amazonaws.com/${bucket}`);
  return new URL(`https://${bucket}.s3.${region}.amazonaws.com/`);
}

/** A key in a path, as the signature has it. */
function encodeKey(key: string): string {
  return key.split('/').map(encode).join('/');
}

/** A query in which a space is %20: in a signature it is nothing else. */
function queryOf(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join('&');
}

/** Everything but the unreserved characters of RFC 3986 encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
