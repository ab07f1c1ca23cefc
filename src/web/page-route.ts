import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ApiError, answerOf } from './errors.ts';
import { document, type Look, type Page, type Viewer } from './pages/layout.ts';
import { problemPage } from './pages/problem.ts';
import { defineRoute, type Route, type RouteAnswer, type RouteRequest } from './route.ts';
import type { Access, Caller } from './sign-in.ts';
import { type ControlWorld, customersOf } from './world.ts';

const htmlType = 'text/html; charset=utf-8';
/** What forms are sent as. */
const formType = 'application/x-www-form-urlencoded';

/** The answer of a page: a page, or where to go instead, or something else than HTML. */
export type PageAnswer =
  | { readonly page: Page; readonly status?: number }
  | { readonly to: string }
  | { readonly answer: RouteAnswer };

/** A request of a page, with who looks at it. */
export type PageRequest<Query, Body> = RouteRequest<Query, Body> & { readonly viewer: Viewer };

/** One page or form for people. */
export type PageDefinition<Query extends z.ZodType, Body extends z.ZodType> = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly access: Access;
  readonly query?: Query;
  /** The fields of the form, besides the one that every form has. */
  readonly body?: Body;
  readonly handle: (request: PageRequest<z.infer<Query>, z.infer<Body>>) => Promise<PageAnswer>;
};

/** Makes routes of pages. */
export type Pages = {
  readonly look: Look;
  readonly define: <Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType>(
    definition: PageDefinition<Query, Body>,
  ) => Route;
};

/** One value or several of the same name, as forms send them. */
export const fieldList = z
  .union([z.string().max(200), z.array(z.string().max(200)).max(10_000)])
  .optional()
  .transform((value) => (value === undefined ? [] : typeof value === 'string' ? [value] : value));

/** Pages in that look: every form proves that it is of this session, and every refusal is a page. */
export function createPages(world: ControlWorld, look: Look): Pages {
  const viewerOf = (caller: Caller): Viewer => ({
    name: [...new Set([...caller.grants.values()].map(({ name }) => name))].join(', '),
    csrf: caller.csrf ?? '',
    nowMs: world.now(),
    boardShown: customersOf(world, caller).length === world.customers.length,
  });
  return {
    look,
    define: ({ method, path, access, query, body, handle }) => {
      const route = defineRoute({
        method,
        path,
        summary: 'For people',
        access,
        ...(query === undefined ? {} : { query }),
        ...(body === undefined ? {} : { body }),
        ...(method === 'POST' ? { bodyType: formType } : {}),
        answers: { 200: { what: 'The page', contentType: 'text/html' } },
        handle: async (request) => {
          const viewer = viewerOf(request.caller);
          const answer = await handle({ ...request, viewer } as PageRequest<never, never>);
          if ('answer' in answer) return answer.answer;
          if ('to' in answer) {
            request.reply.header('location', answer.to);
            return { status: 303, body: '', contentType: htmlType };
          }
          const shownTo = access === 'open' ? null : viewer;
          return {
            status: answer.status ?? 200,
            body: document(look, shownTo, answer.page),
            contentType: htmlType,
          };
        },
      });
      return {
        ...route,
        page: true,
        handle: async (request) => {
          try {
            const own = method === 'POST' ? proven(request, access) : request;
            return await route.handle(own);
          } catch (error) {
            if (answerOf(error).status === 500) world.log.error({ err: error }, 'defect');
            const back = /^\/runs\/[^/]+(?=\/\w+$)/.exec(request.reply.request.url)?.[0];
            return problemAnswer(look, access === 'open' ? null : viewerOf(request.caller), error, back);
          }
        },
      };
    },
  };
}

/** The form without the field that proves it is ours. Throws ApiError 403. */
function proven(request: RouteRequest<unknown, unknown>, access: Access): RouteRequest<unknown, unknown> {
  const { csrf, ...body } = { ...(request.body as Record<string, unknown> | null) };
  const expected = request.caller.csrf;
  // Whoever sends a bearer header is no browser that somebody else's page could use.
  if (access === 'open' || expected === null) return { ...request, body };
  const given = Buffer.from(typeof csrf === 'string' ? csrf : '');
  const known = Buffer.from(expected);
  if (given.length !== known.length || !timingSafeEqual(given, known))
    throw new ApiError(403, 'FORBIDDEN', 'the form is not of this session.', {
      hint: 'Open the page anew and try again: nothing was changed.',
    });
  return { ...request, body };
}

/** A refusal as a page. */
export function problemAnswer(
  look: Look,
  viewer: Viewer | null,
  error: unknown,
  back?: string,
): RouteAnswer & { readonly contentType: string } {
  const { status, body } = answerOf(error);
  const way =
    status === 401
      ? { href: '/login', text: 'Sign in' }
      : back === undefined
        ? { href: '/', text: 'To the overview' }
        : { href: back, text: 'Back to the run' };
  return {
    status,
    body: document(look, viewer, { title: 'Rollcall', body: problemPage(body.error, way) }),
    contentType: htmlType,
  };
}
