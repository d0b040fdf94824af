#!/usr/bin/env node
import { micro } from './index.ts';

const code = await micro(process.argv.slice(2));
// What a plugin left open would keep the process, and nobody waits for it any more: all output is written by now.
process.exit(code);
