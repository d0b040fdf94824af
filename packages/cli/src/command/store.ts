import { CODE, MicroError, type Store, type StoreRecord } from '@micro/core';
import { Command } from 'commander';
import { UsageError } from '../console/usage-error.ts';
import { visible } from '../console/visible.ts';
import { countOption, durationOption } from '../input/options.ts';
import { isReference, readReference } from '../input/read-all.ts';
import type { Run, Tools } from '../session/tools.ts';
import { dataOfBytes, textOfBytes } from '../view/bytes.ts';

interface Paging {
  readonly limit?: number;
  readonly offset?: number;
}

const ABOUT =
  'The store is the one that --store names, at --store_address; --store_database and --store_table say where in it.';

/** `micro store`: what a store can do, one verb each. */
export function storeCommand(run: Run): Command {
  return new Command('store')
    .summary('look into a store, and change it')
    .description(`Reads and changes records. ${ABOUT}`)
    .addCommand(listCommand(run))
    .addCommand(readCommand(run))
    .addCommand(writeCommand(run))
    .addCommand(deleteCommand(run));
}

function listCommand(run: Run): Command {
  return paged(new Command('list'))
    .summary('keys')
    .description(`Lists keys, sorted. ${ABOUT}`)
    .option('--prefix <text>', 'only keys that begin with this')
    .option('--suffix <text>', 'only keys that end with this')
    .action((options: Paging & { readonly prefix?: string; readonly suffix?: string }) =>
      run(async (tools) => {
        const store = await chosenStore(tools);
        const keys = await store.list({ ...options, signal: tools.signal });
        await tools.output.items(keys, visible);
        return undefined;
      }),
    );
}

function readCommand(run: Run): Command {
  return paged(new Command('read'))
    .summary('the value of a key')
    .description(
      `Prints the value of a record; what is no text as base64: and its base64. Ends with 1 without one. ${ABOUT}`,
    )
    .argument('<key>', 'key of the record, or the beginning or the end of several')
    .option('--prefix', 'the records whose keys begin so', false)
    .option('--suffix', 'the records whose keys end so', false)
    .action((key: string, { prefix, suffix, limit, offset }: Paging & Record<'prefix' | 'suffix', boolean>) =>
      run(async (tools) => {
        const { output, signal, terminal } = tools;
        const store = await chosenStore(tools);
        const several = prefix || suffix;
        const records = await store.read(key, { prefix, suffix, limit, offset, signal });
        if (several) {
          const texts = records.map(({ value }) => textOfBytes(value, terminal)).values();
          await output.items(records.map(recordData), ({ key: name }) => `${visible(name)}\t${texts.next().value}`);
          return undefined;
        }
        const [record] = records;
        if (record === undefined) {
          const detail = `there is no record ${JSON.stringify(key.slice(0, 200))} in the store ${store.name}`;
          throw new MicroError({ id: 'micro', code: CODE.notFound, detail });
        }
        await output.value(recordData(record), textOfBytes(record.value, terminal));
        return undefined;
      }),
    );
}

function writeCommand(run: Run): Command {
  return new Command('write')
    .summary('a record')
    .description(`Writes a record, over one that is there. ${ABOUT}`)
    .argument('<key>', 'key of the record')
    .argument('<value>', 'its value: a text, @file, or - for stdin')
    .addOption(durationOption('--ttl <duration>', 'ends the record after so long (default: 0, never)'))
    .action((key: string, value: string, { ttl: ttlMs }: { readonly ttl?: number }) =>
      run(async (tools) => {
        const bytes = isReference(value) ? await readReference(value, tools) : Buffer.from(value);
        const store = await chosenStore(tools);
        await store.write({ key, value: bytes }, { ttlMs, signal: tools.signal });
        return undefined;
      }),
    );
}

function deleteCommand(run: Run): Command {
  return new Command('delete')
    .summary('a record')
    .description(`Deletes a record; nothing happens when there is none. ${ABOUT}`)
    .argument('<key>', 'key of the record')
    .action((key: string) =>
      run(async (tools) => {
        const store = await chosenStore(tools);
        await store.delete(key, { signal: tools.signal });
        return undefined;
      }),
    );
}

function paged(command: Command): Command {
  return command
    .addOption(countOption('--limit <n>', 'at most so many (default: 0, all)'))
    .addOption(countOption('--offset <n>', 'leaves out so many first (default: 0)'));
}

/** A store has no default that others see: one in the memory of this process would always be empty. */
async function chosenStore({ flags, session }: Tools): Promise<Store> {
  const { store: named } = flags();
  if (named === undefined || named === 'memory') {
    throw new UsageError('name the store with --store (or MICRO_STORE), such as --store redis --store_address …');
  }
  const { store } = (await session()).components;
  if (store === undefined) throw new UsageError(`there is no store ${JSON.stringify(named)}`);
  return store;
}

function recordData({ key, value, metadata, expiresAt }: StoreRecord): RecordData {
  return {
    key,
    value: dataOfBytes(value),
    ...(metadata === undefined || Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

interface RecordData {
  readonly key: string;
  readonly value: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly expiresAt?: string;
}
