import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** A request as a sandbox platform sees it. `json` is undefined when the body is not JSON. */
export type SandboxRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: unknown;
};

/** What a sandbox platform answers. `json` wins over `text`. */
export type SandboxResponse = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
};

/** What a request was for: the log keeps it, and tests count by it. */
export type RequestKind = 'auth' | 'read' | 'write';

/** A platform behind the sandbox server: the rules of one vendor's API over an in-memory state. */
export type SandboxPlatform = {
  /** Classifies a request and counts the items it carries (0 for a read). Must not throw. */
  readonly classify: (request: SandboxRequest) => { readonly kind: RequestKind; readonly items: number };
  readonly handle: (request: SandboxRequest) => SandboxResponse;
  /** The vendor's answer to one request too many. */
  readonly tooMany: (retryAfterS: number, request: SandboxRequest) => SandboxResponse;
  /** What the vendor counts its rate limit by, where one server has several. Default: one for all requests. */
  readonly rateKey?: (request: SandboxRequest) => string;
};

/** One line of the request log. `atMs` is a monotonic clock; `body` the text as received. */
export type LoggedRequest = {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly kind: RequestKind;
  readonly items: number;
  /** Whose rate limit the request counted against; '' where the platform has one for all. */
  readonly rateKey: string;
  status: number;
};

/** What a fault does to a matching request. `applied` says whether the platform handles the request first. */
export type FaultEffect =
  | { readonly do: 'answer'; readonly response: SandboxResponse; readonly applied?: boolean }
  | { readonly do: 'drop'; readonly applied?: boolean }
  | { readonly do: 'hang'; readonly applied?: boolean }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'rewrite'; readonly rewrite: (response: SandboxResponse) => SandboxResponse };

/** A fault: which requests (all given conditions must hold), how many of them, and what happens to them. */
export type Fault = {
  readonly method?: string;
  /** Tested against the path. */
  readonly path?: string | RegExp;
  readonly kind?: RequestKind;
  readonly when?: (request: SandboxRequest) => boolean;
  /** Matching requests let through before the fault begins. Default 0. */
  readonly skip?: number;
  /** How many matching requests it strikes. Default 1; Infinity for all. */
  readonly times?: number;
  readonly effect: FaultEffect;
};

export type SandboxOptions = {
  /** Requests the platform takes in any sliding window of `windowMs`; 0 lifts the limit. */
  readonly rate?: number;
  /** Length of the rate window. Default 1,000 ms. */
  readonly windowMs?: number;
  /** Time before each answer, in ms. Default 0. */
  readonly latencyMs?: number;
  /** Keep headers and bodies in the log. Default true; benchmarks switch it off. */
  readonly keepBodies?: boolean;
  readonly port?: number;
};

/** A running sandbox. */
export type Sandbox = {
  readonly url: string;
  /** Every request so far, refused ones too. */
  readonly log: readonly LoggedRequest[];
  readonly counts: () => SandboxCounts;
  /** Adds a fault; faults are tried in order and one strikes at a time. Returns a function that removes it. */
  readonly fail: (fault: Fault) => () => void;
  readonly clearFaults: () => void;
  readonly clearLog: () => void;
  readonly setLatency: (ms: number) => void;
  readonly setRate: (rate: number) => void;
  readonly close: () => Promise<void>;
};

/** Numbers over the log. `busiestWindow` is the most requests seen in any sliding window, of one rate key. */
export type SandboxCounts = {
  readonly reads: number;
  readonly writes: number;
  readonly auths: number;
  readonly items: number;
  readonly largestItems: number;
  readonly tooMany: number;
  readonly busiestWindow: number;
};

/** The most entries of a sorted list of times that fall in any half-open window of `windowMs`. */
export function busiestWindow(timesMs: readonly number[], windowMs: number): number {
  let first = 0;
  let most = 0;
  for (let last = 0; last < timesMs.length; last++) {
    while ((timesMs[last] ?? 0) - (timesMs[first] ?? 0) >= windowMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

type ArmedFault = { readonly fault: Fault; seen: number; struck: number };

function matches(fault: Fault, request: SandboxRequest, kind: RequestKind): boolean {
  if (fault.method !== undefined && fault.method !== request.method) return false;
  if (fault.kind !== undefined && fault.kind !== kind) return false;
  if (typeof fault.path === 'string' && fault.path !== request.path) return false;
  if (fault.path instanceof RegExp && !fault.path.test(request.path)) return false;
  return fault.when?.(request) ?? true;
}

async function readRequest(incoming: IncomingMessage): Promise<SandboxRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  let raw = Buffer.concat(chunks);
  if (incoming.headers['content-encoding'] === 'gzip') raw = gunzipSync(raw);
  const text = raw.toString('utf8');
  const url = new URL(incoming.url ?? '/', 'http://sandbox');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  let json: unknown;
  try {
    json = text === '' ? undefined : JSON.parse(text);
  } catch {
    json = undefined;
  }
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers,
    text,
    json,
  };
}

function send(outgoing: ServerResponse, response: SandboxResponse): void {
  const body = response.json === undefined ? (response.text ?? '') : JSON.stringify(response.json);
  const type = response.json === undefined ? 'text/html; charset=utf-8' : 'application/json';
  outgoing.writeHead(response.status, { 'content-type': type, ...response.headers });
  outgoing.end(body);
}

/** Starts a strict local server for one platform. Loopback only. */
export async function startSandbox(
  platform: SandboxPlatform,
  options: SandboxOptions = {},
): Promise<Sandbox> {
  const windowMs = options.windowMs ?? 1_000;
  const keepBodies = options.keepBodies ?? true;
  let rate = options.rate ?? 0;
  let latencyMs = options.latencyMs ?? 0;
  let log: LoggedRequest[] = [];
  let faults: ArmedFault[] = [];

  function strike(request: SandboxRequest, kind: RequestKind): FaultEffect | undefined {
    for (const armed of faults) {
      if (!matches(armed.fault, request, kind)) continue;
      armed.seen++;
      if (armed.seen <= (armed.fault.skip ?? 0)) continue;
      if (armed.struck >= (armed.fault.times ?? 1)) continue;
      armed.struck++;
      return armed.fault.effect;
    }
    return undefined;
  }

  /** The seconds to wait, when this request is one too many for the sliding window. */
  function overRate(atMs: number, rateKey: string): number | undefined {
    if (rate <= 0) return undefined;
    let taken = 0;
    for (let index = log.length - 1; index >= 0; index--) {
      const entry = log[index];
      if (entry === undefined || atMs - entry.atMs >= windowMs) return undefined;
      if (entry.rateKey !== rateKey) continue;
      taken++;
      if (taken === rate) return Math.max(1, Math.ceil((windowMs - (atMs - entry.atMs)) / 1_000));
    }
    return undefined;
  }

  function busiest(): number {
    const timesByKey = Map.groupBy(log, (entry) => entry.rateKey);
    const windows = [...timesByKey.values()].map((entries) =>
      busiestWindow(
        entries.map((entry) => entry.atMs).sort((a, b) => a - b),
        windowMs,
      ),
    );
    return Math.max(0, ...windows);
  }

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const atMs = performance.now();
    const request = await readRequest(incoming);
    const { kind, items } = platform.classify(request);
    const rateKey = platform.rateKey?.(request) ?? '';
    const tooManyForS = overRate(atMs, rateKey);
    const entry: LoggedRequest = {
      atMs,
      method: request.method,
      path: request.path,
      query: request.query.toString(),
      headers: keepBodies ? request.headers : {},
      body: keepBodies ? request.text : '',
      kind,
      items,
      rateKey,
      status: 0,
    };
    log.push(entry);
    const finish = (response: SandboxResponse): void => {
      entry.status = response.status;
      if (!outgoing.destroyed) send(outgoing, response);
    };
    if (tooManyForS !== undefined) return finish(platform.tooMany(tooManyForS, request));
    if (latencyMs > 0) await new Promise((done) => setTimeout(done, latencyMs));
    const effect = strike(request, kind);
    switch (effect?.do) {
      case undefined:
        return finish(platform.handle(request));
      case 'answer':
        if (effect.applied === true) platform.handle(request);
        return finish(effect.response);
      case 'rewrite':
        return finish(effect.rewrite(platform.handle(request)));
      case 'delay':
        await new Promise((done) => setTimeout(done, effect.ms));
        return finish(platform.handle(request));
      case 'drop':
        if (effect.applied === true) platform.handle(request);
        outgoing.destroy();
        return;
      case 'hang':
        if (effect.applied === true) platform.handle(request);
        return;
    }
  }

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(599, { 'content-type': 'text/plain' });
      outgoing.end(`sandbox bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  });
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    get log() {
      return log;
    },
    counts: () => ({
      reads: log.filter((entry) => entry.kind === 'read').length,
      writes: log.filter((entry) => entry.kind === 'write').length,
      auths: log.filter((entry) => entry.kind === 'auth').length,
      items: log.reduce((sum, entry) => sum + entry.items, 0),
      largestItems: log.reduce((most, entry) => Math.max(most, entry.items), 0),
      tooMany: log.filter((entry) => entry.status === 429).length,
      busiestWindow: busiest(),
    }),
    fail: (fault) => {
      const armed: ArmedFault = { fault, seen: 0, struck: 0 };
      faults.push(armed);
      return () => {
        faults = faults.filter((other) => other !== armed);
      };
    },
    clearFaults: () => {
      faults = [];
    },
    clearLog: () => {
      log = [];
    },
    setLatency: (ms) => {
      latencyMs = ms;
    },
    setRate: (next) => {
      rate = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
