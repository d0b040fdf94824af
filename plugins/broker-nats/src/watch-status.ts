import { Events, type NatsConnection, type Status } from 'nats';

/** What is said about a connection. */
export interface StatusEvents {
  refused(what: 'publish' | 'subscribe', subject: string): void;
  disconnected?(): void;
  reconnected?(): void;
}

/** Tells what the library says of a connection, until it is closed or the function that this returns is called. */
export function watchStatus(connection: NatsConnection, events: StatusEvents): () => void {
  const statuses = connection.status();
  let watching = true;
  const watch = async (): Promise<void> => {
    for await (const status of statuses) {
      if (!watching) return;
      if (status.type === Events.Disconnect) events.disconnected?.();
      else if (status.type === Events.Reconnect) events.reconnected?.();
      else if (status.type === Events.Error) tellRefused(status, events);
    }
  };
  watch().catch(() => {});
  return () => {
    watching = false;
    // The iterator of a connection that lives on would stay on its list; its type does not show that it can be stopped.
    if ('stop' in statuses && typeof statuses.stop === 'function') statuses.stop();
  };
}

function tellRefused({ permissionContext }: Status, events: StatusEvents): void {
  if (permissionContext === undefined) return;
  const { operation, subject } = permissionContext;
  events.refused(operation === 'publish' ? 'publish' : 'subscribe', subject);
}
