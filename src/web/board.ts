import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import { ApiError, answerOf } from './errors.ts';
import type { ControlWorld } from './world.ts';

/** Where Bull Board is. */
export const boardPath = '/queues';

/** The board's own pages draw themselves with inline styles; nothing is loaded from elsewhere. */
const boardPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** What a job's data may show: references. Whatever else somebody put on the queue stays there. */
const shownData = new Set([
  'customer',
  'platform',
  'run',
  'batch',
  'trigger',
  'slotMs',
  'approval',
  'person',
  'undoes',
]);

function references(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, value === null || shownData.has(key) ? value : '…']),
  );
}

/** The board's page without what it loads from other people's servers (a font): nobody else learns who looks. */
function withoutForeignHosts(page: string): string {
  return page.replace(/<(?:link|script)\b[^>]*\b(?:href|src)="(?:https?:)?\/\/[^>]*>\s*/gi, '');
}

/** Cuts what a failure of somebody else's code may quote. */
function withoutFailures(payload: unknown): unknown {
  if (Array.isArray(payload)) return payload.map(withoutFailures);
  if (typeof payload !== 'object' || payload === null) return payload;
  return Object.fromEntries(
    Object.entries(payload).map(([key, value]) => {
      if (key === 'stacktrace') return [key, []];
      if (key === 'failedReason') return [key, value == null ? value : 'see the log of the service'];
      return [key, withoutFailures(value)];
    }),
  );
}

/**
 * Bull Board over the queues, to look at. Its buttons would go around the guard, so every request that is not a GET is
 * refused before it gets there. It shows the jobs of all customers: a token has to open all of them.
 */
export async function registerBoard(app: FastifyInstance, world: ControlWorld): Promise<void> {
  const adapters = [world.queues.sync, world.queues.batch].map((queue) => {
    const adapter = new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false });
    adapter.setFormatter('data', references);
    return adapter;
  });
  const server = new FastifyAdapter();
  createBullBoard({
    queues: adapters,
    // npm installs the adapter a copy of the API of its own: the same types, declared twice.
    serverAdapter: server as unknown as Parameters<typeof createBullBoard>[0]['serverAdapter'],
    options: { uiConfig: { boardTitle: 'Rollcall', hideRedisDetails: true } },
  });
  server.setBasePath(boardPath);
  // Its own would answer with messages and stack traces.
  server.setErrorHandler((error) => {
    const { status, body } = answerOf(error);
    if (status === 500) world.log.error({ err: error }, 'defect');
    // Its type names only the statuses that it answers with itself.
    return { status: status as 500, body };
  });
  await app.register(
    async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        if (request.method !== 'GET') {
          throw new ApiError(405, 'READ_ONLY', 'the board is to look at.', {
            hint: 'Use the commands or the API: they ask the guard.',
          });
        }
        const opensAll = world.customers.every(({ name }) => request.caller?.grants.has(name) === true);
        if (!opensAll) {
          throw new ApiError(403, 'FORBIDDEN', 'the board shows the jobs of all customers.', {
            hint: 'Use a token that all of their files have.',
          });
        }
        reply.header('content-security-policy', boardPolicy);
      });
      scope.addHook('onSend', async (_request, reply, payload) =>
        typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')
          ? withoutForeignHosts(payload)
          : payload,
      );
      scope.addHook('preSerialization', async (_request, _reply, payload) => withoutFailures(payload));
      await scope.register(server.registerPlugin());
    },
    { prefix: boardPath },
  );
}
