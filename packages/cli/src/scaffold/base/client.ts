import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';
import { nodeProject } from './node-project.ts';
import { protoPart } from './proto.ts';

/** A program that calls one method of one service every second. */
export function clientParts(project: Project): readonly Part[] {
  const { names, target } = project;
  if (target === undefined) throw new Error('a client has something to call');
  const { service, handler, method, request, proto } = target;
  return [
    {
      files: {
        ...templateFiles('client', { client: names.service, service }),
        ...(proto === undefined
          ? templateFiles('client-no-proto', { service, endpoint: `${handler}.${method}`, request })
          : templateFiles('client-proto', {
              service,
              handler,
              method: localName(method),
              request,
              file: proto.file.replace(/\.proto$/, ''),
            })),
      },
      readme: readme(project, service),
    },
    nodeProject(project),
    ...(proto === undefined ? [] : [protoPart(proto.file, proto.text)]),
  ];
}

/** The name that a method has in TypeScript. */
function localName(method: string): string {
  return `${method.charAt(0).toLowerCase()}${method.slice(1)}`;
}

function readme({ names, target, packageManager }: Project, service: string): string {
  const { run, exec } = commandsOf(packageManager);
  const proto = target?.proto;
  return `# ${names.service}

A [micro](https://www.npmjs.com/package/@micro/core) client. It calls \`${service}\` every second until Ctrl-C, and goes on when the service is
away. \`src/call.ts\` says what is called.

| command | what it does |
|---|---|
| \`${run('dev')}\` | runs it, and again after every change |
| \`${exec} run --no-watch --args --once\` | calls once, and fails when the call does |
| \`${run('test')}\` | runs its tests, without a network |
| \`${run('build')}\`, \`${run('start')}\` | builds it into \`dist\` and runs that, as in production |
${proto === undefined ? '' : `| \`${run('proto')}\` | writes \`src/gen\` anew, after a change in \`proto\` |\n`}`;
}
