package main

import (
	"encoding/json"
	"flag"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"go-micro.dev/v4/server"
	"go-micro.dev/v4/transport"
)

func runServer(out *lines, args []string) error {
	metadata := pairs{}
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:0", "where to listen")
	name := flags.String("name", "helloworld", "name of the service")
	version := flags.String("version", "latest", "version of the service")
	registryName := flags.String("registry", "memory", "memory or mdns")
	brokerName := flags.String("broker", "memory", "memory or http")
	flags.Var(metadata, "metadata", "metadata of the node, key=value, several times")
	if err := flags.Parse(args); err != nil {
		return err
	}

	reg, err := newRegistry(*registryName)
	if err != nil {
		return err
	}
	brk, err := newBroker(*brokerName, reg)
	if err != nil {
		return err
	}
	trans := newWrittenTransport(transport.NewHTTPTransport())
	var running sync.WaitGroup
	srv := server.NewServer(
		server.Name(*name),
		server.Version(*version),
		server.Address(*address),
		server.Metadata(metadata),
		server.Registry(reg),
		server.Broker(brk),
		server.Transport(trans),
		server.Wait(&running),
	)
	for _, handler := range []any{&Helloworld{written: trans.written}, &Plain{service: *name}, &Raw{}} {
		if err := srv.Handle(srv.NewHandler(handler)); err != nil {
			return err
		}
	}
	if err := srv.Start(); err != nil {
		return err
	}
	out.emit(map[string]any{"address": srv.Options().Address, "id": *name + "-" + srv.Options().Id})

	ended := make(chan struct{}, 2)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		ended <- struct{}{}
	}()
	go func() {
		_ = eachLine(func(line []byte) {
			var command struct {
				Command string `json:"command"`
			}
			if json.Unmarshal(line, &command) == nil && command.Command == "stop" {
				ended <- struct{}{}
			}
		})
		ended <- struct{}{}
	}()
	<-ended
	if err := srv.Stop(); err != nil {
		return err
	}
	out.emit(map[string]any{"stopped": true})
	return nil
}
