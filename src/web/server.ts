import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import fastifyCookie from '@fastify/cookie';
import fastifyFormbody from '@fastify/formbody';
import Fastify, { type FastifyInstance } from 'fastify';
import type { UnusableFile } from '../config/unusable-file.ts';
import { RollcallError } from '../errors.ts';
import type { Customer } from '../jobs/customer.ts';
import type { Engine } from '../jobs/service/engine.ts';
import type { Queues } from '../jobs/queue/queues.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import { boardPath, registerBoard } from './board.ts';
import { createGate } from './gate.ts';
import { addGuards, refuseForeignHost, sendError } from './guards.ts';
import { createHealth } from './health.ts';
import { createMetrics } from './metrics.ts';
import { openApiOf } from './openapi.ts';
import { loadAssets } from './assets.ts';
import { createPages } from './page-route.ts';
import { defineRoute, ok, type Route } from './route.ts';
import { actRoutes } from './routes-act.ts';
import { pageRoutes } from './routes-pages.ts';
import { sessionRoutes } from './routes-session.ts';
import { readRoutes } from './routes-read.ts';
import { documentAnswer } from './schemas.ts';
import { sessionCookie } from './sessions.ts';
import { type Caller, createSignIn } from './sign-in.ts';
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
  /** What is wrong with the service itself, and the certificates it saw. Default: nothing. */
  readonly troubles?: ControlWorld['troubles'];
  readonly certificates?: ControlWorld['certificates'];
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
    troubles: options.troubles ?? (() => []),
    certificates: options.certificates ?? (() => []),
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
