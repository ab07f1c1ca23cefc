import { expect, test } from 'vitest';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';

/** `${NAME}`, as a configuration has it. */
const ref = (name: string): string => ['$', `{${name}}`].join('');

test('a secret that is not set is an error only for what needs it', { timeout: 120_000 }, async () => {
  const rows = people(5);
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows });
  expect((await company.sync()).status).toBe('applied');
  await company.configure({
    platform: { apiKey: ref('ROLLCALL_TEST_NOT_SET') },
    config: {
      control: { tokens: [{ name: 'ops', role: 'operator', token: ref('ROLLCALL_TEST_TOKEN_NOT_SET') }] },
      alerts: { channels: [{ type: 'slack', webhookUrl: ref('ROLLCALL_TEST_HOOK_NOT_SET') }] },
    },
  });
  const person = rows[0]?.id ?? '';
  for (const line of [
    ['status'],
    ['runs'],
    ['schedule'],
    ['explain', person],
    ['review'],
    ['pause', platformName],
  ]) {
    const ended = await (await company.spawn(...line)).ended;
    expect([line, ended.exit], ended.err).toEqual([line, 0]);
  }
  const requests = company.sandbox.counts().reads;
  for (const line of [['plan'], ['sync', '--yes'], ['check']]) {
    const ended = await (await company.spawn(...line)).ended;
    expect([line, ended.exit]).toEqual([line, 2]);
    expect(ended.err).toContain('the environment variable ROLLCALL_TEST_NOT_SET is not set');
    expect(ended.err).toContain('CONFIG_SECRET_MISSING');
  }
  const targets = await (await company.spawn('targets', platformName)).ended;
  expect([targets.exit, targets.err]).toEqual([1, expect.stringContaining('CONFIG_SECRET_MISSING')]);
  expect(company.sandbox.counts().reads).toBe(requests);
  // No secret: what is not set has no place where a number of requests has to stand.
  await company.configure({ platform: { rate: ref('ROLLCALL_TEST_RATE') } });
  const wrong = await (await company.spawn('status')).ended;
  expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining('ROLLCALL_TEST_RATE is not set')]);
});
