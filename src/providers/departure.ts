import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';

// Node's fetch tells on these channels when a request begins and when its head is written to the socket
// (https://undici.nodejs.org/#/docs/api/DiagnosticsChannel). Between the two lie milliseconds, and tens of them when the
// event loop is busy: the pacer has to know when a request did leave.
const sending = new AsyncLocalStorage<() => void>();
const underWay = new WeakMap<object, () => void>();

function requestOf(message: unknown): object | null {
  const request = (message as { readonly request?: unknown }).request;
  return typeof request === 'object' ? request : null;
}

subscribe('undici:request:create', (message) => {
  const request = requestOf(message);
  const onLeft = sending.getStore();
  if (request !== null && onLeft !== undefined) underWay.set(request, onLeft);
});
subscribe('undici:client:sendHeaders', (message) => {
  const request = requestOf(message);
  if (request !== null) underWay.get(request)?.();
});

/** Sends a request with fetch and calls `onLeft` when it leaves, or when there is nothing more to wait for. */
export async function departing<T>(onLeft: () => void, send: () => Promise<T>): Promise<T> {
  let told = false;
  const tell = (): void => {
    told = true;
    onLeft();
  };
  try {
    return await sending.run(tell, send);
  } finally {
    if (!told) onLeft();
  }
}
