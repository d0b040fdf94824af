#!/usr/bin/env node
import { micro } from '@micro/cli';

// `npm create micro helloworld -- --health` is `micro new helloworld --health`.
const code = await micro(['new', ...process.argv.slice(2)]);
process.exit(code);
