import { z } from 'zod';
import { ApiError } from './errors.ts';
import type { Pages } from './page-route.ts';
import { loginPage } from './pages/login.ts';
import type { Route } from './route.ts';
import { sessionCookie, sessionMs } from './sessions.ts';
import type { SignIn } from './sign-in.ts';

const loginBody = z.strictObject({ token: z.string().min(1).max(1_000) });

/** Sign in, sign out. `secure`: the cookie travels over TLS only. */
export function sessionRoutes(pages: Pages, signIn: SignIn, secure: boolean): readonly Route[] {
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
  const title = 'Rollcall: sign in';
  return [
    pages.define({
      method: 'GET',
      path: '/login',
      access: 'open',
      handle: async () => ({ page: { title, body: loginPage(null) } }),
    }),
    pages.define({
      method: 'POST',
      path: '/login',
      access: 'open',
      body: loginBody,
      handle: async ({ body, reply }) => {
        try {
          const session = await signIn.open(reply.request.ip, body.token);
          reply.setCookie(sessionCookie, session, { ...cookie, maxAge: sessionMs / 1_000 });
          return { to: '/' };
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          if (error.retryAfterS !== null) reply.header('retry-after', error.retryAfterS);
          return {
            status: error.status,
            page: { title, body: loginPage(`${error.message} ${error.hint ?? ''}`) },
          };
        }
      },
    }),
    pages.define({
      method: 'POST',
      path: '/logout',
      access: 'viewer',
      body: z.strictObject({}),
      handle: async ({ reply }) => {
        signIn.close(reply.request.cookies[sessionCookie] ?? '');
        reply.clearCookie(sessionCookie, cookie);
        return { to: '/login' };
      },
    }),
  ];
}
