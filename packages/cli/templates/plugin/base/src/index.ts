export { {{factory}} } from './{{backend}}-{{kind}}.ts';
export type { {{Options}} } from './{{backend}}-options.ts';
export { plugin } from './{{backend}}-plugin.ts';
