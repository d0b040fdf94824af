import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';
import { nodeProject } from './node-project.ts';
import { helloworldProto, protoPart } from './proto.ts';

/** A service without any feature: four endpoints, one of each kind. */
export function serviceParts(project: Project): readonly Part[] {
  const { names, proto } = project;
  const { service, handler } = names;
  const described = proto ? `./gen/${service}_pb.ts` : './contract.ts';
  return [
    {
      files: templateFiles(proto ? 'service-proto' : 'service-no-proto', { service, handler }),
      readme: readme(project),
      variables: [
        {
          name: 'MICRO_REGISTRY',
          value: 'mdns',
          about: 'Where services are found: mdns, memory, or a plugin such as etcd.',
        },
        {
          name: 'MICRO_LOG_LEVEL',
          value: 'info',
          about: 'Least urgent lines that are written: trace, debug, info, warn, error or fatal.',
        },
        { name: 'MICRO_SERVER_ADDRESS', value: ':0', about: 'Where it listens; port 0 is any that is free.' },
      ],
      main: {
        imports: [
          "import { initService } from '@micro/core';",
          `import { ${handler} } from '${described}';`,
          "import { handlers } from './handler.ts';",
        ],
        after: [`service.server.handle(${handler}, handlers);`],
      },
    },
    nodeProject(project),
    ...(proto ? [protoPart(`${service}.proto`, helloworldProto(names))] : []),
  ];
}

function readme({ names, proto, packageManager }: Project): string {
  const { service, handler } = names;
  const { run, exec } = commandsOf(packageManager);
  const description = proto ? `\`proto/${service}.proto\`` : '`src/contract.ts`';
  return `# ${service}

A [micro](https://www.npmjs.com/package/@micro/core) service. ${description} says what it can do, \`src/handler.ts\` does it, and
\`src/main.ts\` serves it.

| command | what it does |
|---|---|
| \`${run('dev')}\` | runs it, and again after every change |
| \`${run('test')}\` | runs its tests, without a network |
| \`${run('build')}\`, \`${run('start')}\` | builds it into \`dist\` and runs that, as in production |
| \`${run('typecheck')}\` | checks the types |
${proto ? `| \`${run('proto')}\` | writes \`src/gen\` anew, after a change in \`proto\` |\n` : ''}
While it runs, in a second terminal:

\`\`\`sh
${exec} call ${service} ${handler}.Call '{"name": "John"}'
${exec} stream server ${service} ${handler}.ServerStream '{"count": 3}'
\`\`\`

Flags (\`--registry etcd\`) and variables (\`MICRO_REGISTRY=etcd\`) choose what it runs on. \`.env.example\` lists the variables; copy it
to \`.env\` and start with \`${exec} run --env-file .env\`.`;
}
