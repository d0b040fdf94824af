import type { ServerStatus } from '../contract/server.ts';
import type { PlainAnswer, PlainRequest } from '../contract/transport.ts';

/** Where a service says that its process is alive: 200 for as long as it listens. */
export const LIVE_PATH = '/health/live';
/** Where a service says whether it wants to be called: 200 while it is registered and does not drain, else 503. */
export const READY_PATH = '/health/ready';

/** The status of a service that wants to be called; go-micro's only one. */
const OK = 'ok';

/**
 * How a service is, in one word or two: `ok` while it runs and is registered; else where its server is in its life
 * (`starting`, `draining`, …), or what its registration lacks (`registration lost`, `registration withheld`).
 */
export function healthStatus(server: ServerStatus, registration: string): string {
  if (server !== 'running') return server;
  return registration === 'registered' ? OK : `registration ${registration}`;
}

/** Answers `GET` and `HEAD` of the two health paths with JSON, and leaves every other request alone. */
export function answerHealth(request: PlainRequest, status: string): PlainAnswer | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  if (request.path === LIVE_PATH) return answer(200, OK);
  if (request.path === READY_PATH) return answer(status === OK ? 200 : 503, status);
  return undefined;
}

function answer(code: number, status: string): PlainAnswer {
  return { status: code, contentType: 'application/json', body: JSON.stringify({ status }) };
}
