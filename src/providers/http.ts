import { setTimeout as sleep } from 'node:timers/promises';
import type { KyInstance } from 'ky';
import type { z } from 'zod';
import { describeNetworkFailure } from '../network-failure.ts';
import { retryAfterMs, usableWaitMs } from '../retry-after.ts';
import { AnswerOverBound, readAnswer } from './answer-body.ts';
import type { CallContext, Permit, ProviderDeps, RequestKind } from './contract.ts';
import { departing } from './departure.ts';
import { ProviderError } from './error.ts';
import { describeMismatch } from './mismatch.ts';
import { patience } from './rate-limit.ts';
import { byStatus, createRefusalErrors, type Refusal } from './refusal.ts';
import { createUsualTime } from './usual-time.ts';

/** Attempts of a read, the first included: a passing fault of a few seconds is no failed run. */
export const readAttempts = 5;
/** First back-off of a failed read; doubled each time, with full jitter on its second half. */
export const retryBaseMs = 500;

/** One request. `path` begins with `/` and is appended to the base URL. */
export type HttpRequest<T> = {
  readonly kind: RequestKind;
  readonly method: string;
  readonly path: string;
  /** Stands for the path in messages, where the path holds an id that may tell who somebody is: `/Users/{id}`. */
  readonly label?: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Shape of a good answer. An answer that does not fit is PLATFORM_BAD_ANSWER. */
  readonly schema: z.ZodType<T>;
  /** Statuses besides 2xx that `schema` parses too, such as 409. */
  readonly accept?: readonly number[];
  /** An empty body stands for this, where the API answers 204. */
  readonly emptyAs?: unknown;
  /** The most that the answer may hold, in bytes, where a good one may be larger than others. */
  readonly mostBytes?: number;
};

export type HttpAnswer<T> = { readonly status: number; readonly data: T; readonly headers: Headers };

/** What a request is, for those who add headers to it or read its answer. */
export type RequestLine = { readonly method: string; readonly path: string; readonly kind: RequestKind };

export type HttpOptions = {
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly deps: ProviderDeps;
  /** Headers of every request, sign-in included; called for each attempt, before it takes its slot. */
  readonly headers?: (
    request: RequestLine,
    ctx: CallContext,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;
  /** Headers made at the moment of sending, such as a dated signature: a slot may be minutes away. */
  readonly sign?: (request: RequestLine) => Readonly<Record<string, string>>;
  /** The settings to look at when sign-in is refused, such as `apiKey`. */
  readonly credentialKeys: readonly string[];
  /** Reads the vendor's error format; undefined leaves it to the HTTP status. Also called for 2xx answers. */
  readonly refusal?: (
    status: number,
    body: unknown,
    headers: Headers,
    request: RequestLine,
  ) => Refusal | undefined;
  /**
   * Called once when sign-in was refused, with the status and what `headers` gave for the refused attempt: true when
   * there is a fresh credential to try once more with.
   */
  readonly renew?: (
    ctx: CallContext,
    refused: {
      readonly status: number | undefined;
      readonly vendorCode: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    },
  ) => Promise<boolean>;
};

export type Http = {
  readonly request: <T>(request: HttpRequest<T>, ctx: CallContext) => Promise<HttpAnswer<T>>;
};

let loaded: KyInstance | undefined;

/** Not before the first request: it loads all of Node's fetch, and commands that only ask the store send none. */
async function loadClient(): Promise<KyInstance> {
  const { default: ky } = await import('ky');
  loaded ??= ky.create({ retry: 0, throwHttpErrors: false, timeout: false, redirect: 'manual' });
  return loaded;
}

/** NUL characters are left out: no text of the store can hold one, and nothing that a person typed has one. */
function parseJson(text: string): unknown {
  try {
    return text.includes('\\u0000') ? JSON.parse(text, withoutNul) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withoutNul(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '') : value;
}

/**
 * The one HTTP client of all providers: takes a slot of the pacer for every attempt, retries reads a few times with
 * back-off, and turns every answer into parsed data or a `ProviderError` without personal data. What failed as a write is
 * not sent again here, for its retries belong to the queue.
 *
 * A 429 is another matter, and the same for reads and writes: it had no effect, so the group pauses and the request is sent
 * again after it, for half an hour of nothing but 429 at most (rate-limit.ts). A caller who does not want to wait that long
 * in here says so with `waitsFor`.
 */
export function createHttp(options: HttpOptions): Http {
  const { deps } = options;
  const base = options.baseUrl.replace(/\/+$/, '');
  const { host } = new URL(base);
  const errors = createRefusalErrors({
    platform: deps.platform,
    baseUrl: base,
    credentialKeys: options.credentialKeys,
  });
  const usual = createUsualTime();
  /** Whether anything has been found under the base address yet. */
  let isFound = false;

  async function attempt<T>(
    request: HttpRequest<T>,
    common: Readonly<Record<string, string>>,
    ctx: CallContext,
    answered: Promise<void>,
  ): Promise<HttpAnswer<T>> {
    const where = `${deps.platform}: ${request.method} ${request.label ?? request.path.split('?')[0]}`;
    // Before the slot: two hundred people take milliseconds, and the slot begins when the request leaves.
    const json = request.json === undefined ? undefined : JSON.stringify(request.json);
    const client = loaded ?? (await loadClient());
    const left = Promise.withResolvers<void>();
    const delayedMs = Promise.withResolvers<number>();
    const sending = { left: left.promise, delayedMs: delayedMs.promise, answered };
    await deps.pacer.slot(ctx.signal, sending, (pauseMs) => {
      if (ctx.waitsFor?.(pauseMs) === false) throw errors.notSent(where, pauseMs);
    });
    let permit: Permit | undefined;
    try {
      if (request.kind === 'write') permit = await ctx.permit?.(options.timeoutMs);
    } catch (error) {
      // The slot passes unused.
      left.resolve();
      delayedMs.resolve(0);
      throw error;
    }
    const stop = new AbortController();
    let leftMs = performance.now();
    const onLeft = (): void => {
      // A connection may have taken its time, or the whole process slept: nothing has been written yet.
      if (permit !== undefined && !permit.isFresh()) stop.abort(permit.stale());
      leftMs = performance.now();
      left.resolve();
    };
    const onAnswer = (): void =>
      delayedMs.resolve(usual.note(`${request.method} ${request.kind}`, performance.now() - leftMs));
    ctx.onRequest(request.kind);
    const mayHaveApplied = request.kind === 'write' ? 'unknown' : 'no';
    let response: Response;
    let text: string;
    try {
      const init: Parameters<typeof client>[1] = {
        method: request.method,
        headers: {
          accept: 'application/json',
          ...common,
          ...options.sign?.(request),
          ...request.headers,
        },
        // Bounds the body too: an answer that stalls half-way must not hold up the run.
        signal: AbortSignal.any([ctx.signal, stop.signal, AbortSignal.timeout(options.timeoutMs)]),
      };
      if (request.query !== undefined) init.searchParams = { ...request.query };
      if (json !== undefined) {
        init.body = json;
        init.headers = { 'content-type': 'application/json', ...init.headers } as Record<string, string>;
      }
      if (request.form !== undefined) init.body = new URLSearchParams(request.form);
      response = await departing(onLeft, () => client(base + request.path, init));
      onAnswer();
      text = await readAnswer(response, request.mostBytes);
    } catch (error) {
      left.resolve();
      onAnswer();
      ctx.signal.throwIfAborted();
      stop.signal.throwIfAborted();
      if (error instanceof AnswerOverBound)
        throw new ProviderError('PLATFORM_BAD_ANSWER', `${where}: ${error.message}.`, {
          applied: mayHaveApplied,
          hint: 'Check baseUrl, and whether a proxy answers in its place.',
        });
      // No cause: the client's own errors carry the address with its query, and headers, which may hold personal data.
      const failed = { host, key: `platforms.${deps.platform}.baseUrl`, timeoutMs: options.timeoutMs };
      const { reason, hint, unsent } = describeNetworkFailure(error, failed);
      throw new ProviderError('PLATFORM_UNAVAILABLE', `${where}: ${reason}.`, {
        applied: unsent ? 'no' : mayHaveApplied,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    const body = text === '' ? request.emptyAs : parseJson(text);
    const accepted = response.ok || request.accept?.includes(response.status) === true;
    const refusal =
      options.refusal?.(response.status, body, response.headers, request) ??
      (accepted ? undefined : byStatus(response.status));
    if (refusal?.kind === 'rateLimited') {
      const askedMs = usableWaitMs(refusal.retryAfterMs) ?? retryAfterMs(response.headers, Date.now());
      const waitMs = await deps.pacer.limited({ kind: request.kind, sentMs: leftMs, askedMs });
      throw errors.limited(where, response, refusal, waitMs);
    }
    deps.pacer.answered(request.kind);
    if (response.status !== 404) isFound = true;
    if (refusal !== undefined && !(accepted && !response.ok))
      throw errors.refused(where, response, refusal, mayHaveApplied, isFound);
    if (body === undefined) {
      const type = response.headers.get('content-type')?.split(';')[0] ?? 'no content type';
      throw new ProviderError(
        'PLATFORM_BAD_ANSWER',
        `${where}: HTTP ${response.status} with ${text.length} characters of ${type} that are not JSON.`,
        {
          status: response.status,
          applied: mayHaveApplied,
          hint: 'Check baseUrl, and whether a proxy answers in its place.',
        },
      );
    }
    const parsed = request.schema.safeParse(body);
    if (!parsed.success) {
      throw new ProviderError(
        'PLATFORM_BAD_ANSWER',
        `${where}: HTTP ${response.status} answered an unexpected shape: ${describeMismatch(parsed.error, body)}.`,
        { status: response.status, applied: mayHaveApplied },
      );
    }
    return { status: response.status, data: parsed.data, headers: response.headers };
  }

  /** One attempt; the pacer hears of its answer before anybody else's request may follow it. */
  async function attemptOnce<T>(
    wanted: HttpRequest<T>,
    common: Readonly<Record<string, string>>,
    ctx: CallContext,
  ): Promise<HttpAnswer<T>> {
    const answered = Promise.withResolvers<void>();
    try {
      return await attempt(wanted, common, ctx, answered.promise);
    } finally {
      answered.resolve();
    }
  }

  async function request<T>(wanted: HttpRequest<T>, ctx: CallContext): Promise<HttpAnswer<T>> {
    let renewed = false;
    let tries = 0;
    let limited: { readonly sinceMs: number; readonly error: ProviderError } | undefined;
    for (;;) {
      ctx.signal.throwIfAborted();
      // Outside the try: a sign-in that failed has had its own attempts.
      const common = await headersFor(wanted, ctx);
      try {
        return await attemptOnce(wanted, common, ctx);
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        if (error.code === 'SIGN_IN_REFUSED' && !renewed && options.renew !== undefined) {
          renewed = true;
          const { status, vendorCode } = error;
          if (await options.renew(ctx, { status, vendorCode, headers: common })) continue;
        }
        if (error.code === 'PLATFORM_RATE_LIMITED') {
          // A caller who does not wait hears what the platform said, where it said something.
          if (error.status === undefined) throw limited?.error ?? error;
          limited = { sinceMs: limited?.sinceMs ?? performance.now(), error };
          if (performance.now() - limited.sinceMs >= (deps.giveUpAfterMs ?? patience.giveUpAfterMs))
            throw error;
          if (ctx.waitsFor?.(error.retryAfterMs ?? 0) === false) throw error;
          warn(error, tries);
          continue;
        }
        limited = undefined;
        if (wanted.kind === 'write' || !error.passing || ++tries >= readAttempts) throw error;
        if ((error.retryAfterMs ?? 0) > patience.longestPauseMs) throw error;
        warn(error, tries);
        const backOffMs = (deps.retryBaseMs ?? retryBaseMs) * 2 ** (tries - 1);
        const waitMs = Math.max(error.retryAfterMs ?? 0, backOffMs * (0.5 + Math.random() / 2));
        if (error.retryAfterMs !== undefined && ctx.waitsFor?.(waitMs) === false) throw error;
        await sleep(waitMs, undefined, { signal: ctx.signal }).catch(() => ctx.signal.throwIfAborted());
      }
    }
  }

  function warn({ code, status }: ProviderError, tries: number): void {
    deps.log.warn({ platform: deps.platform, code, status, tries }, 'request failed, trying again');
  }

  /** Headers of every request; a sign-in that was shared with somebody who does not wait is asked for anew. */
  async function headersFor(
    wanted: RequestLine,
    ctx: CallContext,
  ): Promise<Readonly<Record<string, string>>> {
    for (;;) {
      try {
        return (await options.headers?.(wanted, ctx)) ?? {};
      } catch (error) {
        const isOthers =
          error instanceof ProviderError &&
          error.code === 'PLATFORM_RATE_LIMITED' &&
          error.status === undefined &&
          ctx.waitsFor?.(error.retryAfterMs ?? 0) !== false;
        if (!isOthers) throw error;
        ctx.signal.throwIfAborted();
      }
    }
  }

  return { request };
}
