import { readFile } from 'node:fs/promises';
import { type AddressInfo, isIP } from 'node:net';
import fastifyCookie from '@fastify/cookie';
import fastifyFormbody from '@fastify/formbody';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { UnusableFile } from '../config/unusable-file.ts';
import { RollcallError } from '../errors.ts';
import type { Customer } from '../jobs/customer.ts';
import type { Engine } from '../jobs/service/engine.ts';
import type { Queues } from '../jobs/queue/queues.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import { boardPath, registerBoard } from './board.ts';
import { ApiError, answerOf } from './errors.ts';
import { createGate } from './gate.ts';
import { createHealth } from './health.ts';
import { createMetrics } from './metrics.ts';
import { openApiOf } from './openapi.ts';
import { loadAssets } from './assets.ts';
import { createPages, problemAnswer } from './page-route.ts';
import { type Look, pagePolicy } from './pages/layout.ts';
import { defineRoute, ok, type Route } from './route.ts';
import { actRoutes } from './routes-act.ts';
import { pageRoutes } from './routes-pages.ts';
import { sessionRoutes } from './routes-session.ts';
import { notFound, readRoutes } from './routes-read.ts';
import { documentAnswer } from './schemas.ts';
import { sessionCookie } from './sessions.ts';
import { type Caller, createSignIn, highestRole, isSameOrigin } from './sign-in.ts';
import { addressOf, type ControlSettings, checkExposure, createTokenBook } from './tokens.ts';
import type { ControlWorld } from './world.ts';

/** The most that a request may carry, in bytes. */
const bodyLimitBytes = 1_000_000;
/** How long a request may take to arrive. Answers may take longer: a plan reads both sides. */
const requestMs = 30_000;
/** How long connections get to end when the server closes. */
const closeMs = 3_000;

/** What a control server is built on. */
export type ControlServerOptions = ControlSettings & {
  /** Default: the engine's, as they are configured at each moment. */
  readonly customers?: readonly Customer[];
  /** The customers' files that cannot be used. Default: none. */
  readonly files?: () => readonly UnusableFile[];
  readonly store: Store;
  readonly queues: Queues;
  readonly engine: Engine;
  readonly log: Log;
  /** Bytes of the log that could not be written, since the start. Default: of no log. */
  readonly lostLogBytes?: () => number;
  readonly now?: () => number;
  /** When the schedule starts a platform next, in ms since 1970; null when nothing is planned. */
  readonly nextRunMs: ControlWorld['nextRunMs'];
};

/** A control server that listens. */
export type ControlServer = {
  /** Where this machine reaches it: `http://127.0.0.1:7654`. */
  readonly url: string;
  /** Every route as `GET /api/runs/:id`, the board's left out. */
  readonly routes: readonly string[];
  /** Other tokens and hosts from now on. Where it listens, and whose proxies it believes, is settled at the start. */
  readonly configure: (settings: Pick<ControlSettings, 'tokens' | 'hosts'>) => void;
  /** Ends the connections. */
  readonly close: () => Promise<void>;
};

/**
 * Starts the control API.
 *
 * @throws RollcallError CONFIG_INVALID when it would be open to other machines with a short token or none, or when the
 * address cannot be listened on
 */
export async function createControlServer(options: ControlServerOptions): Promise<ControlServer> {
  checkExposure(options);
  const { host, port, loopback } = addressOf(options.listen);
  const now = options.now ?? Date.now;
  const world: ControlWorld = {
    get customers() {
      return options.customers ?? [...options.engine.deps.customers.values()];
    },
    files: options.files ?? (() => []),
    store: options.store,
    queues: options.queues,
    engine: options.engine,
    log: options.log,
    lostLogBytes: options.lostLogBytes ?? (() => 0),
    now,
    nextRunMs: options.nextRunMs,
  };
  let book = createTokenBook(options.tokens);
  let hosts = options.hosts ?? [];
  const signIn = createSignIn(
    () => book,
    now,
    async (digest) => {
      const token = await options.store.tokens.use(digest, now());
      return token === undefined || !world.customers.some(({ name }) => name === token.customer)
        ? null
        : new Map([[token.customer, { name: token.name, role: token.role }]]);
    },
  );
  const metrics = createMetrics(world);
  const gate = createGate();
  const assets = await loadAssets();
  const pages = createPages(world, {
    style: assets.addressOf('rollcall.css'),
    script: assets.addressOf('rollcall.js'),
  });
  const routes: Route[] = [
    ...readRoutes(world, createHealth(world), metrics),
    ...actRoutes(world, gate),
    ...sessionRoutes(pages, signIn, !loopback),
    ...pageRoutes(world, pages, gate),
    ...assets.routes,
  ];
  const document = openApiOf([...routes, openApiRoute({}), boardRoute], await readVersion(), sessionCookie);
  routes.push(openApiRoute(document));

  const app = Fastify({
    logger: false,
    trustProxy: [...(options.trustedProxies ?? [])],
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestMs,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: (error, _request, reply) => sendError(reply, error, options.log),
  });
  const registered: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (url.startsWith(boardPath)) return;
    registered.push(`${String(method)} ${url}`);
  });
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('caller', null);
  await app.register(fastifyCookie);
  if (loopback) app.addHook('onRequest', async (request) => refuseForeignHost(request, hosts));
  addGuards(app, signIn, options.log, pages.look);
  for (const route of routes) {
    // Only the login form sends a form: everywhere else it would be a page of somebody else's.
    if (route.bodyType === undefined) register(app, route);
  }
  await app.register(async (forms) => {
    await forms.register(fastifyFormbody);
    for (const route of routes) if (route.bodyType !== undefined) register(forms, route);
  });
  await registerBoard(app, world);
  try {
    await app.listen({ host, port });
  } catch (error) {
    metrics.close();
    await app.close();
    throw cannotListen(options.listen, error);
  }
  const url = urlOf(app.server.address() as AddressInfo);
  options.log.info({ url }, 'the control API listens');
  return {
    url,
    routes: registered,
    configure: (settings) => {
      book = createTokenBook(settings.tokens);
      hosts = settings.hosts ?? [];
    },
    close: async () => {
      metrics.close();
      const timer = setTimeout(() => app.server.closeAllConnections(), closeMs);
      await app.close();
      clearTimeout(timer);
    },
  };
}

function openApiRoute(document: object): Route {
  return defineRoute({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    access: 'viewer',
    answers: { 200: { what: 'OpenAPI 3.1', schema: documentAnswer } },
    handle: async () => ok(document),
  });
}

/** For the document only: the board brings its own pages. */
const boardRoute: Route = defineRoute({
  method: 'GET',
  path: boardPath,
  summary: 'Bull Board, to look at the queues; for tokens that open all customers',
  access: 'viewer',
  answers: { 200: { what: 'The board', contentType: 'text/html' } },
  handle: async () => ok(''),
});

function register(app: FastifyInstance, route: Route): void {
  app.route({
    method: route.method,
    url: route.path,
    config: { access: route.access },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.on('close', () => {
        if (!reply.raw.writableFinished) gone.abort();
      });
      const answer = await route.handle({
        params: request.params as Record<string, string>,
        query: request.query,
        body: request.body,
        caller: request.caller ?? nobody,
        signal: gone.signal,
        reply,
      });
      if (answer.contentType !== undefined) reply.type(answer.contentType);
      return reply.status(answer.status).send(answer.body);
    },
  });
}

const nobody: Caller = { via: 'token', grants: new Map(), csrf: null };

/** Sign-in, headers, errors and the access log, for every route there is, the board's too. */
function addGuards(
  app: FastifyInstance,
  signIn: ReturnType<typeof createSignIn>,
  log: Log,
  look: Look,
): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': pagePolicy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      // With no-referrer browsers send `Origin: null` with our own forms.
      'referrer-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    const access = request.routeOptions.config.access ?? 'viewer';
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    if (access === 'open') {
      if (changes && request.headers.origin !== undefined) refuseForeign(request);
      return;
    }
    const caller = await signIn.caller(request);
    if (caller === null) {
      if (!changes && request.headers.accept?.includes('text/html') === true)
        return reply.redirect('/login', 303);
      reply.header('www-authenticate', 'Bearer realm="rollcall"');
      throw new ApiError(401, 'UNAUTHORIZED', 'sign in first.', {
        hint: 'Send Authorization: Bearer TOKEN with a token of control.tokens, or sign in at /login.',
      });
    }
    if (caller.via === 'session' && changes) refuseForeign(request);
    if (access === 'operator' && highestRole(caller) === 'viewer') {
      throw new ApiError(403, 'FORBIDDEN', 'this token may look, not act.', {
        hint: 'Use a token with the role operator.',
      });
    }
    request.caller = caller;
    return;
  });
  const refuse = (request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply => {
    if (!isForPeople(request)) return sendError(reply, error, log);
    if (answerOf(error).status === 500) log.error({ err: error }, 'defect');
    const answer = problemAnswer(look, null, error);
    return reply.status(answer.status).type(answer.contentType).send(answer.body);
  };
  app.setErrorHandler((error, request, reply) => refuse(request, reply, error));
  app.setNotFoundHandler((request, reply) => refuse(request, reply, notFound()));
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const names = [...new Set([...(request.caller?.grants.values() ?? [])].map(({ name }) => name))];
    // The address as it was asked for may hold anything; the route does not.
    const line = {
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      by: names.join(','),
    };
    if (request.routeOptions.config.access === 'open') log.debug(line, 'request');
    else log.info(line, 'request');
  });
}

/**
 * On loopback, only this machine's own names are served: a page of somebody else's that has its name point to 127.0.0.1
 * (DNS rebinding) would otherwise be of one origin with ours. An address cannot be made to point elsewhere.
 */
function refuseForeignHost(request: FastifyRequest, known: readonly string[]): void {
  const { host = '' } = request.headers;
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || isIP(name) !== 0) return;
  if (known.includes(host.toLowerCase())) return;
  throw new ApiError(
    421,
    'FORBIDDEN',
    'the control API listens on this machine, and is not known by that name.',
    {
      hint: 'Ask for 127.0.0.1 or localhost; behind a proxy, set control.publicUrl to the address that browsers use.',
    },
  );
}

function refuseForeign(request: FastifyRequest): void {
  if (isSameOrigin(request)) return;
  throw new ApiError(403, 'FORBIDDEN', 'the request came from another page.', {
    hint: 'Open the page anew and try again.',
  });
}

/** Browsers ask for pages; programs get JSON. */
function isForPeople({ headers, url }: FastifyRequest): boolean {
  return (
    headers.accept?.includes('text/html') === true && !url.startsWith('/api/') && !url.startsWith(boardPath)
  );
}

function sendError(reply: FastifyReply, error: unknown, log: Log): FastifyReply {
  const answer = answerOf(error);
  if (answer.status === 500) log.error({ err: error }, 'defect');
  if (answer.retryAfterS !== null) reply.header('retry-after', answer.retryAfterS);
  return reply.status(answer.status).type('application/json; charset=utf-8').send(answer.body);
}

function cannotListen(listen: string, error: unknown): RollcallError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown failure';
  const why =
    code === 'EADDRINUSE'
      ? 'another process listens there'
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : code;
  return new RollcallError('CONFIG_INVALID', `control.listen (${listen}) cannot be listened on: ${why}.`, {
    hint: 'Set control.listen to another address.',
    cause: error,
  });
}

/** The address for this machine: of a server that listens everywhere, the loopback one. */
function urlOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (address === '::') return `http://[::1]:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { readonly version: unknown }).version);
}
