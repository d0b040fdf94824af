/*
 * A registry for npm on a free port of the loopback interface. Its parent sends it the settings and is told the port; it
 * ends with its parent. Its argument is a file beside the node_modules that has verdaccio.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';

process.once('disconnect', () => process.exit());
const { runServer } = createRequire(process.argv[2])('verdaccio');
const [settings] = await once(process, 'message');
const server = await runServer(settings);

// What other people publish is taken for unchanged as long as this runs. Verdaccio would read and compare it anew each time
// that npm and pnpm ask, which they do for every package of every project.
const own = new Set(Object.keys(settings.packages));
const [answer] = server.listeners('request');
server.removeListener('request', answer);
server.on('request', (request, response) => {
  const etag = request.headers['if-none-match'];
  const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname.slice(1));
  if (request.method === 'GET' && etag !== undefined && !own.has(name)) response.writeHead(304, { etag }).end();
  else answer(request, response);
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
