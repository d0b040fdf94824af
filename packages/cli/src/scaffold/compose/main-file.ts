import { HOOKS, type MainPart } from '../part.ts';

const RELATIVE_IMPORT = /from '\./;

/** `src/main.ts` of a service: what all parts have to say in it, in the order in which it happens. */
export function mainFile(service: string, parts: readonly MainPart[]): string {
  const all = (of: (part: MainPart) => readonly string[] | undefined): readonly string[] =>
    parts.flatMap((part) => of(part) ?? []);

  const options = [
    ...all((part) => part.options),
    ...block('server', [...all((part) => part.server), ...registerCheck(all((part) => part.checks))]),
    ...block(
      'hooks',
      HOOKS.flatMap((hook) =>
        list(
          hook,
          all((part) => part.hooks?.[hook]),
        ),
      ),
    ),
  ];
  return paragraphs(
    sorted(all((part) => part.imports)),
    all((part) => part.before),
    [
      '// Flags and MICRO_* variables choose what it runs on: `node dist/main.js --help` lists them.',
      ...made(service, options),
    ],
    all((part) => part.after),
    [
      '// Starts, registers and serves. On SIGTERM and Ctrl-C it leaves the registry, finishes what runs, and ends.',
      'await service.run();',
    ],
  );
}

function made(service: string, options: readonly string[]): readonly string[] {
  const name = `name: '${service}'`;
  if (options.length === 0) return [`const service = await initService({ ${name} });`];
  return ['const service = await initService({', ...indented([`${name},`, ...options]), '});'];
}

function registerCheck(checks: readonly string[]): readonly string[] {
  const about = '// While this fails the service is not in the registry, and /health/ready says so.';
  const [first] = checks;
  if (first === undefined) return [];
  if (checks.length === 1) return [about, `registerCheck: ${first},`];
  return [about, 'async registerCheck() {', ...indented(checks.map((check) => `await ${check}();`)), '},'];
}

function list(name: string, values: readonly string[]): readonly string[] {
  return values.length === 0 ? [] : [`${name}: [${values.join(', ')}],`];
}

function block(name: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${name}: {`, ...indented(lines), '},'];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}

/** Packages first, then files, each by name. */
function sorted(imports: readonly string[]): readonly string[] {
  const from = (statement: string): string => statement.slice(statement.lastIndexOf(' from ') + 7);
  return [...new Set(imports)].sort((a, b) => {
    const files = Number(RELATIVE_IMPORT.test(a)) - Number(RELATIVE_IMPORT.test(b));
    return files === 0 ? (from(a) < from(b) ? -1 : 1) : files;
  });
}

function paragraphs(...blocks: readonly (readonly string[])[]): string {
  const texts = blocks.filter((block) => block.length > 0).map((block) => block.join('\n'));
  return `${texts.join('\n\n')}\n`;
}
