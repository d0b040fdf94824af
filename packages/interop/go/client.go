package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go-micro.dev/v4/client"
	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/selector"
)

// command is one line of stdin: one call, or many of the same.
type command struct {
	// Id comes back in every line that answers this command.
	Id string `json:"id"`
	// Address is where to call. Without one the registry is asked.
	Address string `json:"address"`
	// Legacy hides the protocol of the node, so that go-micro falls back to json-rpc and proto-rpc. Needs an address.
	Legacy      bool            `json:"legacy"`
	Service     string          `json:"service"`
	Endpoint    string          `json:"endpoint"`
	Kind        string          `json:"kind"`
	ContentType string          `json:"contentType"`
	As          string          `json:"as"`
	Body        json.RawMessage `json:"body"`
	// RawBody is Body as text, for numbers that the writer of this line cannot hold.
	RawBody  string            `json:"rawBody"`
	Bodies   []json.RawMessage `json:"bodies"`
	Metadata map[string]string `json:"metadata"`
	// TimeoutMs is go-micro's RequestTimeout; for a stream it is when this program gives up, which go-micro never does.
	TimeoutMs int64 `json:"timeoutMs"`
	// StreamTimeoutMs is go-micro's StreamTimeout, which becomes the Timeout header of a stream.
	StreamTimeoutMs int64 `json:"streamTimeoutMs"`
	// CancelAfterMs cancels the context of a unary call, or closes a stream.
	CancelAfterMs int64 `json:"cancelAfterMs"`
	// CloseSend asks a stream for a half-close when its messages are sent.
	CloseSend   bool `json:"closeSend"`
	Retries     int  `json:"retries"`
	Count       int  `json:"count"`
	Concurrency int  `json:"concurrency"`
	// Fresh uses a new client, whose ids start at 0 and whose pool is empty.
	Fresh bool `json:"fresh"`
}

// answer is one line of stdout.
type answer struct {
	Id    string          `json:"id,omitempty"`
	N     int             `json:"n"`
	Reply json.RawMessage `json:"reply,omitempty"`
	Error *failure        `json:"error,omitempty"`
	// End is the end of a stream without an error.
	End bool `json:"end,omitempty"`
}

// caller keeps the clients of one process.
type caller struct {
	out      *lines
	registry registry.Registry
	// make makes a client over a transport of its own.
	make    func(options ...client.Option) client.Client
	mu      sync.Mutex
	clients map[string]client.Client
}

func runClient(out *lines, args []string) error {
	base := command{Metadata: map[string]string{}}
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	registryName := flags.String("registry", "memory", "memory, mdns or etcd; asked when a call has no address")
	registryAddress := flags.String("registry-address", "", "host:port of etcd, several with commas")
	transportName := flags.String("transport", "http", "http or grpc")
	clientName := flags.String("client", "mucp", "mucp, or grpc in the program that has it")
	body := flags.String("body", "{}", "the request as JSON")
	flags.StringVar(&base.Address, "address", "", "host:port to call")
	flags.BoolVar(&base.Legacy, "legacy", false, "call as if the node spoke only the legacy envelopes")
	flags.StringVar(&base.Service, "service", "helloworld", "name of the service")
	flags.StringVar(&base.Endpoint, "endpoint", "", "Handler.Method; without it calls are read from stdin")
	flags.StringVar(&base.Kind, "kind", "unary", "unary, server, client or bidi")
	flags.StringVar(&base.ContentType, "content-type", "application/json", "content type of the request")
	flags.StringVar(&base.As, "as", "", "json, frame or call; default what the endpoint takes")
	flags.Var(pairs(base.Metadata), "metadata", "metadata of the call, key=value, several times")
	timeout := flags.Duration("timeout", 5*time.Second, "how long a call may take")
	flags.IntVar(&base.Retries, "retries", 0, "how often to repeat")
	flags.IntVar(&base.Count, "count", 1, "how many calls")
	flags.IntVar(&base.Concurrency, "concurrency", 1, "how many calls at a time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	base.Body, base.TimeoutMs = json.RawMessage(*body), timeout.Milliseconds()

	reg, err := newRegistry(*registryName, *registryAddress)
	if err != nil {
		return err
	}
	newClient := clients[*clientName]
	if newClient == nil {
		return fmt.Errorf("there is no client %q in this program", *clientName)
	}
	if _, err := newTransport(*transportName); err != nil {
		return err
	}
	calls := &caller{
		out:      out,
		registry: reg,
		make: func(options ...client.Option) client.Client {
			made, _ := newTransport(*transportName)
			return newClient(append(options, client.Transport(made))...)
		},
		clients: map[string]client.Client{},
	}
	if base.Endpoint != "" {
		calls.run(base)
		return nil
	}
	return eachLine(func(line []byte) {
		next := base
		// What is decoded into must not share memory with what other calls were given.
		next.Metadata, next.Body = nil, nil
		if err := json.Unmarshal(line, &next); err != nil {
			out.emit(map[string]any{"id": next.Id, "done": true, "error": newFailure(err)})
			return
		}
		if next.Body == nil {
			next.Body = base.Body
		}
		if next.RawBody != "" {
			next.Body = json.RawMessage(next.RawBody)
		}
		go calls.run(next)
	})
}

// run makes the calls of a command and says when all are done.
func (c *caller) run(cmd command) {
	started := time.Now()
	cl, err := c.clientFor(cmd)
	if err != nil {
		c.out.emit(map[string]any{"id": cmd.Id, "done": true, "error": newFailure(err)})
		return
	}
	count, concurrency := max(cmd.Count, 1), max(cmd.Concurrency, 1)
	var next, failed atomic.Int64
	var workers sync.WaitGroup
	for worker := 0; worker < min(count, concurrency); worker++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := int(next.Add(1)) - 1; n < count; n = int(next.Add(1)) - 1 {
				if err := c.once(cl, cmd, n); err != nil {
					failed.Add(1)
					c.out.emit(answer{Id: cmd.Id, N: n, Error: newFailure(err)})
				}
			}
		}()
	}
	workers.Wait()
	c.out.emit(map[string]any{
		"id": cmd.Id, "done": true, "ok": int64(count) - failed.Load(), "failed": failed.Load(),
		"elapsedMs": time.Since(started).Milliseconds(),
	})
}

func (c *caller) once(cl client.Client, cmd command, n int) error {
	form, err := shapeOf(cmd.Endpoint, cmd.As)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if len(cmd.Metadata) > 0 {
		ctx = metadata.NewContext(ctx, cmd.Metadata)
	}
	if cmd.Kind != "unary" {
		return c.stream(ctx, cl, cmd, form, n)
	}
	if cmd.CancelAfterMs > 0 {
		defer time.AfterFunc(time.Duration(cmd.CancelAfterMs)*time.Millisecond, cancel).Stop()
	}
	reply, err := unary(ctx, cl, cmd, form, n)
	if err == nil {
		c.out.emit(answer{Id: cmd.Id, N: n, Reply: reply})
	}
	return err
}

func unary(ctx context.Context, cl client.Client, cmd command, form shape, n int) (json.RawMessage, error) {
	request, reply := form.request(), form.reply()
	if err := fill(request, cmd.Body, n); err != nil {
		return nil, err
	}
	if err := cl.Call(ctx, newRequest(cl, cmd, request), reply, callOptions(cmd)...); err != nil {
		return nil, err
	}
	return show(reply)
}

// stream opens a stream as go-micro's generated clients do: with an empty request, then the messages.
func (c *caller) stream(ctx context.Context, cl client.Client, cmd command, form shape, n int) error {
	stream, err := cl.Stream(ctx, newRequest(cl, cmd, form.request()), callOptions(cmd)...)
	if err != nil {
		return err
	}
	defer stream.Close()
	giveUp := time.Duration(cmd.TimeoutMs) * time.Millisecond
	if cmd.CancelAfterMs > 0 {
		giveUp = time.Duration(cmd.CancelAfterMs) * time.Millisecond
	}
	defer time.AfterFunc(giveUp, func() { _ = stream.Close() }).Stop()

	bodies := cmd.Bodies
	if bodies == nil {
		bodies = []json.RawMessage{cmd.Body}
	}
	for _, body := range bodies {
		message := form.request()
		if err := fill(message, body, n); err != nil {
			return err
		}
		if err := stream.Send(message); err != nil {
			return err
		}
		if cmd.Kind == "bidi" {
			if ended, err := c.receive(stream, cmd, form, n); ended || err != nil {
				return err
			}
		}
	}
	if cmd.CloseSend {
		if err := stream.CloseSend(); err != nil {
			return err
		}
	}
	switch cmd.Kind {
	case "bidi":
		return nil
	case "client", "server":
		// The one answer of a client stream is followed by the end as well.
		for {
			if ended, err := c.receive(stream, cmd, form, n); ended || err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("unknown kind %q; use unary, server, client or bidi", cmd.Kind)
}

// receive takes one message of a stream; ended is true at its end.
func (c *caller) receive(stream client.Stream, cmd command, form shape, n int) (ended bool, err error) {
	reply := form.reply()
	if err := stream.Recv(reply); err == io.EOF {
		c.out.emit(answer{Id: cmd.Id, N: n, End: true})
		return true, nil
	} else if err != nil {
		return false, err
	}
	return false, c.emitReply(cmd, n, reply)
}

func (c *caller) emitReply(cmd command, n int, reply any) error {
	shown, err := show(reply)
	if err != nil {
		return err
	}
	c.out.emit(answer{Id: cmd.Id, N: n, Reply: shown})
	return nil
}

// clientFor picks the client of a command: one for direct addresses and the registry, one for each legacy address.
func (c *caller) clientFor(cmd command) (client.Client, error) {
	if cmd.Legacy && cmd.Address == "" {
		return nil, fmt.Errorf("a legacy call needs an address")
	}
	reg, key := c.registry, ""
	if cmd.Legacy {
		key = cmd.Service + " " + cmd.Address
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.clients[key]; known != nil && !cmd.Fresh {
		return known, nil
	}
	if cmd.Legacy {
		reg = registry.NewMemoryRegistry(registry.Services(map[string][]*registry.Service{
			cmd.Service: {{
				Name:    cmd.Service,
				Version: "latest",
				Nodes:   []*registry.Node{{Id: cmd.Service + "-legacy", Address: cmd.Address}},
			}},
		}))
	}
	made := c.make(client.Registry(reg), client.Selector(selector.NewSelector(selector.Registry(reg))))
	if !cmd.Fresh {
		c.clients[key] = made
	}
	return made, nil
}

func newRequest(cl client.Client, cmd command, body any) client.Request {
	return cl.NewRequest(cmd.Service, cmd.Endpoint, body, client.WithContentType(cmd.ContentType))
}

func callOptions(cmd command) []client.CallOption {
	options := []client.CallOption{
		client.WithRetries(cmd.Retries),
		client.WithRequestTimeout(time.Duration(cmd.TimeoutMs) * time.Millisecond),
	}
	if cmd.StreamTimeoutMs > 0 {
		options = append(options, client.WithStreamTimeout(time.Duration(cmd.StreamTimeoutMs)*time.Millisecond))
	}
	if cmd.Address != "" && !cmd.Legacy {
		options = append(options, client.WithAddress(cmd.Address))
	}
	return options
}
