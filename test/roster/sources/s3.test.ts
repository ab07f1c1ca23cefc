import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exampleKeys, type S3Server, signatureProblem, startS3 } from '../../../sandbox/deliveries/s3.ts';
import { rosterSource, type S3Source } from '../../../src/config/roster-source.ts';
import { formatError } from '../../../src/errors.ts';
import { lookAtRoster } from '../../../src/roster/index.ts';
import { parseListing } from '../../../src/roster/sources/s3/listing.ts';
import { readFrom, tempFolder } from '../reading.ts';
import { describeSource, exportOf } from './conformance.ts';

function sourceAt(server: S3Server, path: string, more: object = {}): S3Source {
  const { bucket, region, url } = server;
  const parsed = rosterSource.parse({
    type: 's3',
    bucket,
    region,
    endpoint: url,
    path,
    ...exampleKeys,
    ...more,
  });
  if (typeof parsed === 'string' || parsed.type !== 's3') throw new TypeError('not s3');
  return parsed;
}

describe('the sandbox checks signatures as AWS publishes them', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, the examples with their signatures.
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const atMs = Date.parse('2013-05-24T00:00:00Z');
  const common = {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': empty,
    'x-amz-date': '20130524T000000Z',
  };
  const authorization = (headers: string, signature: string): string =>
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${headers},Signature=${signature}`;
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const examples = [
    {
      name: 'GET Object',
      path: '/test.txt',
      query: '',
      headers: {
        ...common,
        range: 'bytes=0-9',
        authorization: authorization(
          'host;range;x-amz-content-sha256;x-amz-date',
          'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
        ),
      },
    },
    {
      name: 'GET Bucket Lifecycle',
      path: '/',
      query: 'lifecycle',
      headers: {
        ...common,
        authorization: authorization(
          names,
          'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
        ),
      },
    },
    {
      name: 'Get Bucket (List Objects)',
      path: '/',
      query: 'max-keys=2&prefix=J',
      headers: {
        ...common,
        authorization: authorization(
          names,
          '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
        ),
      },
    },
  ];
  test.each(examples)('$name', ({ path, query, headers }) => {
    const request = { method: 'GET', path, query, headers };
    expect(signatureProblem(request, 'us-east-1', atMs)).toBeUndefined();
    for (const wrong of [
      { ...request, path: `${path}x` },
      { ...request, method: 'PUT' },
      { ...request, query: 'a=b' },
    ])
      expect(signatureProblem(wrong, 'us-east-1', atMs)).toBe('SignatureDoesNotMatch');
    expect(signatureProblem(request, 'us-east-1', atMs + 16 * 60_000)).toBe('RequestTimeTooSkewed');
    expect(signatureProblem(request, 'eu-west-1', atMs)).toBe('AuthorizationHeaderMalformed');
    const more = { ...request, headers: { ...headers, 'x-amz-security-token': 't' } };
    expect(signatureProblem(more, 'us-east-1', atMs)).toBe('AccessDenied');
  });
});

describeSource('s3', async () => {
  const server = await startS3();
  const key = 'out/roster.csv';
  return {
    source: sourceAt(server, key),
    refusedSource: sourceAt(server, key, { secretAccessKey: 'wr0ng-secret' }),
    secrets: [exampleKeys.secretAccessKey, 'wr0ng-secret'],
    put: (content, modifiedAtMs) => server.put(key, content, modifiedAtMs),
    fail: (fault) => server.fail(fault, key),
    heal: () => server.heal(),
    close: () => server.close(),
  };
});

describe('a bucket', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await startS3();
  });
  afterEach(() => server.close());

  async function errorOf(source: S3Source): Promise<unknown> {
    await using folder = await tempFolder();
    return await readFrom('unused', { source }, { delivery: { inbox: folder.path, retryBaseMs: 1 } }).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  test('a listing of 3,000 names is read to its end, and gives the one modified last, or the last by name', async () => {
    for (let n = 1; n <= 3_000; n++)
      server.put(`out/roster-${String(n).padStart(4, '0')}.csv`, '', n === 1_500 ? 2_000_000 : 1_000_000);
    server.put('out/', '', 9_000_000);
    server.put('out/older/roster-9999.csv', '', 9_000_000);
    server.put('out/roster-9999.csv.part', '', 9_000_000);
    const source = sourceAt(server, '/out/roster-*.csv');
    const { signal } = new AbortController();
    expect(await lookAtRoster({ source, pick: 'modified' }, signal)).toMatchObject({
      name: 'roster-1500.csv',
    });
    expect(await lookAtRoster({ source, pick: 'name' }, signal)).toMatchObject({ name: 'roster-3000.csv' });
    expect(server.requests).toHaveLength(8);
  });

  test('keys with spaces, signs and letters of any kind are asked for and signed as they are', async () => {
    for (const name of ["Bericht für Zoë (1) + 'neu'*.csv", 'a%2Fb&c=d;e@f$.csv', '名簿~.csv']) {
      server.put(`HR drop/${name}`, exportOf(2), 1_700_000_000_000);
      expect(await errorOf(sourceAt(server, 'HR drop/?*.csv'))).toBeUndefined();
      server.remove(`HR drop/${name}`);
    }
  });

  test('what is not there is named with what is', async () => {
    server.put('out/roster.csv', exportOf(2), 1_700_000_000_000);
    const error = await errorOf(sourceAt(server, 'out/rooster.csv'));
    expect(error).toMatchObject({ code: 'ROSTER_NOT_FOUND' });
    expect(formatError(error)).toContain('Its folder there has roster.csv');
  });

  test('one that was replaced after it was listed is not read', async () => {
    server.put('out/roster.csv', exportOf(2), 1_700_000_000_000);
    server.fail({ kind: 'change', to: exportOf(3) }, 'out/roster.csv');
    expect(await errorOf(sourceAt(server, 'out/roster.csv'))).toMatchObject({ code: 'ROSTER_CHANGING' });
  });

  test.each([
    [{ accessKeyId: 'AKIANOBODY' }, /HTTP 403 InvalidAccessKeyId, it refuses the credentials/],
    [{ secretAccessKey: 'x' }, /HTTP 403 SignatureDoesNotMatch/],
    [{ region: 'us-east-2' }, /AuthorizationHeaderMalformed.*another region/],
    [{ bucket: 'no-such-bucket' }, /HTTP 404 NoSuchBucket.*roster\.source\.bucket/],
  ])('%o is refused with what to look at, and not tried again', async (more, words) => {
    const error = await errorOf(sourceAt(server, 'out/roster.csv', more));
    expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: false });
    expect(formatError(error)).toMatch(words);
    expect(server.requests).toHaveLength(1);
  });

  test('a temporary credential has its token signed', async () => {
    server.put('out/roster.csv', exportOf(2), 1_700_000_000_000);
    expect(await errorOf(sourceAt(server, 'out/roster.csv', { sessionToken: 'tok/+=' }))).toBeUndefined();
  });

  test('a store that is busy is tried again; a listing that is cut, or is none, is not believed', async () => {
    server.put('out/roster.csv', exportOf(2), 1_700_000_000_000);
    const busy = { status: 503, body: '<Error><Code>SlowDown</Code></Error>' };
    server.answerNext(busy, busy);
    expect(await errorOf(sourceAt(server, 'out/roster.csv'))).toBeUndefined();
    const cut = { status: 200, body: '<ListBucketResult><IsTruncated>false</IsTruncated><Contents>' };
    server.answerNext(cut, cut, cut);
    expect(formatError(await errorOf(sourceAt(server, 'out/roster.csv')))).toContain('not what S3 answers');
  });
});

test('a page of a listing that does not say whether it is the last is none', () => {
  const page = (inner: string): string => `<ListBucketResult>${inner}</ListBucketResult>`;
  expect(parseListing(page('<IsTruncated>false</IsTruncated>'))).toEqual({ objects: [], next: null });
  expect(parseListing(page(''))).toBeUndefined();
  expect(parseListing(page('<IsTruncated>true</IsTruncated>'))).toBeUndefined();
  expect(
    parseListing(
      page('<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</NextContinuationToken>'),
    ),
  ).toEqual({ objects: [], next: 'a&b=' });
  expect(
    parseListing(page('<IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents>')),
  ).toBeUndefined();
});
