import { commandsOf, type PackageManager } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';

/** How one package manager installs in an image. */
interface Installer {
  /** Makes the package manager itself, where the image has none. */
  readonly setup?: string;
  /** What it reads beside `package.json`, each with a `*`: not every project has it. */
  readonly reads: readonly string[];
  /** The first of them: with it, the very versions that are written down are installed. */
  readonly locked: string;
  readonly unlocked: string;
  readonly prune: string;
  /** Where it keeps packages that it has fetched before. */
  readonly cache: string;
}

const INSTALLERS: Readonly<Record<PackageManager, Installer>> = {
  npm: {
    reads: ['package-lock.json'],
    locked: 'npm ci',
    unlocked: 'npm install',
    prune: 'npm prune --omit=dev',
    cache: '/home/node/.npm',
  },
  pnpm: {
    setup: 'npm install --global pnpm@12',
    reads: ['pnpm-lock.yaml', 'pnpm-workspace.yaml'],
    locked: 'CI=true pnpm install --frozen-lockfile',
    unlocked: 'CI=true pnpm install',
    prune: 'CI=true pnpm prune --prod',
    cache: '/home/node/.local/share/pnpm',
  },
  yarn: {
    // The image has a yarn of long ago, whose place it takes.
    setup: 'npm install --global --force @yarnpkg/cli-dist@4',
    reads: ['yarn.lock', '.yarnrc.yml'],
    locked: 'yarn install --immutable',
    unlocked: 'yarn install',
    prune: 'yarn workspaces focus --production',
    cache: '/home/node/.yarn/berry',
  },
  bun: {
    setup: 'npm install --global bun@1',
    reads: ['bun.lock'],
    locked: 'bun install --frozen-lockfile',
    unlocked: 'bun install',
    prune: 'rm -rf node_modules && bun install --production',
    cache: '/home/node/.bun',
  },
};

/** An image of the service, as small as it gets without giving up `node` itself. */
export function dockerPart(project: Project): Part {
  const { names, packageManager, features } = project;
  const { setup, reads, locked, unlocked, prune, cache } = INSTALLERS[packageManager];
  const { run } = commandsOf(packageManager);
  return {
    files: templateFiles('docker', {
      setup: setup === undefined ? '' : `RUN ${setup}\n`,
      manifests: ['package.json', ...reads.map((file) => `${file}*`)].join(' '),
      install: `if [ -f ${reads[0]} ]; then ${locked}; else ${unlocked}; fi`,
      build: run('build'),
      more: features.has('postgres') ? 'COPY --from=production /app/migrations ./migrations\n' : '',
      prune,
      cache,
    }),
    scripts: { docker: `docker build -t ${names.service}:latest .` },
    dockerignore: [
      ...['.git', '.github', '.vscode', '.idea', '.DS_Store'],
      ...['node_modules', 'dist', 'coverage', '*.log', '*.tsbuildinfo'],
      // Secrets are given to a container when it is started, and are in no image.
      ...['.env', '.env.*', '.npmrc', '*.pem', '*.key'],
      ...['.dockerignore', '.editorconfig', '.gitignore', '.nvmrc', 'Dockerfile', 'README.md'],
      ...['Tiltfile', 'skaffold.yaml', 'deploy', 'test'],
    ],
    readme: `## Docker

\`${run('docker')}\` builds the image \`${names.service}:latest\`. It listens at port 8080 and runs as a user without rights. Multicast
does not leave a container's network, so name a registry that both sides can reach:

\`\`\`sh
docker run --rm -p 8080:8080 -e MICRO_REGISTRY=etcd -e MICRO_REGISTRY_ADDRESS=http://etcd:2379 ${names.service}:latest
\`\`\`

(\`@micro/registry-etcd\` has to be among the dependencies then; \`MICRO_REGISTRY=memory\` needs nothing, and is found by nobody.)`,
  };
}
