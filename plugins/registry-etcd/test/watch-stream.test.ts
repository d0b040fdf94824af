import { EventEmitter } from 'node:events';
import { eventually } from '@micro/core/conformance';
import type { IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import { describe, expect, it } from 'vitest';
import { type WatchListener, watchStream } from '../src/watch-stream.ts';

/**
 * A server that says what it is told to: what a real one says only when something is wrong. `answers`: the revisions that it
 * gives when it is asked for its progress, one after the other, and then no more.
 */
function scripted({ idleMs = 60_000, patienceMs = 60_000, answers = [] as number[] } = {}) {
  const say = (response: Partial<Omit<IWatchResponse, 'header'>> & { readonly revision?: number }): void => {
    const { revision = 100, ...rest } = response;
    emitter.emit('data', {
      ...{ watch_id: '1', created: false, canceled: false, compact_revision: '0', cancel_reason: '', fragment: false },
      ...{ events: [], header: { revision: String(revision) } },
      ...rest,
    });
  };
  const requests: IWatchRequest[] = [];
  let cancelled = 0;
  const emitter = new EventEmitter();
  const stream = Object.assign(emitter, {
    write(request: IWatchRequest) {
      requests.push(request);
      const revision = request.progress_request === undefined ? undefined : answers.shift();
      if (revision !== undefined) queueMicrotask(() => say({ watch_id: '-1', revision }));
    },
    end() {},
    cancel: () => void cancelled++,
  });
  const reasons: string[] = [];
  const watch = watchStream({ stream, idleMs, patienceMs, onEnd: ({ message }) => reasons.push(message) });
  const seen: string[] = [];
  const listener: WatchListener = {
    created: () => void seen.push('created'),
    events: (events, complete) => void seen.push(`${events.length} ${complete}`),
    lost: () => void seen.push('lost'),
  };
  return { watch, emitter, requests, reasons, seen, listener, say, cancelled: () => cancelled };
}

const event = {} as IEvent;

describe('a watch stream', () => {
  it('tells a watch what is for it, and says of what comes in pieces that it is not all', () => {
    const { watch, say, seen, listener } = scripted();
    watch.create({ key: Buffer.from('a') }, 5, listener);
    say({ created: true });
    say({ events: [event, event], fragment: true });
    say({ events: [event] });
    say({ watch_id: '7', events: [event] });
    expect(seen).toEqual(['created', '2 false', '1 true']);
    watch.end(new Error('over'));
  });

  it('tells nothing to a watch that was stopped, and asks the server to stop it', () => {
    const { watch, say, seen, listener, requests } = scripted();
    const stop = watch.create({ key: Buffer.from('a') }, 5, listener);
    say({ created: true });
    stop();
    stop();
    say({ events: [event] });
    expect(seen).toEqual(['created']);
    expect(requests.slice(1)).toEqual([{ cancel_request: { watch_id: '1' } }]);
    watch.end(new Error('over'));
  });

  it('loses one watch alone when the server ends it, and all when it refuses one', () => {
    const { watch, say, seen, listener, reasons, cancelled } = scripted();
    watch.create({ key: Buffer.from('a') }, 5, listener);
    watch.create({ key: Buffer.from('b') }, 5, listener);
    say({ created: true });
    say({ canceled: true, compact_revision: '50' });
    expect([seen, reasons]).toEqual([['created', 'lost'], []]);
    say({ watch_id: '2', created: true, canceled: true, cancel_reason: 'etcdserver: permission denied' });
    expect(reasons).toEqual(['a watch was refused: etcdserver: permission denied']);
    expect(cancelled()).toBe(1);
  });

  it('ends once, for the first reason', () => {
    const { watch, emitter, reasons } = scripted();
    emitter.emit('error', new Error('first'));
    emitter.emit('end');
    emitter.emit('error', new Error('second'));
    watch.end(new Error('third'));
    expect([watch.over, reasons]).toEqual([true, ['first']]);
  });

  it('asks a silent server whether it is there, and ends when it does not answer', async () => {
    const { watch, say, requests, reasons, listener } = scripted({ idleMs: 20, patienceMs: 100, answers: [100, 100] });
    watch.create({ key: Buffer.from('a') }, 5, listener);
    say({ created: true });
    await eventually(() => expect(reasons).toEqual(['14 UNAVAILABLE: silent for 100 ms']));
    expect(requests.slice(1)).toEqual(Array(3).fill({ progress_request: {} }));
  });

  it('ends when a watch is not begun in time', async () => {
    const { watch, reasons, listener } = scripted({ patienceMs: 50 });
    watch.create({ key: Buffer.from('a') }, 5, listener);
    await eventually(() => expect(reasons).toEqual(['14 UNAVAILABLE: silent for 50 ms']));
  });

  it('waits for a server that is behind, and ends when it does not catch up', async () => {
    const late = scripted({ patienceMs: 10_000, answers: [10] });
    late.watch.create({ key: Buffer.from('a') }, 11, late.listener);
    late.say({ created: true, revision: 8 });
    const never = scripted({ patienceMs: 100, answers: Array(1_000).fill(9) });
    never.watch.create({ key: Buffer.from('a') }, 11, never.listener);
    never.say({ created: true, revision: 8 });
    await eventually(() => expect(late.requests).toHaveLength(2));
    await eventually(() => expect(never.reasons).toEqual(['the server stays at revision 9, behind 10']));
    expect([late.reasons, late.requests.length]).toEqual([[], 2]);
    late.watch.end(new Error('over'));
  });
});
