export { EXIT, type ExitCode } from './program/exit-code.ts';
export { micro } from './program/micro.ts';
export { processTerminal, type Terminal } from './program/terminal.ts';
