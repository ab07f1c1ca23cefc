import { listTokens, makeToken, revokeToken } from '../../actions/tokens.ts';
import { RollcallError } from '../../errors.ts';
import type { Command } from '../context.ts';
import { table } from '../table.ts';
import { usages } from '../usages.ts';
import { deciderOf } from './approve.ts';
import { oneOf } from './results.ts';

const roles = ['viewer', 'operator'] as const;

/**
 * `rollcall tokens`: who may sign in. `make NAME` prints a new token, once; `revoke NAME` ends one, without a restart.
 * `--json`: `{ "tokens": [ { "name", "role", "from": "configuration|command", "made", "by", "lastUsed", "revoked" } ] }`,
 * `{ "name", "role", "token" }`, `{ "revoked": NAME }`.
 */
export const tokens: Command = {
  ...usages.tokens,
  options: { role: { type: 'string', help: 'viewer (looks; the default) or operator (acts)' } },
  does: 'act',
  run: async (cli, args, open) => {
    const [verb, name, ...rest] = args.positionals;
    const role = oneOf(args, 'role', roles) ?? 'viewer';
    const known = verb === undefined || ((verb === 'make' || verb === 'revoke') && name !== undefined);
    if (!known || rest.length > 0)
      throw new RollcallError('USAGE', 'rollcall tokens takes nothing, make NAME, or revoke NAME.', {
        hint: `Usage: rollcall ${tokens.usage}`,
      });
    const opened = await open();
    const { customer, engine } = opened;
    const { via } = deciderOf(cli, opened);
    if (verb === undefined || name === undefined) {
      const listed = await listTokens(engine.deps, customer);
      if (args.flag('json')) cli.out.write(`${JSON.stringify({ tokens: listed })}\n`);
      else
        cli.out.write(
          listed.length === 0
            ? 'no tokens: nobody can sign in; rollcall tokens make NAME makes one\n'
            : `${table([
                ['name', 'role', 'from', 'made', 'by', 'last used', 'revoked'],
                ...listed.map((one) => [
                  one.name,
                  one.role,
                  one.from,
                  one.made ?? '',
                  one.by ?? '',
                  one.lastUsed ?? '',
                  one.revoked ?? '',
                ]),
              ])}\n`,
        );
      return 0;
    }
    if (verb === 'revoke') {
      await revokeToken(engine.deps, { customer, name, actor: via });
      cli.out.write(args.flag('json') ? `${JSON.stringify({ revoked: name })}\n` : `${name}: revoked\n`);
      return 0;
    }
    const token = await makeToken(engine.deps, { customer, name, role, actor: via });
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ name, role, token })}\n`);
    else {
      cli.err.write(`${name} (${role}): this is shown once, and kept nowhere\n`);
      cli.out.write(`${token}\n`);
    }
    return 0;
  },
};
