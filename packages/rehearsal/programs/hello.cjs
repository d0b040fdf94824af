const core = require('@micro/core');
const { helloworld } = require('./helloworld.cjs');

const [, , name] = process.argv;
const { plugin } = name === undefined ? {} : require(name);
helloworld(core, plugin, 'CommonJS').then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
