import { reasonOf } from '@micro/core/plugin';
import type { Terminal } from '../console/terminal.ts';
import { FEATURE_ABOUT } from './features/about.ts';
import { namesOf } from './names.ts';
import { FEATURES, type FeatureName, PLUGIN_KINDS, type Project, type TemplateKind } from './project.ts';

/** What users said on the command line, or are asked for. */
export interface Answers {
  readonly kind?: Project['kind'] | undefined;
  readonly name?: string | undefined;
  readonly proto?: boolean | undefined;
  readonly features?: readonly FeatureName[] | undefined;
  readonly pluginKind?: TemplateKind | undefined;
}

/** Asks on the terminal for what is missing. `undefined`: the user left with Ctrl-C. */
export async function askProject(
  given: Answers,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Answers | undefined> {
  const { isCancel, multiselect, select, text } = await import('@clack/prompts');
  const io = { input: terminal.stdin, output: terminal.stderr, signal };
  const left = Symbol('left');
  const answer = <T>(value: T): Exclude<T, symbol> => {
    if (isCancel(value)) throw left;
    return value as Exclude<T, symbol>;
  };
  try {
    const kind =
      given.kind ??
      answer(
        await select<Project['kind']>({
          ...io,
          message: 'What is it?',
          options: [
            { value: 'service', label: 'a service' },
            { value: 'client', label: 'a client', hint: 'calls a service' },
            { value: 'plugin', label: 'a plugin', hint: 'a registry, store, broker, … of your own' },
          ],
        }),
      );
    const pluginKind =
      kind !== 'plugin'
        ? undefined
        : (given.pluginKind ??
          answer(
            await select<TemplateKind>({
              ...io,
              message: 'Which part of a service is it?',
              options: PLUGIN_KINDS.map((value) => ({ value })),
            }),
          ));
    const usual = kind === 'plugin' ? 'consul' : 'helloworld';
    const name =
      given.name ??
      answer(
        await text({
          ...io,
          message: { service: 'What is it called?', client: 'What does it call?', plugin: 'What is it for?' }[kind],
          // What is shown in grey is what Enter alone says.
          placeholder: usual,
          defaultValue: usual,
          validate: (typed) => problemOf(typed || usual),
        }),
      );
    if (kind !== 'service') return { ...given, kind, name, pluginKind };
    const proto =
      given.proto ??
      answer(
        await select<boolean>({
          ...io,
          message: 'How are its messages described?',
          options: [
            { value: true, label: 'in a .proto', hint: 'for callers in any language' },
            { value: false, label: 'in TypeScript' },
          ],
        }),
      );
    const features =
      given.features ??
      answer(
        await multiselect<FeatureName>({
          ...io,
          message: 'What else?',
          required: false,
          options: FEATURES.map((value) => ({ value, hint: FEATURE_ABOUT[value] })),
        }),
      );
    return { kind, name, proto, features };
  } catch (error) {
    if (error === left) return undefined;
    throw error;
  }
}

function problemOf(name: string): string | undefined {
  try {
    namesOf(name);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
