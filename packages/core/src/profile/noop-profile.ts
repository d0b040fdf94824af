import type { Profile } from '../contract/profile.ts';

/** A profile that measures nothing: what a service has when nobody wants to know. */
export function noopProfile(): Profile {
  return {
    name: 'noop',
    async start() {},
    async stop() {},
  };
}
