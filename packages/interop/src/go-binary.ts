import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const MODULE = fileURLToPath(new URL('../go', import.meta.url));
const DIST = fileURLToPath(new URL('../dist', import.meta.url));

/** The first Go minor version that the module compiles with; the same as in `go.mod`. */
const GO_MINOR = 21;

/** The Go program, and the one that has go-micro's gRPC client and server as well; or why there is none on this machine. */
export type GoBinary = { readonly path: string; readonly microGrpcPath: string } | { readonly missing: string };

/**
 * Builds the Go programs into `dist`; a second or so when Go has built them before, else one to two minutes. A missing or old Go, or modules that
 * cannot be fetched, are a reason to do without; a program that does not compile is an error.
 */
export async function buildGo(): Promise<GoBinary> {
  // Another toolchain than the one that is installed would be a download of its own.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const go = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('go', args, { cwd: MODULE, env, timeout: 300_000, maxBuffer: 16 << 20 });
    return stdout.trim();
  };
  let version: string;
  try {
    version = await go('env', 'GOVERSION');
  } catch (error) {
    return { missing: `go does not run here: ${text(error)}` };
  }
  const minor = /^go1\.(\d+)/.exec(version)?.[1];
  if (minor === undefined || Number(minor) < GO_MINOR) {
    return { missing: `${version} is too old, 1.${GO_MINOR} or newer is needed` };
  }
  try {
    await go('list', '-deps', '-tags=microgrpc', '.');
  } catch (error) {
    return { missing: `the Go modules cannot be fetched: ${text(error)}` };
  }
  await mkdir(DIST, { recursive: true });
  const build = async (name: string, tags: string): Promise<string> => {
    const path = `${DIST}/${name}${process.platform === 'win32' ? '.exe' : ''}`;
    await go('build', '-mod=readonly', '-trimpath', '-buildvcs=false', `-tags=${tags}`, '-o', path, '.');
    return path;
  };
  // One after the other: the second finds most of what it needs built by the first.
  const path = await build('interop-go', '');
  return { path, microGrpcPath: await build('interop-go-micro-grpc', 'microgrpc') };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll(/\s+/g, ' ').slice(0, 500) : String(error);
}
