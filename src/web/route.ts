import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { ApiError } from './errors.ts';
import type { Access, Caller } from './sign-in.ts';
import { refuseControlCharacters } from './text.ts';

/** A request of a route, checked. */
export type RouteRequest<Query, Body> = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  readonly reply: FastifyReply;
};

/** An answer; a body of text keeps the type it names. */
export type RouteAnswer = { readonly status: number; readonly body: unknown; readonly contentType?: string };

/** What a route answers with that status, for the OpenAPI document. */
export type AnswerDoc = {
  readonly what: string;
  readonly schema?: z.ZodType;
  /** Default `application/json`. */
  readonly contentType?: string;
};

/** One route: what the server registers and the OpenAPI document says, from one place. */
export type Route = {
  readonly method: 'GET' | 'POST';
  /** With parameters as Fastify writes them: `/api/runs/:id`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** For people: not part of the API's document. */
  readonly page?: boolean;
  /** The type of the body; default `application/json`. */
  readonly bodyType?: string;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  readonly handle: (request: RouteRequest<unknown, unknown>) => Promise<RouteAnswer>;
};

type Definition<Query extends z.ZodType, Body extends z.ZodType> = Omit<
  Route,
  'handle' | 'query' | 'body'
> & {
  readonly query?: Query;
  readonly body?: Body;
  readonly handle: (request: RouteRequest<z.infer<Query>, z.infer<Body>>) => Promise<RouteAnswer>;
};

/** A route whose handler sees query and body as its schemas parsed them. Wrong ones are refused with 400. */
export function defineRoute<Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType>(
  definition: Definition<Query, Body>,
): Route {
  const { handle, ...rest } = definition;
  return {
    ...rest,
    handle: (request) => {
      refuseControlCharacters([request.params, request.query, request.body]);
      const query = parse(definition.query, request.query ?? {}, 'the query');
      const body = parse(definition.body, request.body ?? {}, 'the body');
      return handle({ ...request, query: query as z.infer<Query>, body: body as z.infer<Body> });
    },
  };
}

function parse(schema: z.ZodType | undefined, value: unknown, what: string): unknown {
  if (schema === undefined) return value;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? what : `${what}: ${issue.path.join('.')}`;
  // zod's own sentence quotes keys and limits, never values; unknown keys are the caller's own text.
  const why =
    issue?.code === 'unrecognized_keys' ? 'has keys that are not known' : (issue?.message ?? 'is wrong');
  throw new ApiError(400, 'BAD_REQUEST', `${where}: ${why}`, {
    hint: 'GET /openapi.json says what is taken.',
  });
}

/** A JSON answer with status 200. */
export function ok(body: unknown): RouteAnswer {
  return { status: 200, body };
}
