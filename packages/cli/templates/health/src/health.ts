/** What the service cannot do without, by name: each throws, or rejects, while it is missing. */
export type Checks = Readonly<Record<string, () => unknown>>;

const CHECKS: Checks = {
  // For example: `templates: () => access('templates')`, with `access` of node:fs/promises.
};

/** Throws, naming all that is missing, while the service should not be called. */
export async function ready(checks: Checks = CHECKS): Promise<void> {
  const missing: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (missing.length > 0) throw new Error(missing.join('; '));
}
