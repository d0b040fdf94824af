import type { TestProject } from 'vitest/node';
import { buildGo } from '../src/go-binary.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The Go program; `''` where there is none. */
    readonly goBinary: string;
    /** The same with go-micro's gRPC client and server, whose codecs take the place of grpc-go's. */
    readonly goMicroGrpcBinary: string;
  }
}

/** Builds the Go program once for all test files. Where CI is set, being without one fails the run. */
export async function setup(project: TestProject): Promise<void> {
  const built = await buildGo();
  if ('path' in built) {
    project.provide('goBinary', built.path);
    project.provide('goMicroGrpcBinary', built.microGrpcPath);
    return;
  }
  if ((process.env.CI ?? '') !== '') throw new Error(`the interop tests are required here, but ${built.missing}`);
  console.warn(`the interop tests with Go are skipped: ${built.missing}`);
  project.provide('goBinary', '');
  project.provide('goMicroGrpcBinary', '');
}
