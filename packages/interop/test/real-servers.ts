import { missingServer, type ServerKind } from '@micro/test-servers';

/** Whether a suite that needs Go and this server is skipped, and what its title says about that. */
export function need(
  binary: string,
  ...kinds: readonly ServerKind[]
): { readonly skip: boolean; readonly why: string } {
  const missing = kinds.map((kind) => missingServer(kind)).filter((reason) => reason !== undefined);
  return { skip: binary === '' || missing.length > 0, why: missing.map((reason) => ` (skipped: ${reason})`).join('') };
}

/** Runs what was put by, in reverse, also when something of it fails. */
export function cleanup(): { add(close: () => Promise<unknown>): void; run(): Promise<void> } {
  const closing: (() => Promise<unknown>)[] = [];
  return {
    add: (close) => void closing.push(close),
    async run() {
      const failed: unknown[] = [];
      for (const close of closing.splice(0).reverse()) await close().catch((error: unknown) => failed.push(error));
      if (failed.length > 0) throw failed[0];
    },
  };
}
