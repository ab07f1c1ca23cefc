import { RollcallError } from '../../errors.ts';
import {
  type Explanation,
  explainPerson,
  type JournalLine,
  type PlatformStanding,
  type RosterStanding,
} from '../../actions/explain.ts';
import { meaningOf, settlingCommands } from '../../actions/links.ts';
import type { Suppression } from '../../store/decisions.ts';
import type { Command } from '../context.ts';
import { table } from '../table.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

/** Lines of the journal that are shown; `--json` has up to 200. */
const shownJournal = 20;

/**
 * `rollcall explain PERSON`: why what happened to them happened, and what comes next.
 *
 * `--json`: `{ "person", "roster": { "is": "present|rejected|missing|unread", … }, "platforms": [ { "platform",
 * "accounts": { "rule", "answer" } | null, "targets": [ { "target", "rule", "answer" } ], "ignored", "protectedFrom",
 * "link": { "account", "externalId", "since", "run" } | null, "review": { "code", "meaning", "accounts", "since",
 * "settle" } | null, "held": [ { "run", "kind", "target"?, "hold" } ], "suppressions": [ { "kind", "target"?, "cause",
 * "until", "by", "run" } ], "next" } ], "journal": [ { "run", "at", "kind", "target"?, "fields", "reason", "outcome",
 * "trigger", "actor", "approved" } ] }`. It holds names: it is for the reviewer's screen.
 */
export const explain: Command = {
  ...usages.explain,
  options: {},
  does: 'show',
  run: async (cli, args, open) => {
    const [person, ...rest] = args.positionals;
    if (person === undefined || rest.length > 0)
      throw new RollcallError('USAGE', 'rollcall explain takes one employee id.', {
        hint: `Usage: rollcall ${explain.usage}`,
      });
    const { customer, engine } = await open();
    const explanation = await explainPerson(engine.deps, customer, person, cli.signal);
    cli.out.write(args.flag('json') ? `${JSON.stringify(asJson(explanation))}\n` : describe(explanation));
    return 0;
  },
};

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function withTarget(target: string | null): { readonly target?: string } {
  return target === null ? {} : { target };
}

function asJson(explanation: Explanation) {
  const { roster } = explanation;
  return {
    person: explanation.person,
    roster:
      roster.is === 'present'
        ? {
            is: roster.is,
            ...partOf(roster.part),
            line: roster.person.line,
            state: roster.person.state,
            why: roster.why,
            row: roster.person,
          }
        : roster.is === 'missing'
          ? {
              is: roster.is,
              ...partOf(roster.part),
              absence:
                roster.absence === null
                  ? null
                  : {
                      exports: roster.absence.exports,
                      since: iso(roster.absence.sinceMs),
                      due: roster.absence.due,
                    },
            }
          : roster,
    platforms: explanation.platforms.map((one) => ({
      platform: one.platform,
      accounts: one.accounts,
      targets: one.targets,
      ignored: one.ignored,
      protectedFrom: one.protectedFrom,
      link:
        one.link === null
          ? null
          : {
              account: one.link.account_id ?? one.link.email,
              externalId: one.link.external_id,
              since: iso(one.link.linked_ms),
              run: one.link.run_id,
            },
      review:
        one.review === null
          ? null
          : {
              code: one.review.code,
              meaning: meaningOf(one.review.code),
              accounts: one.review.accounts,
              since: iso(one.review.since_ms),
              settle: settlingCommands(one.review),
            },
      held: one.held.map((change) => ({
        run: change.run_id,
        kind: change.kind,
        ...withTarget(change.target),
        hold: change.hold,
      })),
      suppressions: one.suppressions.map((suppression) => ({
        kind: suppression.kind,
        ...withTarget(suppression.target),
        cause: suppression.cause,
        until: suppression.until_ms === null ? null : iso(suppression.until_ms),
        by: suppression.actor,
        run: suppression.run_id,
      })),
      next: one.next,
    })),
    journal: explanation.journal.map((line) => ({
      run: line.run_id,
      at: line.done_ms === null ? null : iso(line.done_ms),
      kind: line.kind,
      ...withTarget(line.target),
      fields: line.changed,
      reason: line.reason,
      outcome: line.disposition === 'apply' ? line.outcome : line.disposition,
      trigger: line.trigger,
      actor: line.actor,
      approved: line.approved,
    })),
  };
}

/** The part of the roster, where it has some. */
function partOf(part: string): { readonly part?: string } {
  return part === '' ? {} : { part };
}

function describe(explanation: Explanation): string {
  const lines = [explanation.person, ...describeRoster(explanation.roster)].map(shown);
  for (const platform of explanation.platforms) lines.push('', ...describePlatform(platform).map(shown));
  if (explanation.journal.length > 0) lines.push('', describeJournal(explanation.journal));
  return `${lines.join('\n')}\n`;
}

function describeRoster(roster: RosterStanding): readonly string[] {
  switch (roster.is) {
    case 'present': {
      const { person } = roster;
      const name = [person.firstName, person.lastName].filter((part) => part !== null).join(' ');
      return [
        `  roster    ${roster.part === '' ? '' : `${roster.part}, `}line ${person.line}: ${name}${person.department === null ? '' : `, ${person.department}`}`,
        `  state     ${person.state}: ${roster.why}`,
      ];
    }
    case 'rejected':
      return [
        ...roster.rows.map(
          (row) =>
            `  roster    ${row.part === undefined ? '' : `${row.part}, `}line ${row.line} is rejected: ${row.code}${row.field === null ? '' : ` in ${row.field}`}: ${row.message}`,
        ),
        `  rejected  for ${roster.exports} exports in a row; nothing happens to them meanwhile`,
      ];
    case 'missing':
      return [
        ...(roster.part === '' ? [] : [`  part      ${roster.part} had them last`]),
        ...roster.away.map((part) => `  part      ${part} did not come: they may be in it`),
        roster.absence === null
          ? '  roster    not on it; no export was counted without them'
          : `  roster    not on it for ${roster.absence.exports} exports, since ${iso(roster.absence.sinceMs)}${roster.absence.due ? ': long enough' : ': not long enough yet'}`,
      ];
    case 'unread':
      return [`  roster    cannot be read: ${roster.reason}`];
  }
}

function describePlatform(one: PlatformStanding): readonly string[] {
  const lines = [one.platform];
  if (one.ignored) lines.push('  ignored   they are not touched at all (ignore)');
  if (one.protectedFrom.length > 0)
    lines.push(`  protected from ${one.protectedFrom.join(' and ')} (protect)`);
  if (one.accounts !== null)
    lines.push(`  account   ${one.accounts.answer ? 'yes' : 'no'}: ${one.accounts.rule}`);
  for (const target of one.targets)
    lines.push(`  target    ${target.target}: ${target.answer ? 'yes' : 'no'}: ${target.rule}`);
  lines.push(
    one.link === null
      ? '  link      none'
      : `  link      ${one.link.account_id ?? one.link.email ?? one.link.external_id ?? 'by their id'}, since ${iso(one.link.linked_ms)}${one.link.run_id === null ? ' by hand' : ` by ${one.link.run_id}`}`,
  );
  if (one.review !== null) {
    lines.push(
      `  review    ${one.review.code}: ${meaningOf(one.review.code)}, since ${iso(one.review.since_ms)}`,
    );
    for (const command of settlingCommands(one.review)) lines.push(`            ${command}`);
  }
  for (const change of one.held)
    lines.push(
      `  held      ${change.kind}${change.target === null ? '' : ` ${change.target}`} by ${change.run_id}${change.hold === 'expired' ? ', expired' : ''}`,
    );
  for (const suppression of one.suppressions) lines.push(`  not again ${describeSuppression(suppression)}`);
  lines.push(`  next      ${one.next}`);
  return lines;
}

function describeSuppression(suppression: Suppression): string {
  const until =
    suppression.until_ms === null
      ? 'until their row changes'
      : `until ${iso(suppression.until_ms)} or another change`;
  const target = suppression.target === null ? '' : ` ${suppression.target}`;
  return `${suppression.kind}${target}: ${suppression.cause} by ${suppression.actor} (${suppression.run_id}), ${until}`;
}

function describeJournal(journal: readonly JournalLine[]): string {
  const rows = journal
    .slice(0, shownJournal)
    .map((line) => [
      line.done_ms === null ? '' : iso(line.done_ms).slice(0, 19).replace('T', ' '),
      line.platform,
      line.kind,
      line.target ?? line.changed.join(', '),
      line.reason,
      line.disposition === 'apply' ? (line.outcome ?? 'waits') : line.disposition,
      `${line.run_id} (${line.trigger}${line.actor === null ? '' : ` by ${line.actor}`}${line.approved ? ', approved' : ''})`,
    ]);
  const more = journal.length > rows.length ? `\n… and ${journal.length - rows.length} more` : '';
  return `${table([['when', 'platform', 'kind', 'what', 'why', 'outcome', 'run'], ...rows])}${more}`;
}
