import * as core from '@micro/core';
import { helloworld } from './helloworld.cjs';

const [, , name] = process.argv;
const { plugin } = name === undefined ? {} : await import(name);
console.log(JSON.stringify(await helloworld(core, plugin, 'ESM')));
