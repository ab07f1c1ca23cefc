import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { defineRoute, type Route } from './route.ts';

/** The files that pages load: one of style, one of script, both ours. */
const files = [
  { name: 'rollcall.css', contentType: 'text/css; charset=utf-8' },
  { name: 'rollcall.js', contentType: 'text/javascript; charset=utf-8' },
] as const;
type AssetName = (typeof files)[number]['name'];

/** Where pages find the files, and the routes that answer there. */
export type Assets = {
  readonly addressOf: (name: AssetName) => string;
  readonly routes: readonly Route[];
};

/** Reads the files once. Their addresses carry a digest of the content: browsers may keep them for good. */
export async function loadAssets(): Promise<Assets> {
  const loaded = await Promise.all(
    files.map(async ({ name, contentType }) => {
      const text = await readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
      const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
      return { name, contentType, text, path: `/assets/${digest}/${name}` };
    }),
  );
  return {
    addressOf: (name) => loaded.find((file) => file.name === name)?.path ?? '/',
    routes: loaded.map(({ path, text, contentType }) => ({
      ...defineRoute({
        method: 'GET',
        path,
        summary: 'A file of the pages',
        // The login form has the same looks, and there is nothing to learn from it.
        access: 'open',
        answers: { 200: { what: 'The file', contentType } },
        handle: async ({ reply }) => {
          reply.header('cache-control', 'public, max-age=31536000, immutable');
          return { status: 200, body: text, contentType };
        },
      }),
      page: true,
    })),
  };
}
