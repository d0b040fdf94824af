package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"

	micro "go-micro.dev/v4"
	"go-micro.dev/v4/client"
	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/server"
	"go-micro.dev/v4/util/cmd"

	_ "github.com/go-micro/plugins/v4/auth/jwt"
)

// runService runs a service as applications have it: made by micro.NewService, with all its parts chosen by Init. A line of
// stdin is a call (a command), an emit (a brokerCommand) or, for its store, a storeCommand.
func runService(out *lines, args []string) error {
	flags := flag.NewFlagSet("service", flag.ExitOnError)
	name := flags.String("name", "helloworld", "name of the service")
	subscriptions := pairs{}
	flags.Var(subscriptions, "subscribe", "topic=queue, several times; topic= has no queue")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// Init reads the command line as well, on which the flags are ours.
	os.Args = os.Args[:1]
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// go-micro knows mdns alone, and what is imported; a service that nobody has to find must not ask the network.
	cmd.DefaultRegistries["memory"] = registry.NewMemoryRegistry
	service := micro.NewService(micro.Name(*name), micro.Context(ctx), micro.HandleSignal(false))
	service.Init()

	srv := service.Server()
	trans := newWrittenTransport(srv.Options().Transport)
	if err := srv.Init(server.Transport(trans)); err != nil {
		return err
	}
	node := *name + "-" + srv.Options().Id
	for _, handler := range []any{&Helloworld{written: trans.written}, &Plain{service: *name, node: node}, &Raw{}} {
		if err := srv.Handle(srv.NewHandler(handler)); err != nil {
			return err
		}
	}
	for topic, queue := range subscriptions {
		if err := micro.RegisterSubscriber(topic, srv, hear(out, topic), server.SubscriberQueue(queue)); err != nil {
			return err
		}
	}
	run := func(line []byte) {
		var asked struct {
			Command string `json:"command"`
		}
		_ = json.Unmarshal(line, &asked)
		switch asked.Command {
		case "call":
			go answerLine(out, line, func(cmd command) (any, error) { return callByName(service.Client(), cmd) })
		case "emit":
			answerLine(out, line, func(cmd brokerCommand) (any, error) { return nil, emit(service.Client(), cmd) })
		default:
			answerLine(out, line, func(cmd storeCommand) (any, error) { return runStoreCommand(service.Options().Store, cmd) })
		}
	}
	service.Init(micro.AfterStart(func() error {
		out.emit(map[string]any{"address": srv.Options().Address, "id": node})
		go func() {
			_ = eachLine(run)
			stop()
		}()
		return nil
	}))
	return service.Run()
}

// callByName makes one unary call to whom the registry of the client names.
func callByName(cl client.Client, cmd command) (any, error) {
	form, err := shapeOf(cmd.Endpoint, cmd.As)
	if err != nil {
		return nil, err
	}
	cmd.ContentType, cmd.TimeoutMs = "application/json", 5_000
	ctx := context.Background()
	if len(cmd.Metadata) > 0 {
		ctx = metadata.NewContext(ctx, cmd.Metadata)
	}
	return unary(ctx, cl, cmd, form, 0)
}
