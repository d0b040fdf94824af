export { type PprofProfile, type PprofProfileOptions, plugin, pprofProfile } from './pprof-profile.ts';
