import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

type ComposeService = {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
};
const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const compose = parse(read('docker-compose.yml')) as {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
};

it.each(Object.entries(compose.services))(
  '%s writes only where it has to, as nobody in particular',
  (name, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    // The worker's user is its image's.
    if (name === 'worker') expect(read('Dockerfile')).toMatch(/^USER node$/m);
    else expect(service.user).not.toMatch(/^(root|0)?$/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  },
);

it('database and queue are reached by the worker only, and reach nobody', () => {
  expect(compose.networks['store']).toMatchObject({ internal: true });
  for (const name of ['redis', 'postgres']) {
    expect(compose.services[name]?.networks).toEqual(['store']);
    expect(compose.services[name]?.ports).toBeUndefined();
  }
});

it('images can be named by digest', () => {
  for (const { image } of Object.values(compose.services))
    if (image !== undefined) expect(image).toMatch(/^\$\{[A-Z]+_IMAGE:-[a-z]+:[\w.-]+\}$/);
  expect(read('Dockerfile')).toMatch(/^ARG NODE_IMAGE=node:24-slim\nFROM \$\{NODE_IMAGE\}$/m);
});
