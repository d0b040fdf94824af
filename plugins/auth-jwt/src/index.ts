export { jwtAuth } from './jwt-auth.ts';
export type { JwksOptions, JwtAuthOptions } from './jwt-auth-options.ts';
export type { JwkSet } from './key-set.ts';
export { plugin } from './plugin.ts';
