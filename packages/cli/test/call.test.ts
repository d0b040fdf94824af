import { afterAll, beforeAll, expect, test } from 'vitest';
import { runMicro, startHelloworld, type TestService } from './support.ts';

let hello: TestService;
beforeAll(async () => {
  hello = await startHelloworld();
});
afterAll(() => hello.service.stop());

test('the answer of a call is one line of JSON on stdout, and nothing else is', async () => {
  const { stdout, stderr, code } = await runMicro(['call', 'helloworld', 'Helloworld.Call', '{"name":"John"}'], hello);
  expect({ stdout, stderr, code }).toEqual({ stdout: '{"msg":"Hello John"}\n', stderr: '', code: 0 });
});
