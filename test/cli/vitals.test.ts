import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startMailReceiver } from '../../sandbox/receivers/index.ts';
import { startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { until } from '../support/until.ts';
import { customerOf, openFolder, operatorToken } from './service-process.ts';

/** A certificate of `localhost` that ends in ten days, made where the folder is. */
function makeCertificate(folder: string) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const args =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10 -subj /CN=localhost -addext subjectAltName=DNS:localhost';
  execFileSync('openssl', [...args.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), file: cert };
}

/** The platform at that address, behind TLS. */
async function behindTls(url: string, pem: { readonly key: string; readonly cert: string }) {
  const server = createServer(pem, (asked, answer) => {
    const { method, headers } = asked;
    const passed = httpRequest(`${url}${asked.url}`, { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    asked.pipe(passed);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    name: `localhost:${port}`,
    url: `https://localhost:${port}`,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}

test('certificates near their end, of platforms and mail servers, and lost lines of the log are heard, and seen by probes', async () => {
  const folder = await openFolder();
  const { sandbox } = await startSparkwise({});
  const pem = makeCertificate(folder.path);
  const front = await behindTls(sandbox.url, pem);
  const mail = await startMailReceiver({ certificate: pem });
  const mailServer = `localhost:${mail.address.split(':')[1]}`;
  const full = openSync('/dev/full', 'w');
  try {
    const port = await freePort();
    await folder.writeOperator({
      control: {
        listen: `127.0.0.1:${port}`,
        tokens: [{ name: 'operator', role: 'operator', token: operatorToken }],
      },
    });
    await folder.write(
      'acme.yaml',
      customerOf(front.url, {
        platform: { schedule: '* * * * * *' },
        alerts: {
          channels: [{ type: 'email', smtp: `smtp://${mailServer}`, from: 'a@b.example', to: 'c@d.example' }],
        },
      }),
    );
    const service = folder.rollcallIn(
      { env: { NODE_EXTRA_CA_CERTS: pem.file }, stderr: full },
      'start',
      '-c',
      'acme.yaml',
    );
    const get = async (path: string, token?: string) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers }).catch(() => null);
      return { status: answer?.status, text: (await answer?.text()) ?? '' };
    };
    await until('the service to be ready', async () => (await get('/readyz')).status === 200);

    // A customer's roster that is away is what its mail is about; the mail is what its server is seen by.
    await until('the platform to be in step', () => sandbox.counts().writes > 0);
    await folder.remove('roster.csv');
    await until('a mail', () => mail.mails.some(({ encrypted }) => encrypted));

    const ending = () =>
      folder
        .told()
        .filter(({ kind, event }) => kind === 'CERTIFICATE_ENDS' && event === 'begin')
        .map(({ summary }) => String(summary));
    await until('the operator to hear of both certificates', () => ending().length >= 2);
    for (const name of [front.name, mailServer])
      expect(ending().filter((text) => text.startsWith(`The certificate of ${name} ends on `))).toHaveLength(
        1,
      );
    await until('the operator to hear of the log', () => folder.heard().includes('begin LOG_LOST'));

    const ready = await get('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toMatchObject({ status: 'ready', warnings: [{ code: 'LOG_LOST' }] });
    const metrics = (await get('/metrics', operatorToken)).text;
    expect(metrics).toContain('rollcall_trouble{customer="_operator",code="LOG_LOST"} 1');
    for (const name of [front.name, mailServer])
      expect(metrics).toMatch(
        new RegExp(
          `rollcall_certificate_expiry_timestamp_seconds\\{customer="_operator",host="${name}"\\} \\d`,
        ),
      );

    service.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  } finally {
    closeSync(full);
    await folder.close();
    await Promise.all([front.close(), mail.close(), sandbox.close()]);
  }
});
