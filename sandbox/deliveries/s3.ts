import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DeliveryFault, signInPage } from './stage.ts';

/** The credentials of AWS's published examples. */
export const exampleKeys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

/** A request, as far as a signature covers it. Names of headers are in lower case. */
export type SignedRequest = {
  readonly method: string;
  /** As it was sent, percent-encoded. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** How far a clock may be off: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed). */
const mostSkewMs = 15 * 60_000;
const pageSize = 1_000;

/**
 * What is wrong with a request's signature, as the code of the answer; undefined when it is right. Signature Version 4 as
 * written in "Signature Calculations for the Authorization Header"
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 */
export function signatureProblem(request: SignedRequest, region: string, nowMs: number): string | undefined {
  const { headers } = request;
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
  const [, keyId, day = '', signedRegion, names = '', signature = ''] =
    form.exec(headers['authorization'] ?? '') ?? [];
  if (keyId === undefined) return 'AccessDenied';
  if (keyId !== exampleKeys.accessKeyId) return 'InvalidAccessKeyId';
  if (signedRegion !== region) return 'AuthorizationHeaderMalformed';
  const time = headers['x-amz-date'] ?? '';
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  if (y === undefined || !time.startsWith(day)) return 'AccessDenied';
  if (Math.abs(Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`) - nowMs) > mostSkewMs)
    return 'RequestTimeTooSkewed';
  const signed = names.split(';');
  // The host, and every header of Amazon's that is sent, have to be signed.
  const needed = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  if (needed.some((name) => !signed.includes(name))) return 'AccessDenied';
  const payload = headers['x-amz-content-sha256'];
  if (payload === undefined) return 'MissingSecurityHeader';
  const canonical = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    ...signed.map((name) => `${name}:${(headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    payload,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${exampleKeys.secretAccessKey}`,
  );
  const right = createHmac('sha256', key).update(toSign).digest();
  return timingSafeEqual(right, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch';
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .sort()
    .join('&');
}

/** A running store. */
export type S3Server = {
  readonly url: string;
  readonly bucket: string;
  readonly region: string;
  readonly requests: readonly string[];
  put(key: string, content: string | Buffer, modifiedAtMs: number): void;
  remove(key: string): void;
  fail(fault: DeliveryFault, key: string): void;
  answerNext(...answers: { readonly status: number; readonly body: string }[]): void;
  heal(): void;
  readonly close: () => Promise<void>;
};

/** A strict object store: ListObjectsV2 and GetObject of one bucket, path style; every signature is checked. */
export async function startS3(): Promise<S3Server> {
  const bucket = 'hr-exports';
  const region = 'eu-west-1';
  const objects = new Map<string, { readonly content: Buffer; readonly modifiedAtMs: number }>();
  const requests: string[] = [];
  const next: { readonly status: number; readonly body: string }[] = [];
  let fault: { readonly of: DeliveryFault; readonly key: string } | undefined;
  let cuts = 0;
  const etagOf = (content: Buffer): string => `"${createHash('md5').update(content).digest('hex')}"`;

  function put(key: string, content: string | Buffer, modifiedAtMs: number): void {
    objects.set(key, { content: Buffer.from(content), modifiedAtMs });
  }

  function list(query: URLSearchParams, response: ServerResponse): void {
    if (query.get('list-type') !== '2' || query.get('encoding-type') !== 'url') {
      refuse(response, 400, 'InvalidArgument');
      return;
    }
    const prefix = query.get('prefix') ?? '';
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString();
    const below = [...objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .filter((key) => query.get('delimiter') !== '/' || !key.slice(prefix.length, -1).includes('/'))
      .sort()
      .filter((key) => key > after);
    const page = below.slice(0, pageSize);
    const isTruncated = below.length > page.length;
    const token = Buffer.from(page.at(-1) ?? '').toString('base64');
    const contents = page.map((key) => {
      const { content, modifiedAtMs } = objects.get(key) ?? { content: Buffer.of(), modifiedAtMs: 0 };
      const encoded = encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+');
      return `<Contents><Key>${encoded}</Key><LastModified>${new Date(modifiedAtMs).toISOString()}</LastModified><ETag>${etagOf(content).replaceAll('"', '&quot;')}</ETag><Size>${content.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
    });
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>${encodeURIComponent(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${pageSize}</MaxKeys><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${isTruncated ? `<NextContinuationToken>${token}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`;
    response.writeHead(200, { 'content-type': 'application/xml' }).end(body);
    if (fault?.of.kind === 'change') {
      const { of, key } = fault;
      fault = undefined;
      put(key, of.to, Date.now());
    }
  }

  function get(key: string, ifMatch: string | undefined, response: ServerResponse): void {
    const object = objects.get(key);
    if (object === undefined) {
      refuse(response, 404, 'NoSuchKey');
      return;
    }
    const { content, modifiedAtMs } = object;
    if (ifMatch !== undefined && ifMatch !== etagOf(content)) {
      refuse(response, 412, 'PreconditionFailed');
      return;
    }
    response.writeHead(200, {
      'content-type': 'binary/octet-stream',
      'content-length': content.length,
      'last-modified': new Date(modifiedAtMs).toUTCString(),
      etag: etagOf(content),
    });
    if (fault?.of.kind === 'cut' && cuts < fault.of.times) {
      cuts++;
      response.flushHeaders();
      const part = content.subarray(0, Math.floor(content.length * fault.of.after));
      if (part.length === 0) response.destroy();
      else response.write(part, () => response.destroy());
      return;
    }
    response.end(content);
  }

  const server = createServer((request, response) => {
    const [path = '', query = ''] = (request.url ?? '/').split('?');
    requests.push(`${request.method} ${request.url}`);
    if (fault?.of.kind === 'page') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(signInPage);
      return;
    }
    const first = next.shift();
    if (first !== undefined) {
      response.writeHead(first.status, { 'content-type': 'application/xml' }).end(first.body);
      return;
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const problem = signatureProblem(
      { method: request.method ?? '', path, query, headers },
      region,
      Date.now(),
    );
    if (problem !== undefined)
      return refuse(response, problem === 'AuthorizationHeaderMalformed' ? 400 : 403, problem);
    if (request.method !== 'GET') return refuse(response, 405, 'MethodNotAllowed');
    const [, name = '', ...rest] = path.split('/').map(decodeURIComponent);
    if (name !== bucket) return refuse(response, 404, 'NoSuchBucket');
    const key = rest.join('/');
    if (key === '') list(new URLSearchParams(query), response);
    else get(key, headers['if-match'], response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket,
    region,
    requests,
    put,
    remove: (key) => {
      objects.delete(key);
    },
    fail: (of, key) => {
      fault = { of, key };
      cuts = 0;
    },
    answerNext: (...answers) => {
      next.push(...answers);
    },
    heal: () => {
      fault = undefined;
      next.length = 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    );
}
