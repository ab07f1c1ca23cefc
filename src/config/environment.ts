/** What Rollcall takes from the environment; secrets of the configuration are looked up in `env`. */
export type Environment = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `REDIS_URL`: queues and pacers on that Redis. */
  readonly redisUrl: string | undefined;
  /** `DATABASE_URL`: state in that PostgreSQL, and the queues too if there is no Redis. */
  readonly databaseUrl: string | undefined;
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
    noColor: filled(env['NO_COLOR']) !== undefined,
  };
}

function filled(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === '' ? undefined : trimmed;
}
