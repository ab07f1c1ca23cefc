import type { Fault, SandboxResponse } from '../../sandbox/server.ts';
import type { ReadFault } from './harness.ts';

type Page = { totalResults: number; startIndex: number; Resources?: unknown[] };

/** Where the second page of 200 begins. */
const secondPage = 201;

/** Makes a list of SCIM wrong: its second page, or the total of every one. */
export function scimFault(fault: ReadFault): Fault['effect'] {
  let firstPage: unknown[] | undefined;
  const rewrites: Record<ReadFault, (page: Page) => Page> = {
    dropped: ({ Resources: _dropped, ...page }) => page,
    repeated: (page) => ({ ...page, Resources: firstPage ?? [] }),
    total: (page) => ({ ...page, totalResults: page.totalResults + 1 }),
    short: ({ Resources: resources = [], ...page }) => ({ ...page, Resources: resources.slice(1) }),
  };
  const rewrite = (response: SandboxResponse): SandboxResponse => {
    const page = response.json as Page;
    if (page.startIndex === 1) firstPage = page.Resources;
    return fault === 'total' || page.startIndex === secondPage
      ? { ...response, json: rewrites[fault](page) }
      : response;
  };
  return { do: 'rewrite', rewrite };
}
