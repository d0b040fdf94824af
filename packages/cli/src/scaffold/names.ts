import { shown } from '@micro/core/plugin';
import { UsageError } from '../console/usage-error.ts';
import { pascalCase } from './pascal-case.ts';
import type { Names } from './project.ts';

/** npm takes no longer name. */
const MOST_OF_PACKAGE = 214;
/** A DNS label is no longer. */
const MOST_OF_SERVICE = 63;
const PACKAGE_PART = /^[a-z0-9][a-z0-9._-]*$/;
/** No folder has these on every system, and no terminal shows some of them. */
const ODD_IN_PATH = /[\p{Cc}<>:"|?*]/u;

/** Names that JavaScript, the messages of the `.proto` or the framework have for something else. */
const TAKEN: ReadonlySet<string> = new Set([
  ...[
    'AggregateError',
    'Array',
    'ArrayBuffer',
    'Atomics',
    'BigInt',
    'Boolean',
    'DataView',
    'Date',
    'Error',
    'Function',
  ],
  ...[
    'Infinity',
    'Iterator',
    'Intl',
    'Map',
    'Math',
    'Number',
    'Object',
    'Promise',
    'Proxy',
    'Reflect',
    'Set',
    'String',
  ],
  ...['Symbol', 'WeakMap', 'WeakRef', 'WeakSet'],
  ...['CallRequest', 'CallResponse', 'ClientStreamRequest', 'ClientStreamResponse', 'ServerStreamRequest'],
  ...['ServerStreamResponse', 'BidiStreamRequest', 'BidiStreamResponse', 'HandlersOf'],
  // What the files of scaffolds import beside it.
  ...['Client', 'TestContext'],
  // Every service answers `Debug.Health` and its like by itself.
  'Debug',
]);

/** What manifests, whose YAML is of version 1.1, would not take for text. */
const YAML_WORDS: ReadonlySet<string> = new Set(['false', 'n', 'no', 'null', 'off', 'on', 'true', 'y', 'yes']);

/** What no package of Go may be called, in lower case and without the ones that a `.proto` would not take either. */
const GO_KEYWORDS: ReadonlySet<string> = new Set([
  ...['break', 'case', 'chan', 'const', 'continue', 'default', 'defer', 'else', 'fallthrough', 'for', 'func', 'go'],
  ...['goto', 'if', 'import', 'interface', 'map', 'package', 'range', 'return', 'select', 'struct', 'switch', 'type'],
  'var',
]);

/**
 * The forms of a name as users write it: `helloworld`, `@acme/helloworld`, `apps/helloworld`. `suffix` is added to the last
 * part, such as `-client`. Throws a usage error that shows a name which has no such forms, or leads out of the user's folder.
 */
export function namesOf(text: string, suffix = ''): Names {
  const refuse = (why: string): never => {
    throw new UsageError(`${shown(text)} is no name for a project: ${why}`);
  };
  if (ODD_IN_PATH.test(text)) refuse('it has characters that no folder should have');
  if (/^[\\/]/.test(text)) refuse('give a path from the folder you are in');
  const parts = text.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) refuse('it would be written outside of the folder you are in');

  const base = `${parts.pop() ?? ''}${suffix}`;
  const scope = parts.at(-1)?.startsWith('@') === true ? parts.pop() : undefined;
  for (const part of scope === undefined ? [base] : [scope.slice(1), base]) {
    if (PACKAGE_PART.test(part)) continue;
    const instead = kebab(part);
    refuse(`use small letters, digits, -, _ and .${instead === '' ? '' : `, such as ${instead}`}`);
  }
  if (base === 'node_modules') refuse('npm keeps it for itself');

  const words = base.split(/[^a-z0-9]+/).filter((word) => word !== '');
  // DNS labels, identifiers and packages begin with a letter.
  if (/^\d/.test(base)) words.unshift('svc');
  const names: Names = {
    service: plainText(words.join('-')),
    package: scope === undefined ? base : `${scope}/${base}`,
    handler: free(pascalCase(words)),
    proto: goPackage(words.join('')),
    folder: [...parts, base].join('/'),
  };
  if (names.package.length > MOST_OF_PACKAGE) refuse(`npm takes no name longer than ${MOST_OF_PACKAGE} characters`);
  if (names.service.length > MOST_OF_SERVICE) refuse(`no label of DNS is longer than ${MOST_OF_SERVICE} characters`);
  return names;
}

function free(handler: string): string {
  return TAKEN.has(handler) ? `${handler}Service` : handler;
}

function plainText(service: string): string {
  return YAML_WORDS.has(service) ? `${service}-service` : service;
}

function goPackage(name: string): string {
  return GO_KEYWORDS.has(name) ? `${name}pb` : name;
}

/** `HelloWorld` and `hello world` as `hello-world`. */
function kebab(text: string): string {
  return text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '');
}
