import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseArgs } from 'node:util';
import { jwtAuth } from '@micro/auth-jwt';

/*
 * How many tokens a process checks per second: what `authHandler` asks @micro/auth-jwt with each call. One process, no
 * network; the calls follow one another, as `inspect` of a token that is remembered takes no time to overlap.
 */

const USAGE = `npm run tokens -w @micro/bench -- [options]

  --seconds N   how long each measurement counts, after a second of warm-up (default 2)
  --tokens N    how many different tokens are checked in turn (default 1000)`;

interface Kind {
  readonly name: string;
  readonly privateKey: string;
}

function kinds(): readonly Kind[] {
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return [
    { name: 'RS256 (2,048 bits)', privateKey: pem(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey) },
    { name: 'EdDSA', privateKey: pem(generateKeyPairSync('ed25519').privateKey) },
    { name: 'ES256', privateKey: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey) },
  ];
}

/** As many texts as accounts. Each check gets a copy, as a server gets a new text with each request. */
async function tokensOf(privateKey: string, count: number): Promise<readonly Buffer[]> {
  const auth = jwtAuth({ privateKey, ttlMs: 3_600_000 });
  const tokens: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const { id, secret } = await auth.generate(`account-${index}`, { type: 'service', scopes: ['staff', 'admin'] });
    tokens.push(Buffer.from((await auth.token({ id, secret })).accessToken, 'latin1'));
  }
  return tokens;
}

async function rate(
  privateKey: string,
  tokens: readonly Buffer[],
  remembered: boolean,
  seconds: number,
): Promise<number> {
  const auth = jwtAuth({ privateKey, ...(remembered ? {} : { maxCachedTokens: 0 }) });
  const run = async (ms: number): Promise<number> => {
    const begin = performance.now();
    let done = 0;
    while (performance.now() - begin < ms) {
      for (let index = 0; index < 100; index++, done++) {
        const token = tokens[done % tokens.length]?.toString('latin1') ?? '';
        const { id } = await auth.inspect(token);
        if (id !== `account-${done % tokens.length}`) throw new Error(`a token of account-${done} is that of ${id}`);
      }
    }
    return (done / (performance.now() - begin)) * 1_000;
  };
  await run(1_000);
  return run(seconds * 1_000);
}

try {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '2' },
      tokens: { type: 'string', default: '1000' },
      help: { type: 'boolean', default: false },
    },
  });
  const [seconds, count] = [Number(values.seconds), Number(values.tokens)];
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
  } else if (!(seconds > 0) || !Number.isSafeInteger(count) || count < 1 || count > 10_000) {
    throw new Error('--seconds is a number above 0, and --tokens one from 1 to 10000');
  } else {
    process.stdout.write(
      `node ${process.version}\n\n| key | remembered, per second | verified each time, per second |\n|---|---|---|\n`,
    );
    for (const { name, privateKey } of kinds()) {
      const tokens = await tokensOf(privateKey, count);
      const figures = [await rate(privateKey, tokens, true, seconds), await rate(privateKey, tokens, false, seconds)];
      const shown = figures.map((figure) => Math.round(figure).toLocaleString('en-US'));
      process.stdout.write(`| ${name} | ${shown.join(' | ')} |\n`);
    }
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
