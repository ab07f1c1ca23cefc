/** What Rollcall takes from the environment; secrets of the configuration are looked up in `env`. */
export type Environment = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `REDIS_URL`: queues and pacers on that Redis. */
  readonly redisUrl: string | undefined;
  /** `DATABASE_URL`: state in that PostgreSQL, and the queues too if there is no Redis. */
  readonly databaseUrl: string | undefined;
  /** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` in either spelling, this machine left out; undefined when there is no proxy. */
  readonly proxies: Readonly<Record<string, string>> | undefined;
  /** `NO_COLOR` is set to anything but nothing (https://no-color.org). */
  readonly noColor: boolean;
};

/**
 * The environment of this process, read once. This is the only reader of `process.env`; everything else is handed what
 * it needs. A variable that is set to nothing counts as unset for Redis, the database and colour: compose files pass
 * unset variables on as empty ones.
 */
export function readEnvironment(
  source: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  const env = { ...source };
  return {
    env,
    redisUrl: filled(env['REDIS_URL']),
    databaseUrl: filled(env['DATABASE_URL']),
    proxies: proxiesOf(env),
    noColor: filled(env['NO_COLOR']) !== undefined,
  };
}

/** What belongs to this machine goes past every proxy: its own control API, and sandboxes. */
const thisMachine = ['localhost', '127.0.0.1', '::1'];

function proxiesOf(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> | undefined {
  const either = (name: string) => filled(env[name.toLowerCase()]) ?? filled(env[name]);
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY'].flatMap((name) => {
    const value = either(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  if (proxies.length === 0) return undefined;
  const past = [either('NO_PROXY'), ...thisMachine].filter((one) => one !== undefined);
  return { ...Object.fromEntries(proxies), NO_PROXY: past.join(',') };
}

function filled(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === '' ? undefined : trimmed;
}
