package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/server"
	"go-micro.dev/v4/transport"
)

// A Go server hands the buffer of a stream's message to another goroutine and encodes the next message into the same
// buffer, so that messages sent without a pause arrive as copies of the last. No pause is long enough on a busy machine;
// writtenTransport tells when a message has left, and send waits for that.
type writtenTransport struct {
	transport.Transport
	written *written
}

// written has one channel per socket, by what it says of its remote address, that gets a value with every message that left.
type written struct {
	channels sync.Map
	sockets  atomic.Uint64
}

func newWrittenTransport(inner transport.Transport) *writtenTransport {
	return &writtenTransport{Transport: inner, written: &written{}}
}

func (t *writtenTransport) Listen(address string, options ...transport.ListenOption) (transport.Listener, error) {
	listener, err := t.Transport.Listen(address, options...)
	if err != nil {
		return nil, err
	}
	return &writtenListener{Listener: listener, written: t.written}, nil
}

type writtenListener struct {
	transport.Listener
	written *written
}

func (l *writtenListener) Accept(serve func(transport.Socket)) error {
	return l.Listener.Accept(func(socket transport.Socket) {
		channel := make(chan struct{}, 1)
		// Over gRPC many sockets have one connection, and so one remote address.
		remote := fmt.Sprintf("%s#%d", socket.Remote(), l.written.sockets.Add(1))
		l.written.channels.Store(remote, channel)
		defer l.written.channels.Delete(remote)
		serve(&writtenSocket{Socket: socket, remote: remote, channel: channel})
	})
}

type writtenSocket struct {
	transport.Socket
	remote  string
	channel chan struct{}
}

// Remote is what a handler finds in its metadata.
func (s *writtenSocket) Remote() string { return s.remote }

func (s *writtenSocket) Send(message *transport.Message) error {
	err := s.Socket.Send(message)
	select {
	case s.channel <- struct{}{}:
	default:
	}
	return err
}

// send sends a message of a stream and returns when it has been written, or after a second at most.
func (w *written) send(ctx context.Context, stream server.Stream, message any) error {
	remote, _ := metadata.Get(ctx, "Remote")
	found, ok := w.channels.Load(remote)
	if !ok {
		return stream.Send(message)
	}
	channel := found.(chan struct{})
	select {
	case <-channel:
	default:
	}
	if err := stream.Send(message); err != nil {
		return err
	}
	select {
	case <-channel:
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil
}
