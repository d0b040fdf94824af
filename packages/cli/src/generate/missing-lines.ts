import type { Part } from '../scaffold/part.ts';

/** What parts say in `src/main.ts` that a text does not, as lines for people to put in their places. */
export function missingInMain(text: string, parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ main = {} }) => {
    const { imports = [], before = [], options = [], server = [], checks = [], hooks = {}, after = [] } = main;
    const missing = (lines: readonly string[]) => lines.filter((line) => !text.includes(line));
    const lists = Object.entries(hooks).flatMap(([hook, functions = []]) =>
      missing(functions).map((one) => `options: hooks: { ${hook}: [${one}] }`),
    );
    return [
      ...missing(imports),
      ...missing(before),
      ...missing(options).map((line) => `options: ${line}`),
      ...missing(server).map((line) => `options: server: { ${line} }`),
      ...missing(checks).map((check) => `options: server: { registerCheck: ${check} }`),
      ...lists,
      ...missing(after),
    ];
  });
}

/** The variables of parts that `.env.example` does not have, as its lines. */
export function missingInEnvironment(text: string, parts: readonly Part[]): readonly string[] {
  const there = new Set(text.split('\n').map((line) => line.replace(/^\s*#?\s*(export\s+)?/, '').split('=')[0]));
  const variables = parts.flatMap(({ variables = [] }) => variables);
  return variables.filter(({ name }) => !there.has(name)).map(({ name, value }) => `${name}=${value}`);
}
