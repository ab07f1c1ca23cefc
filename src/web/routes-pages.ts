import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { platformStates } from './answers.ts';
import { ApiError } from './errors.ts';
import { loginPage, statusPage } from './pages.ts';
import { defineRoute, type Route, type RouteAnswer } from './route.ts';
import { sessionCookie, sessionMs } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import { type ControlWorld, customersOf } from './world.ts';

const htmlType = 'text/html; charset=utf-8';
const formType = 'application/x-www-form-urlencoded';

const loginBody = z.strictObject({ token: z.string().min(1).max(1_000) });

const pageOf = (status: number, body: string): RouteAnswer => ({ status, body, contentType: htmlType });
const seeOther = (reply: FastifyReply, to: string): RouteAnswer => {
  reply.header('location', to);
  return { status: 303, body: '', contentType: htmlType };
};

/** The pages for people: sign in, look, sign out. `secure`: the cookie travels over TLS only. */
export function pageRoutes(world: ControlWorld, signIn: SignIn, secure: boolean): readonly Route[] {
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
  return [
    defineRoute({
      method: 'GET',
      path: '/login',
      summary: 'The login form for browsers',
      access: 'open',
      answers: { 200: { what: 'The form', contentType: 'text/html' } },
      handle: async () => pageOf(200, loginPage(null)),
    }),
    defineRoute({
      method: 'POST',
      path: '/login',
      summary: 'Signs a browser in: the answer sets the cookie',
      access: 'open',
      body: loginBody,
      bodyType: formType,
      answers: {
        303: { what: 'Signed in' },
        401: { what: 'Nobody has this token', contentType: 'text/html' },
        429: { what: 'Too many wrong tokens came from this address', contentType: 'text/html' },
      },
      handle: async ({ body, reply }) => {
        try {
          const session = signIn.open(reply.request.ip, body.token);
          reply.setCookie(sessionCookie, session, { ...cookie, maxAge: sessionMs / 1_000 });
          return seeOther(reply, '/');
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          if (error.retryAfterS !== null) reply.header('retry-after', error.retryAfterS);
          return pageOf(error.status, loginPage(`${error.message} ${error.hint ?? ''}`));
        }
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/logout',
      summary: 'Signs a browser out',
      access: 'viewer',
      bodyType: formType,
      answers: { 303: { what: 'Signed out' } },
      handle: async ({ reply }) => {
        signIn.close(reply.request.cookies[sessionCookie] ?? '');
        reply.clearCookie(sessionCookie, cookie);
        return seeOther(reply, '/login');
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/',
      summary: 'The platforms and what is held, for people',
      access: 'viewer',
      answers: { 200: { what: 'The page', contentType: 'text/html' } },
      handle: async ({ caller }) => {
        const customers = customersOf(world, caller);
        const states = await Promise.all(customers.map((customer) => platformStates(world, customer)));
        return pageOf(200, statusPage(states.flat(), customers.length === world.customers.length));
      },
    }),
  ];
}
