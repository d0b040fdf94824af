export { EXIT, type ExitCode } from './console/exit-code.ts';
export { processTerminal, type Terminal } from './console/terminal.ts';
export { micro } from './program/micro.ts';
