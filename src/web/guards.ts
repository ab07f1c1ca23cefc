import { isIP } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../log.ts';
import { boardPath } from './board.ts';
import { ApiError, answerOf } from './errors.ts';
import { problemAnswer } from './page-route.ts';
import { type Look, pagePolicy } from './pages/layout.ts';
import { notFound } from './routes-read.ts';
import { type createSignIn, highestRole, isSameOrigin } from './sign-in.ts';

/** Sign-in, headers, errors and the access log, for every route there is, the board's too. */
export function addGuards(
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
export function refuseForeignHost(request: FastifyRequest, known: readonly string[]): void {
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

/** Answers an error as JSON; one of our own making is logged whole. */
export function sendError(reply: FastifyReply, error: unknown, log: Log): FastifyReply {
  const answer = answerOf(error);
  if (answer.status === 500) log.error({ err: error }, 'defect');
  if (answer.retryAfterS !== null) reply.header('retry-after', answer.retryAfterS);
  return reply.status(answer.status).type('application/json; charset=utf-8').send(answer.body);
}
