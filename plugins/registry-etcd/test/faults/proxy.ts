import { createServer, connect as dial, type Socket } from 'node:net';

/** A way to a server that can be cut, while others still reach it. */
export interface Proxy extends AsyncDisposable {
  readonly address: string;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  heal(): void;
}

/** Makes one in front of `host:port`, on an address of this machine. */
export async function startProxy(host: string, port: number, at = '127.0.0.1'): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const own = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const server = createServer((socket) => {
    own(socket);
    if (isCut) {
      socket.destroy();
      return;
    }
    const onward = own(dial(port, host));
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, at, resolve));
  const bound = server.address();
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `${at.includes(':') ? `[${at}]` : at}:${typeof bound === 'object' ? bound?.port : 0}`,
    cut,
    heal() {
      isCut = false;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
