import { type InitOptions, type InitSettings, initService } from '../../src/cmd/init-service.ts';
import type { Flags } from '../../src/contract/cmd.ts';
import type { Service } from '../../src/contract/service.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';

/** Services of one test, made with flags; they stop at its end. */
export interface InitWorld extends AsyncDisposable {
  /** Makes a service with these flags; nothing of the real environment has a say. */
  init(flags: readonly string[], options?: InitOptions, settings?: InitSettings): Promise<Service>;
  /** What making a service with these flags fails with. */
  failure(flags: readonly string[], options?: InitOptions, settings?: InitSettings): Promise<MicroError>;
}

const QUIET = { name: 'greeter', logger: silentLogger() };

export function createInitWorld(): InitWorld {
  const services: Service[] = [];
  const init: InitWorld['init'] = async (argv, options = {}, settings = {}) => {
    const { server, ...rest } = options;
    const local = { address: '127.0.0.1:0', settleMs: 0, ...server };
    const service = await initService({ ...QUIET, ...rest, server: local }, { argv, env: {}, ...settings });
    services.push(service);
    return service;
  };
  return {
    init,
    async failure(argv, options, settings) {
      try {
        await init(argv, options, settings);
      } catch (error) {
        if (error instanceof MicroError) return error;
        throw error;
      }
      throw new Error(`${argv.join(' ')} did not fail`);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(services.map((service) => service.stop()));
    },
  };
}

/** The flags that an action was given, beside the service. */
export function actionRecorder(): { readonly seen: Flags[]; action: NonNullable<InitSettings['action']> } {
  const seen: Flags[] = [];
  return {
    seen,
    action(flags) {
      seen.push(flags);
    },
  };
}
