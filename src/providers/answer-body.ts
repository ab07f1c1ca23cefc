/**
 * The most that an answer may hold, in bytes as they are once unpacked. A page of 200 accounts has 100 to 300 kB; the
 * largest answer there is, a SCIM group with all its members, has 32 MiB at about 300,000 members.
 */
const largestAnswerBytes = 32 * 1024 * 1024;
/** The deepest answer that is taken. The deepest of a platform that is known has eight levels. */
const deepestAnswer = 64;
/**
 * Depth is looked at from this many characters on: each level costs a hundred bytes of memory for one of text, and below
 * that it is not worth the third of a parse that looking costs.
 */
const depthFromCharacters = 1_000_000;

/** An answer over one of the bounds. Asking again would bring the same one: it is not a passing failure. */
export class AnswerOverBound extends Error {
  override readonly name = 'AnswerOverBound';
}

/**
 * The text of an answer. Counted while it is read and after it was unpacked, so that neither an answer without an end nor
 * a small one that unpacks to gigabytes is ever held: the rest stays unread and the connection is closed.
 *
 * @throws AnswerOverBound
 */
export async function readAnswer(response: Response, mostBytes = largestAnswerBytes): Promise<string> {
  const { body } = response;
  if (body === null) return '';
  if (Number(response.headers.get('content-length') ?? 0) > mostBytes) {
    await body.cancel();
    throw tooLarge(mostBytes);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw tooLarge(mostBytes);
    chunks.push(chunk);
  }
  // As `Response.text` does: UTF-8, without a byte order mark.
  const text = new TextDecoder().decode(Buffer.concat(chunks, bytes));
  if (text.length >= depthFromCharacters && isDeeperThan(text, deepestAnswer))
    throw new AnswerOverBound(`the answer is nested deeper than ${deepestAnswer} levels`);
  return text;
}

function tooLarge(mostBytes: number): AnswerOverBound {
  return new AnswerOverBound(
    `the answer has more than ${(mostBytes / 1024 / 1024).toLocaleString('en')} MiB and was not read to its end`,
  );
}

/** Whether JSON is nested deeper than so many levels. */
function isDeeperThan(json: string, levels: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      at = endOfString(json, at + 1);
      if (at < 0) return false;
    } else if (code === openBracket || code === openBrace) {
      if (++depth > levels) return true;
    } else if (code === closeBracket || code === closeBrace) depth--;
  }
  return false;
}

const [quote, openBracket, closeBracket, openBrace, closeBrace] = [0x22, 0x5b, 0x5d, 0x7b, 0x7d];

/** Where the string that began before `from` ends; -1 if it does not. */
function endOfString(json: string, from: number): number {
  for (let at = json.indexOf('"', from); at >= 0; at = json.indexOf('"', at + 1)) {
    let escapes = 0;
    while (json[at - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return at;
  }
  return -1;
}
