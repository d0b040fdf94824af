import type { Line } from './line-process.ts';
import { startLineProcess } from './line-process.ts';

/** What a Go server is started with. */
export interface GoServerOptions {
  /** The program that `buildGo` made. */
  readonly binary: string;
  /** Words before the command, such as those that enter a network namespace. Default none. */
  readonly prefix?: readonly string[];
  /** Default `127.0.0.1:0`. */
  readonly address?: string;
  /** Default `helloworld`. */
  readonly name?: string;
  /** Default `latest`. */
  readonly version?: string;
  /** Default `memory`, which nobody else sees. */
  readonly registry?: 'memory' | 'mdns';
  /** Default `memory`. */
  readonly broker?: 'memory' | 'http';
  /** What its node says about itself beside what go-micro adds. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A Go process that serves `Helloworld`, `Plain` and `Raw`. */
export interface GoServer {
  readonly address: string;
  /** The id of its node in the registry. */
  readonly id: string;
  readonly pid: number;
  stderr(): string;
  /** Asks it to deregister and stop, and waits until it is gone. */
  close(): Promise<void>;
}

/** Starts a Go server; resolves when it listens and has registered. Gives up after 10 s. */
export async function startGoServer(options: GoServerOptions): Promise<GoServer> {
  const { binary, prefix = [], address = '127.0.0.1:0', name = 'helloworld', version = 'latest' } = options;
  const { registry = 'memory', broker = 'memory', metadata = {} } = options;
  const flags = [
    '--address',
    address,
    '--name',
    name,
    '--version',
    version,
    '--registry',
    registry,
    '--broker',
    broker,
  ];
  for (const [key, value] of Object.entries(metadata)) flags.push('--metadata', `${key}=${value}`);

  let said: (line: Line) => void = () => {};
  const process = await startLineProcess([...prefix, binary, 'server', ...flags], (line) => said(line));
  let timer: NodeJS.Timeout | undefined;
  try {
    const ready = await new Promise<Line>((resolve, reject) => {
      said = (line) => (line.fatal === undefined ? resolve(line) : reject(new Error(String(line.fatal))));
      timer = setTimeout(() => reject(new Error('it was not ready within 10 s')), 10_000);
      void process.exited.then(() => reject(new Error('it exited')));
    });
    return {
      address: String(ready.address),
      id: String(ready.id),
      pid: process.pid,
      stderr: process.stderr,
      close: () => process.close(),
    };
  } catch (error) {
    await process.close();
    throw new Error(`the Go server did not start: ${String(error)}\n${process.stderr()}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
