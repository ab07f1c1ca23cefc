import { expect, it } from 'vitest';
import { openFive, platformNames } from '../support/five.ts';
import { describeOn } from '../support/backends.ts';
import { people } from '../support/company.ts';

for (const backend of ['embedded', 'redis'] as const) {
  describeOn(backend, '2,000 people on five platforms', () => {
    it('check, plan, sync, sync again, results', async () => {
      await using five = await openFive({ backend, rows: people(2_000) });
      expect((await five.rollcall('check', '--json')).exit).toBe(0);
      expect((await five.rollcall('plan', '--json')).exit).toBe(0);
      const first = await five.syncAll();
      expect(first.exit).toBe(0);
      for (const name of platformNames) expect(first.runs[name]?.status).toBe('applied');
      five.clearLogs();
      const second = await five.syncAll();
      expect(second.exit).toBe(0);
      for (const name of platformNames) {
        expect(second.runs[name]?.status).toBe('unchanged');
        expect(five.sandboxes[name].counts().writes).toBe(0);
      }
      const ended = await five.rollcall('results', '--format', 'json');
      expect(ended.exit).toBe(0);
      // Campaign members, the Keepnet group and everybody's Mimecast row; Sparkwise tells of completions only.
      const { results } = ended.json as { results: { platform: string }[] };
      expect(results.filter(({ platform }) => platform === 'mail')).toHaveLength(2_000);
    });
  });
}
