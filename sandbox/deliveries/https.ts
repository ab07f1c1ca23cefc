import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Delivered, type DeliveryFault, signInPage } from './stage.ts';

export const reportUser = { user: 'ISU_Rollcall', password: 'p%ss:wörd' };
export const reportToken = 'tok-5f1a';
export const reportClient = { clientId: 'client/7', clientSecret: 's3cr+t&', scope: 'hr.read' };

/** One request as it came. */
export type ReportRequest = {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string;
};

/** How the answers of the file end: by an announced length, by chunks, or by nothing but the connection's end. */
export type Framing = 'length' | 'chunked' | 'close';

/** How the list is paged, and what the server gets wrong. */
export type Paging = {
  /** Records of a page at most, whatever is asked for. */
  readonly most?: number;
  /** Pages are ignored: every answer is the first one. */
  readonly stuck?: boolean;
  /** Said instead of the number of all records, from that request on. */
  readonly wrongTotal?: { readonly from: number; readonly total: number };
  /** The list that follows says nothing of where it ends. */
  readonly silentEnd?: boolean;
  /** The next page is said to be there. */
  readonly nextOn?: string;
};

/** A running server for rosters over HTTP. */
export type ReportServer = {
  readonly url: string;
  readonly requests: readonly ReportRequest[];
  readonly tokens: () => number;
  put(content: string | Buffer, modifiedAtMs?: number | null): void;
  list(records: readonly unknown[], paging?: Paging): void;
  framing(framing: Framing): void;
  fail(fault: DeliveryFault): void;
  /** The next answers, in their order, before anything else is looked at. */
  answerNext(...answers: { readonly status: number; readonly headers?: Record<string, string> }[]): void;
  /** Tokens given so far are worth nothing any more. */
  revokeTokens(): void;
  /** Clients must put their secret into the body (RFC 6749, section 2.3.1, lets a server ask for it). */
  secretInBody(): void;
  heal(): void;
  readonly close: () => Promise<void>;
};

/**
 * A strict server of reports: `/report.csv` (a file), `/people` (a list: `offset` and `limit`; `page` and `limit`; `cursor`;
 * Link headers of RFC 8288), `/token` (RFC 6749, section 4.4). Whatever is not signed in is refused with 401.
 */
export async function startReports(): Promise<ReportServer> {
  const requests: ReportRequest[] = [];
  let file: Delivered & { readonly dated: boolean } = {
    content: Buffer.from(''),
    modifiedAtMs: 0,
    dated: false,
  };
  let records: readonly unknown[] = [];
  let paging: Paging = {};
  let framing: Framing = 'length';
  let fault: DeliveryFault | undefined;
  let cuts = 0;
  let given = 0;
  let inBody = false;
  let pageRequests = 0;
  const good = new Set<string>();
  const next: { readonly status: number; readonly headers?: Record<string, string> }[] = [];

  function isSignedIn(authorization: string): boolean {
    const { user, password } = reportUser;
    if (authorization === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`) return true;
    const token = /^Bearer (.+)$/.exec(authorization)?.[1] ?? '';
    return token === reportToken || good.has(token);
  }

  async function giveToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const { clientId, clientSecret, scope } = reportClient;
    const header = `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`;
    const byHeader = !inBody && request.headers.authorization === header && !form.has('client_secret');
    const byBody = inBody && form.get('client_id') === clientId && form.get('client_secret') === clientSecret;
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
    if (request.method !== 'POST' || !isForm) return answer(response, 400, { error: 'invalid_request' });
    if (!byHeader && !byBody) return answer(response, 401, { error: 'invalid_client' });
    if (form.get('grant_type') !== 'client_credentials')
      return answer(response, 400, { error: 'unsupported_grant_type' });
    if (form.get('scope') !== scope) return answer(response, 400, { error: 'invalid_scope' });
    const token = randomBytes(12).toString('hex');
    good.add(token);
    given++;
    answer(response, 200, { access_token: token, token_type: 'Bearer', expires_in: 3_600 });
  }

  function sendFile(response: ServerResponse): void {
    const { content, modifiedAtMs, dated } = file;
    const page = fault?.kind === 'page' ? Buffer.from(signInPage) : undefined;
    const body = page ?? content;
    response.setHeader('content-type', page === undefined ? 'text/csv' : 'text/html; charset=utf-8');
    if (dated && page === undefined)
      response.setHeader('last-modified', new Date(modifiedAtMs).toUTCString());
    response.sendDate = true;
    if (framing === 'length') response.setHeader('content-length', body.length);
    if (framing === 'close') {
      response.setHeader('connection', 'close');
      response.removeHeader('transfer-encoding');
      response.useChunkedEncodingByDefault = false;
    }
    if (fault?.kind === 'cut' && cuts < fault.times) {
      cuts++;
      response.write(body.subarray(0, Math.floor(body.length * fault.after)), () => {
        // Ended in order where nothing says how much there is: nobody can see from one answer that it was cut.
        if (framing === 'close') response.end();
        else response.destroy();
      });
      if (Math.floor(body.length * fault.after) === 0) response.destroy();
      return;
    }
    response.end(body);
    if (fault?.kind === 'change') {
      file = { ...file, content: Buffer.from(fault.to), modifiedAtMs: modifiedAtMs + 1_000 };
      fault = undefined;
    }
  }

  function sendList(url: URL, response: ServerResponse): void {
    pageRequests++;
    if (fault?.kind === 'page') {
      response.setHeader('content-type', 'text/html');
      response.end(signInPage);
      return;
    }
    const query = url.searchParams;
    const asked = Number(query.get('limit') ?? 100);
    const limit = Math.min(asked, paging.most ?? asked);
    const page = query.get('page');
    const from = paging.stuck
      ? 0
      : page === null
        ? Number(query.get('offset') ?? query.get('cursor')?.replace('after-', '') ?? 0)
        : (Number(page) - 1) * limit;
    const total =
      paging.wrongTotal !== undefined && pageRequests >= paging.wrongTotal.from
        ? paging.wrongTotal.total
        : records.length;
    const items = records.slice(from, from + limit);
    const isLast = from + limit >= records.length;
    if (!isLast) {
      const to = new URL(paging.nextOn ?? url.href, url);
      to.searchParams.set('offset', String(from + limit));
      response.setHeader('link', `<${url.href}>; rel="self", <${to.href}>; title="a, b"; rel="next last"`);
    } else if (paging.silentEnd !== true) response.setHeader('link', `<${url.href}>; rel=self`);
    const cursor = isLast
      ? paging.silentEnd === true
        ? {}
        : { next: null }
      : { next: `after-${from + limit}` };
    const body = Buffer.from(JSON.stringify({ data: { people: items }, metadata: { total, ...cursor } }));
    response.setHeader('content-type', 'application/json');
    response.setHeader('content-length', body.length);
    if (fault?.kind === 'cut' && cuts < fault.times && pageRequests > 1) {
      cuts++;
      response.write(body.subarray(0, Math.floor(body.length * fault.after)), () => response.destroy());
      return;
    }
    response.end(body);
    if (fault?.kind === 'change') {
      records = records.slice(1);
      fault = undefined;
    }
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const authorization = request.headers.authorization ?? '';
    requests.push({ path: url.pathname, query: url.searchParams, authorization });
    if (url.pathname === '/token') {
      void giveToken(request, response);
      return;
    }
    const first = next.shift();
    if (first !== undefined) {
      response.writeHead(first.status, first.headers).end();
      return;
    }
    if (!isSignedIn(authorization)) answer(response, 401, { error: 'unauthorized' });
    else if (request.method !== 'GET') answer(response, 405, {});
    else if (url.pathname === '/report.csv') sendFile(response);
    else if (url.pathname === '/people') sendList(url, response);
    else answer(response, 404, {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    tokens: () => given,
    put: (content, modifiedAtMs = null) => {
      file = { content: Buffer.from(content), modifiedAtMs: modifiedAtMs ?? 0, dated: modifiedAtMs !== null };
    },
    list: (all, how = {}) => {
      records = all;
      paging = how;
      pageRequests = 0;
    },
    framing: (how) => {
      framing = how;
    },
    fail: (what) => {
      fault = what;
      cuts = 0;
    },
    answerNext: (...answers) => {
      next.push(...answers);
    },
    revokeTokens: () => good.clear(),
    secretInBody: () => {
      inBody = true;
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

function answer(response: ServerResponse, status: number, json: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
}
