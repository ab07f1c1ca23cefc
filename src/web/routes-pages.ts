import type { Gate } from './gate.ts';
import { overview } from '../actions/overview.ts';
import type { Pages } from './page-route.ts';
import { homePage } from './pages/home.ts';
import type { Route } from './route.ts';
import { lookPages } from './routes-look-pages.ts';
import { decidePages } from './routes-decide-pages.ts';
import { runPages } from './routes-run-pages.ts';
import { type ControlWorld, customersOf, filesOf } from './world.ts';

/** The pages for people: who looks, what they see, and what they decide, by the same actions as the commands. */
export function pageRoutes(world: ControlWorld, pages: Pages, gate: Gate): readonly Route[] {
  const { store, now } = world;
  return [
    pages.define({
      method: 'GET',
      path: '/',
      access: 'viewer',
      handle: async ({ caller }) => {
        const customers = await overview({ store, now }, customersOf(world, caller), world.nextRunMs);
        return {
          page: { title: 'Rollcall', here: '/', body: homePage(customers, now(), filesOf(world, caller)) },
        };
      },
    }),
    ...runPages(world, pages),
    ...decidePages(world, pages),
    ...lookPages(world, pages, gate),
  ];
}
