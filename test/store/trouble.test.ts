import { expect, test } from 'vitest';
import { isOutOfReach, isRefusedWrite } from '../../src/store/trouble.ts';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });

test.for([
  "READONLY You can't write against a read only replica.",
  "READONLY You can't write against a read only replica. script: 64c0, on @user_script:1.",
  "ERR Error running script (call to f_64c0): @user_script:12: -READONLY You can't write against a read only replica.",
  "OOM command not allowed when used memory > 'maxmemory'.",
  "-OOM command not allowed when used memory > 'maxmemory'. script: 64c0, on @user_script:7.",
  'LOADING Redis is loading the dataset in memory',
  'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  'NOREPLICAS Not enough good replicas to write.',
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'CLUSTERDOWN The cluster is down',
  'TRYAGAIN Multiple keys request during rehashing of slot',
])('Redis: "%s" passes by itself', (message) => {
  expect(isOutOfReach(reply(message))).toBe(true);
  expect(isOutOfReach(new Error('wrapped', { cause: reply(message) }))).toBe(true);
  // Only Redis says so: a text of somebody else's may hold any word.
  expect(isOutOfReach(new Error(message))).toBe(false);
});

test.for([
  'WRONGPASS invalid username-password pair or user is disabled.',
  "NOPERM User default has no permissions to run the 'set' command",
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  "ERR unknown command 'LPOS'",
  'ERR Error running script (call to f_64c0): @user_script:3: attempt to index a nil value',
])('Redis: "%s" does not', (message) => {
  expect(isOutOfReach(reply(message))).toBe(false);
});

const coded = (code: string): Error => Object.assign(new Error('said by PostgreSQL'), { code });

test.for(['53100', '53200', '53300', '25006', '58030'])('PostgreSQL: %s passes by itself', (code) => {
  expect(isOutOfReach(coded(code))).toBe(true);
  expect(isRefusedWrite(coded(code))).toBe(true);
});

test('PostgreSQL: a transaction that was rolled back for the sake of another one can go on later', () => {
  expect(isOutOfReach(coded('40P01'))).toBe(true);
  expect(isRefusedWrite(coded('40P01'))).toBe(false);
});

test.for(['23505', '42P01', '40001', '25P02', '22P02'])('PostgreSQL: %s does not', (code) => {
  expect(isOutOfReach(coded(code))).toBe(false);
});
