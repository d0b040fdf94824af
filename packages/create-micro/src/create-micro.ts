#!/usr/bin/env node
import { micro } from '@micro/cli';

// `npm create micro helloworld -- --health` is `micro new helloworld --health`.
process.exitCode = await micro(['new', ...process.argv.slice(2)]);
