import { randomUUID } from 'node:crypto';
import { PassThrough, Writable } from 'node:stream';
import { RollcallError } from '../errors.ts';
import { ApiError } from './errors.ts';
import { defineRoute, ok, type Route } from './route.ts';
import { answerBody, answeredAnswer, commandBody, commandLine } from './schemas.ts';
import type { Role } from './tokens.ts';
import { type ControlWorld, chooseCustomer } from './world.ts';

/** Commands that run at once in a service; each may read both sides of a platform. */
const mostAtOnce = 4;

/** A command of the command line, to be run inside the service. */
export type CommandRequest = {
  readonly name: string;
  readonly args: readonly string[];
  readonly customer: string;
  readonly actor: string;
  readonly out: Writable;
  readonly err: Writable;
  readonly terminal: boolean;
  readonly signal: AbortSignal;
  /** Asks whoever sent the command; null when nobody watches. */
  readonly ask: ((question: string) => Promise<boolean>) | null;
};

/** The commands of the command line, as the control API sees them: `web` knows none of them by name. */
export type CommandRunner = {
  /** Who may run it here; `local` ones never run here. Null when there is no such command. */
  readonly roleOf: (name: string) => Promise<Role | 'local' | null>;
  /** Runs it to its exit status; never throws. */
  readonly run: (request: CommandRequest) => Promise<number>;
};

/** Lets only so many long things run at a time. Throws ApiError 503. */
export type Gate = { readonly enter: () => () => void };

/** A gate for long requests. */
export function createGate(limit = mostAtOnce): Gate {
  let inside = 0;
  return {
    enter: () => {
      if (inside >= limit) {
        throw new ApiError(503, 'BUSY', `${inside} commands are under way here, and that is the most.`, {
          hint: 'Try again when one of them has ended.',
          retryAfterS: 10,
        });
      }
      inside++;
      let left = false;
      return () => {
        if (!left) inside--;
        left = true;
      };
    },
  };
}

function lineWriter(lines: Writable, key: 'out' | 'err'): Writable {
  return new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      lines.write(`${JSON.stringify({ [key]: String(chunk) })}\n`);
      done();
    },
  });
}

/** A question that a command asked and nobody answered yet. */
type Question = {
  readonly customer: string;
  readonly actor: string;
  readonly answer: (yes: boolean) => void;
};

/** The routes that run commands. `stopping` ends what is under way when the server closes. */
export function commandRoutes(
  world: ControlWorld,
  runner: CommandRunner,
  gate: Gate,
  stopping: AbortSignal,
): readonly Route[] {
  const questions = new Map<string, Question>();

  function ask(lines: Writable, customer: string, actor: string, question: string, signal: AbortSignal) {
    const id = randomUUID();
    return new Promise<boolean>((resolve, reject) => {
      const stop = (): void => {
        questions.delete(id);
        reject(signal.reason);
      };
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      questions.set(id, {
        customer,
        actor,
        answer: (yes) => {
          signal.removeEventListener('abort', stop);
          questions.delete(id);
          resolve(yes);
        },
      });
      lines.write(`${JSON.stringify({ ask: question, question: id })}\n`);
    });
  }

  const run = defineRoute({
    method: 'POST',
    path: '/api/command',
    summary: 'Runs a command of the command line in the service; what it prints comes line by line',
    access: 'viewer',
    body: commandBody,
    answers: {
      200: {
        what: 'Lines of JSON; the last one has the exit status',
        schema: commandLine,
        contentType: 'application/x-ndjson',
      },
    },
    handle: async ({ caller, body, signal: gone }) => {
      const role = await runner.roleOf(body.name);
      if (role === null) throw new ApiError(404, 'NOT_FOUND', 'there is no such command.');
      if (role === 'local') {
        throw new ApiError(403, 'FORBIDDEN', `${body.name} runs only on the machine itself.`);
      }
      const { customer, actor } = chooseCustomer(world, caller, body.customer, role);
      const leave = gate.enter();
      const lines = new PassThrough();
      const ended = new AbortController();
      const end = (): void =>
        ended.abort(new RollcallError('RUN_ABORTED', 'the connection of the command ended.'));
      if (gone.aborted) end();
      else gone.addEventListener('abort', end, { once: true });
      const signal = AbortSignal.any([ended.signal, stopping]);
      void runner
        .run({
          name: body.name,
          args: body.args,
          customer: customer.name,
          actor,
          out: lineWriter(lines, 'out'),
          err: lineWriter(lines, 'err'),
          terminal: body.terminal,
          signal,
          ask: body.terminal ? (question) => ask(lines, customer.name, actor, question, signal) : null,
        })
        .then((exit) => lines.end(`${JSON.stringify({ exit })}\n`))
        .finally(leave);
      return { status: 200, body: lines, contentType: 'application/x-ndjson' };
    },
  });

  const answer = defineRoute({
    method: 'POST',
    path: '/api/command/:question/answer',
    summary: 'Answers a question that a command asked',
    access: 'viewer',
    body: answerBody,
    answers: { 200: { what: 'The command goes on', schema: answeredAnswer } },
    handle: async ({ caller, params, body }) => {
      const question = questions.get(params['question'] ?? '');
      if (question === undefined || caller.grants.get(question.customer)?.name !== question.actor) {
        throw new ApiError(404, 'NOT_FOUND', 'nobody asks that (any more).');
      }
      question.answer(body.yes);
      return ok({ answered: true });
    },
  });

  return [run, answer];
}
