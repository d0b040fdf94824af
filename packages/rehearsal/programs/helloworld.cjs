/*
 * A service that greets, keeps whom it greeted and tells of it, and a client in the same process. What they run on is what
 * MICRO_* variables say. Returns what the client got to see.
 */
exports.helloworld = async ({ initService }, plugin, how) => {
  // Other projects run this over the same servers at the same time.
  const [name, topic] = [`helloworld-${process.pid}`, `greeted-${process.pid}`];
  const server = await initService({ name, server: { address: '127.0.0.1:0' } });
  const client = await initService({ name: 'caller', server: { address: '127.0.0.1:0' } });
  const { store } = server.components;
  let tell;
  const told = new Promise((resolve) => {
    tell = resolve;
  });

  server.server.handle('Greeter', {
    async hello({ name }) {
      await store?.write({ key: name, value: Buffer.from(`greeted over ${how}`) });
      await server.client.publish(topic, { name });
      return { msg: `Hello ${name}` };
    },
  });
  client.server.subscribe(topic, ({ name }) => tell(name));
  await client.start();
  await server.start();

  const { msg } = await client.client.call({ service: name, endpoint: 'Greeter.Hello', body: { name: how } });
  const [record] = (await store?.read(how)) ?? [];
  const { registry, broker } = server.components;
  const seen = {
    msg,
    heard: await told,
    kept: record && Buffer.from(record.value).toString(),
    runsOn: [registry, broker, store].filter(Boolean).map(({ name }) => name),
    plugin: plugin && { api: plugin.api, kind: plugin.kind, name: plugin.name },
  };
  await client.stop();
  await server.stop();
  return seen;
};
