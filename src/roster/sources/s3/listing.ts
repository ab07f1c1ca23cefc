/** An object of a bucket. `etag` names this content of it. */
export type S3Object = {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  readonly etag: string;
};

/** One page of a listing; `next` is the token of the next one, null at the end. */
export type S3Page = { readonly objects: readonly S3Object[]; readonly next: string | null };

/**
 * Reads a page of ListObjectsV2 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html), asked for with
 * `encoding-type=url`. Written by machines in one known form, so that no parser of all XML is needed: whatever differs from
 * that form is undefined, and so is a page that does not say whether it is the last.
 */
export function parseListing(xml: string): S3Page | undefined {
  const body = /<ListBucketResult\b[^>]*>([\s\S]*)<\/ListBucketResult>\s*$/.exec(xml)?.[1];
  if (body === undefined) return undefined;
  const outside = body.replaceAll(/<Contents>[\s\S]*?<\/Contents>/g, '');
  const isTruncated = textOf(outside, 'IsTruncated');
  const token = textOf(outside, 'NextContinuationToken');
  if (isTruncated !== 'true' && isTruncated !== 'false') return undefined;
  if (isTruncated === 'true' && (token === undefined || token === '')) return undefined;
  const objects: S3Object[] = [];
  for (const [, one = ''] of body.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
    const object = objectOf(one);
    if (object === undefined) return undefined;
    objects.push(object);
  }
  return { objects, next: isTruncated === 'true' ? (token ?? null) : null };
}

function objectOf(xml: string): S3Object | undefined {
  const key = textOf(xml, 'Key');
  const size = Number(textOf(xml, 'Size') ?? Number.NaN);
  const modifiedAtMs = Date.parse(textOf(xml, 'LastModified') ?? '');
  const etag = textOf(xml, 'ETag');
  if (key === undefined || etag === undefined) return undefined;
  if (!Number.isSafeInteger(size) || Number.isNaN(modifiedAtMs)) return undefined;
  try {
    return { key: decodeURIComponent(key.replaceAll('+', ' ')), sizeBytes: size, modifiedAtMs, etag };
  } catch {
    return undefined;
  }
}

const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&#34;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

/** The text of the first element of that name; undefined when there is none. */
export function textOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`)
    .exec(xml)?.[1]
    ?.replaceAll(/&(?:lt|gt|quot|apos|amp|#34|#39);/g, (entity) => entities[entity] ?? entity);
}
