import { expect, test } from 'vitest';
import { namesOf } from '../../src/scaffold/names.ts';

test.each([
  // name, service, package, handler, proto, folder
  ['helloworld', 'helloworld', 'helloworld', 'Helloworld', 'helloworld', 'helloworld'],
  ['helloworld/', 'helloworld', 'helloworld', 'Helloworld', 'helloworld', 'helloworld'],
  ['./apps/helloworld', 'helloworld', 'helloworld', 'Helloworld', 'helloworld', 'apps/helloworld'],
  ['My Apps/helloworld', 'helloworld', 'helloworld', 'Helloworld', 'helloworld', 'My Apps/helloworld'],
  ['@acme/helloworld', 'helloworld', '@acme/helloworld', 'Helloworld', 'helloworld', 'helloworld'],
  ['apps/@acme/my-cool_svc', 'my-cool-svc', '@acme/my-cool_svc', 'MyCoolSvc', 'mycoolsvc', 'apps/my-cool_svc'],
  ['a.b.c', 'a-b-c', 'a.b.c', 'ABC', 'abc', 'a.b.c'],
  ['odd-', 'odd', 'odd-', 'Odd', 'odd', 'odd-'],
  // DNS labels, identifiers and packages begin with a letter.
  ['3d', 'svc-3d', '3d', 'Svc3d', 'svc3d', '3d'],
  // Words of TypeScript and Go.
  ['class', 'class', 'class', 'Class', 'class', 'class'],
  ['type', 'type', 'type', 'Type', 'typepb', 'type'],
  ['constructor', 'constructor', 'constructor', 'Constructor', 'constructor', 'constructor'],
  // Names that mean something else already.
  ['promise', 'promise', 'promise', 'PromiseService', 'promise', 'promise'],
  ['call-request', 'call-request', 'call-request', 'CallRequestService', 'callrequest', 'call-request'],
  ['debug', 'debug', 'debug', 'DebugService', 'debug', 'debug'],
  ['client', 'client', 'client', 'ClientService', 'client', 'client'],
  ['test-context', 'test-context', 'test-context', 'TestContextService', 'testcontext', 'test-context'],
  ['yes', 'yes-service', 'yes', 'Yes', 'yes', 'yes'],
])('%s is written as %s, %s, %s, %s, %s', (name, service, packageName, handler, proto, folder) => {
  expect(namesOf(name)).toEqual({ service, package: packageName, handler, proto, folder });
});

test.each([
  ['', 'small letters'],
  ['.', 'small letters'],
  ['..', 'outside'],
  ['../helloworld', 'outside'],
  ['apps/../../helloworld', 'outside'],
  ['..\\helloworld', 'outside'],
  ['/tmp/helloworld', 'from the folder you are in'],
  ['\\\\host\\share', 'from the folder you are in'],
  ['C:\\helloworld', 'characters'],
  ['HelloWorld', 'such as hello-world'],
  ['hello world', 'such as hello-world'],
  ['.hidden', 'such as hidden'],
  ['-rf', 'such as rf'],
  ['_', 'small letters'],
  ['héllo', 'small letters'],
  ['hello\n', 'characters'],
  ['a\u0000b', 'characters'],
  ['a\u009bb/c', 'characters'],
  ['{{handler}}', 'such as handler'],
  ["it's", 'such as it-s'],
  ['@Acme/helloworld', 'such as acme'],
  ['@/helloworld', 'small letters'],
  ['node_modules', 'npm keeps it'],
  ['__proto__', 'small letters'],
  ['x'.repeat(64), 'DNS'],
  [`@${'x'.repeat(200)}/helloworld-by-somebody`, '214'],
])('%j is no name', (name, why) => {
  expect(() => namesOf(name)).toThrow(why);
});
