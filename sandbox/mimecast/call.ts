import type { MimecastError, SignInSettings } from './sign-in.ts';
import type { MimecastState } from './state.ts';

export type Json = Readonly<Record<string, unknown>>;

/** What the vendor leaves open or does in two ways. Read at each request, so a test may change it on the way. */
export type MimecastSettings = SignInSettings & {
  /** Most `data` items in one call. */
  maxDataItems: number;
  /** Rows of a page when the request names no size, and the most it may ask for (more is cut). */
  defaultPageSize: number;
  maxPageSize: number;
  /** Whether pages say `totalCount`. */
  tellTotal: boolean;
  /** How `results` are written. */
  resultCase: 'upper' | 'lower';
  /** Campaign rows in `data[0].items[]`, or flat in `data[]`. */
  userDataRows: 'nested' | 'flat';
  /** Whether campaign rows come in pages at all. */
  pageUserData: boolean;
  userDataEmailField: 'email' | 'emailAddress';
  /** Whether joining a group after launch enrolls in its campaigns. Not published. */
  joinEnrolls: boolean;
  /** Whether `get-internal-users` says `accountDisabled`. Not published; the recorded tenant did not. */
  tellDisabled: boolean;
  /** `X-RateLimit-Limit`, and the longest `X-RateLimit-Reset` in ms. */
  rateLimit: number;
  rateResetMs: number;
};

/** One `fail[]` entry before it is written; `key` is the item it belongs to. */
export type Failure = { readonly errors: readonly MimecastError[]; readonly key?: Json };

export type PageOut = {
  readonly pageSize: number;
  readonly totalCount?: number;
  readonly next?: string;
  readonly previous?: string;
};

/** What a call yields: its `data`, its `fail`, and a page if it is paged. */
export type CallResult = {
  readonly data: readonly unknown[];
  readonly fail: readonly Failure[];
  readonly pagination?: PageOut;
};

/** What a call gets. `items` is `data` as sent; `pagination` is `meta.pagination`. */
export type Call = {
  readonly state: MimecastState;
  readonly settings: MimecastSettings;
  readonly path: string;
  readonly items: readonly Json[];
  readonly pagination: Json;
};

/** The whole call, or one of its items, refused. */
export class CallError extends Error {
  readonly code: string;
  readonly field: string | undefined;

  constructor(code: string, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }

  toError(): MimecastError {
    const error = { code: this.code, message: this.message, retryable: false };
    return this.field === undefined ? error : { ...error, field: this.field };
  }
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// The err_validation codes stand in for the vendor's, which are not on record.
export function readText(item: Json, field: string): string {
  const value = item[field];
  if (value === undefined || value === null || value === '') {
    throw new CallError('err_validation_blank', `${field} is required`, field);
  }
  if (typeof value !== 'string') {
    throw new CallError('err_validation_type', `${field} must be a string`, field);
  }
  return value;
}

export function readEmail(item: Json): string {
  const email = readText(item, 'emailAddress');
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw new CallError('err_validation_email_address', 'not an email address', 'emailAddress');
  }
  return email;
}

function readPageToken(token: unknown, path: string, total: number): number {
  if (token === undefined || token === '') return 0;
  const text = typeof token === 'string' ? Buffer.from(token, 'base64url').toString() : '';
  const separator = text.lastIndexOf('#');
  const start = Number(text.slice(separator + 1));
  if (text.slice(0, separator) !== path || !Number.isInteger(start) || start < 0 || start > total) {
    throw new CallError('err_validation_page_token', 'unknown page token', 'pageToken');
  }
  return start;
}

/** Slices a page. The `pageSize` it reports is the number of rows returned, as the vendor does. */
export function pageOf<Row>(call: Call, rows: readonly Row[]): { rows: readonly Row[]; pagination: PageOut } {
  const { path, settings, pagination } = call;
  const { pageSize = settings.defaultPageSize, pageToken } = pagination;
  if (typeof pageSize !== 'number' || !Number.isInteger(pageSize) || pageSize < 1) {
    throw new CallError('err_validation_page_size', 'pageSize must be a whole number from 1', 'pageSize');
  }
  const size = Math.min(pageSize, settings.maxPageSize);
  const start = readPageToken(pageToken, path, rows.length);
  const tokenAt = (at: number) => Buffer.from(`${path}#${at}`).toString('base64url');
  const page = rows.slice(start, start + size);
  return {
    rows: page,
    pagination: {
      pageSize: page.length,
      ...(settings.tellTotal ? { totalCount: rows.length } : {}),
      ...(start + size < rows.length ? { next: tokenAt(start + size) } : {}),
      ...(start > 0 ? { previous: tokenAt(Math.max(0, start - size)) } : {}),
    },
  };
}

/** The only item of a call that takes one (or none, read as `{}`). */
export function single({ items }: Call): Json {
  if (items.length > 1) throw new CallError('err_validation_data', 'one data item only', 'data');
  return items[0] ?? {};
}

/**
 * Runs each item for itself. Several items equal several calls [documented]; that `fail[]` tells them apart by
 * `key: { the item }` is an assumption.
 */
export function each(call: Call, run: (item: Json) => unknown): CallResult {
  const { items, settings } = call;
  if (items.length === 0) throw new CallError('err_validation_data', 'data is empty', 'data');
  if (items.length > settings.maxDataItems) {
    const most = settings.maxDataItems;
    throw new CallError('err_validation_data', `at most ${most} data items in one call`, 'data');
  }
  const data: unknown[] = [];
  const fail: Failure[] = [];
  for (const item of items) {
    try {
      data.push(run(item));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      fail.push({ key: item, errors: [error.toError()] });
    }
  }
  return { data, fail };
}
