import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be shut: connections break, and new ones are refused. */
export type Gate = {
  readonly url: string;
  readonly shut: () => Promise<void>;
  readonly open: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Puts a gate before the server of a URL. */
export async function gateBefore(url: string): Promise<Gate> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };
  const server = createServer((inside) => {
    const outside = connect(Number(target.port), target.hostname);
    keep(inside);
    keep(outside);
    inside.pipe(outside).pipe(inside);
    inside.on('close', () => outside.destroy());
    outside.on('close', () => inside.destroy());
  });
  const listen = (port: number): Promise<void> =>
    new Promise((done) => server.listen(port, '127.0.0.1', () => done()));
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const gated = new URL(url);
  gated.port = String(address.port);
  const shut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { url: gated.href, shut, open: () => listen(address.port), close: shut };
}
