import { Agent, request } from 'node:https';
import type { TestKubernetes } from '@micro/test-servers';

/** What a test asks of an API server, apart from the runtime. */
export interface Ask {
  readonly user?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly type?: string;
}

/** Any JSON, as a test looks at it. */
export interface Thing {
  readonly [name: string]: Thing;
}

const agent = new Agent({ keepAlive: true });

/** Asks as `admin`, or as somebody else. Rejects with what the server said when it refuses. */
export function ask(
  { url, ca, token }: TestKubernetes,
  path: string,
  { user = 'admin', body, method = body === undefined ? 'GET' : 'POST', type = 'application/json' }: Ask = {},
): Promise<Thing> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const about = text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) };
  const headers = { authorization: `Bearer ${token(user)}`, ...about };
  return new Promise((resolve, reject) => {
    const options = { method, headers, ca, servername: 'localhost', agent, timeout: 10_000 };
    const asked = request(`${url}${path}`, options, async (response) => {
      let answer = '';
      for await (const chunk of response) answer += String(chunk);
      const { statusCode = 0 } = response;
      if (statusCode < 300) resolve(JSON.parse(answer));
      else reject(new Error(`${statusCode} ${answer}`));
    });
    asked.on('timeout', () => asked.destroy(new Error(`${path} took too long`)));
    asked.on('error', reject);
    asked.end(text);
  });
}
