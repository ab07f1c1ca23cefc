import type { ConfigDocument } from './document.ts';
import { type ConfigIssue, formatIssue, type KeyPath } from './issues.ts';
import type { CustomerBase, PlatformConfig } from './schema.ts';

/** Keys whose value is a secret, wherever they stand. A webhook's address holds one. */
const secretKey =
  /^(apiKey|token|secret|password|clientSecret|secretAccessKey|routingKey|webhookUrl|privateKey|passphrase|smtp)$/;
/** A token shorter than this can be guessed by whoever has a copy of its digest, or a lot of time. */
const shortestGoodToken = 20;
/** A token of fewer different characters than this was typed by somebody. */
const fewestDifferent = 8;

/** What a file says that works and is not as it should be: shown by `check`, logged by `start`. */
export function configWarnings(
  document: ConfigDocument,
  base: CustomerBase,
  platforms: Readonly<Record<string, PlatformConfig>>,
): readonly string[] {
  const issues: ConfigIssue[] = [
    ...plainSecrets(document),
    ...quotedSecrets(document),
    ...almostReferences(document),
    ...shellHomes(document),
    ...weakTokens(document, base),
    ...oddChannels(document, base),
    ...unscheduled(document, platforms),
    ...unproven(document, platforms),
  ];
  return issues.map(formatIssue);
}

function plainSecrets(document: ConfigDocument): readonly ConfigIssue[] {
  return document
    .plainValues()
    .filter(({ path }) => secretKey.test(String(path.at(-1))))
    .map(({ path }) =>
      document.issue(
        path,
        `is a secret that stands in the file: put it into the environment as \${NAME}, or into a file of its own as \${file:PATH}`,
      ),
    );
}

/** A secret with quotes around it was pasted with them, or comes from an env file that keeps them. */
function quotedSecrets(document: ConfigDocument): readonly ConfigIssue[] {
  return document
    .texts()
    .filter(
      ({ path, text }) => secretKey.test(String(path.at(-1))) && /^(["'\u201c]).*(["'\u201d])$/s.test(text),
    )
    .map(({ path }) =>
      document.issue(
        path,
        'begins and ends with a quote, which is taken as a part of it: was it pasted with its quotes?',
      ),
    );
}

/** What other programs take for a variable or a file, and what is taken here for the secret itself. */
const almostReference =
  /^(\$[A-Za-z_]\w*|\$\([A-Za-z_]\w*\)|%[A-Za-z_]\w*%|(env|file|vault|secret):.+|\{\{.*\}\}|<[A-Za-z_ -]+>)$/;

function almostReferences(document: ConfigDocument): readonly ConfigIssue[] {
  return document
    .plainValues()
    .filter(({ path, text }) => secretKey.test(String(path.at(-1))) && almostReference.test(text))
    .map(({ path }) =>
      document.issue(
        path,
        `looks like a reference of another program, and is taken for the secret itself: write \${NAME} for a variable, or \${file:PATH}`,
      ),
    );
}

/** Only a shell takes `~` for the home folder. */
function shellHomes(document: ConfigDocument): readonly ConfigIssue[] {
  return document
    .texts()
    .filter(
      ({ path, text }) => ['dataDir', 'source'].includes(String(path.at(-1))) && /^~[\w-]*\//.test(text),
    )
    .map(({ path }) =>
      document.issue(
        path,
        'begins with ~, which is taken for a folder of that name: write the path of the home folder',
      ),
    );
}

function weakTokens(document: ConfigDocument, { control }: CustomerBase): readonly ConfigIssue[] {
  return control.tokens.flatMap(({ token }, index) =>
    token.length >= shortestGoodToken && new Set(token).size >= fewestDifferent
      ? []
      : [
          document.issue(
            ['control', 'tokens', index, 'token'],
            'is a weak token: make one with openssl rand -base64 33',
          ),
        ],
  );
}

/** What the vendors' keys and addresses look like: https://developer.pagerduty.com, https://api.slack.com/messaging/webhooks */
function oddChannels(document: ConfigDocument, { alerts }: CustomerBase): readonly ConfigIssue[] {
  return alerts.channels.flatMap((channel, index) => {
    const at = (key: string): KeyPath => ['alerts', 'channels', index, key];
    if (channel.type === 'pagerduty' && !/^[A-Za-z0-9]{32}$/.test(channel.routingKey))
      return [
        document.issue(
          at('routingKey'),
          'is not what a routing key looks like: 32 letters and digits, of an integration of the type Events API v2',
        ),
      ];
    if (channel.type === 'opsgenie' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(channel.apiKey))
      return [
        document.issue(
          at('apiKey'),
          'is not what an API key of Opsgenie looks like: 36 characters such as 1b2c3d4e-… , of an integration of the type API',
        ),
      ];
    if (
      channel.type === 'slack' &&
      !/^https?:\/\/[^/]+\/services\/T[^/]+\/B[^/]+\/[^/]+$/.test(channel.webhookUrl)
    )
      return [
        document.issue(
          at('webhookUrl'),
          'is not what an incoming webhook of Slack looks like: https://hooks.slack.com/services/T…/B…/…',
        ),
      ];
    return [];
  });
}

/** What lets a cleaned-up platform pass for one run lets an empty answer of it pass for ever. */
function unproven(
  document: ConfigDocument,
  platforms: Readonly<Record<string, PlatformConfig>>,
): readonly ConfigIssue[] {
  return Object.entries(platforms).flatMap(([name, { maxShrink }]) =>
    maxShrink !== undefined && maxShrink >= 100
      ? [
          document.issue(
            ['platforms', name, 'maxShrink'],
            'is 100%: whatever the platform answers counts as all of it, none at all included, and its people are created anew. It is meant for one run: take it out again',
          ),
        ]
      : [],
  );
}

function unscheduled(
  document: ConfigDocument,
  platforms: Readonly<Record<string, PlatformConfig>>,
): readonly ConfigIssue[] {
  return Object.entries(platforms).flatMap(([name, { schedule }]) =>
    schedule === undefined
      ? [
          document.issue(
            ['platforms', name],
            'has no schedule: rollcall start runs it only when somebody asks. Such as schedule: "0 2 * * *"',
          ),
        ]
      : [],
  );
}
