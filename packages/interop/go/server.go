package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/server"
)

func runServer(out *lines, args []string) error {
	metadata := pairs{}
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:0", "where to listen")
	name := flags.String("name", "helloworld", "name of the service")
	version := flags.String("version", "latest", "version of the service")
	registryName := flags.String("registry", "memory", "memory, mdns or etcd")
	registryAddress := flags.String("registry-address", "", "host:port of etcd, several with commas")
	registerTtl := flags.Duration("register-ttl", 0, "how long its record lives, renewed every third of that; go-micro's 90s and 30s without")
	brokerName := flags.String("broker", "memory", "memory, http or nats")
	brokerAddress := flags.String("broker-address", "", "host:port of nats, several with commas")
	transportName := flags.String("transport", "http", "http or grpc")
	serverName := flags.String("server", "mucp", "mucp, or grpc in the program that has it")
	wait := flags.Bool("wait", true, "when it stops, wait for the calls that run (go-micro's Wait option, which is off by default)")
	settle := flags.Duration("settle", 0, "when it stops, serve on for so long after it is out of the registry")
	subscriptions := pairs{}
	flags.Var(subscriptions, "subscribe", "topic=queue, several times; topic= has no queue")
	flags.Var(metadata, "metadata", "metadata of the node, key=value, several times")
	if err := flags.Parse(args); err != nil {
		return err
	}

	reg, err := newRegistry(*registryName, *registryAddress)
	if err != nil {
		return err
	}
	brk, err := newBroker(*brokerName, *brokerAddress, reg)
	if err != nil {
		return err
	}
	inner, err := newTransport(*transportName)
	if err != nil {
		return err
	}
	trans := newWrittenTransport(inner)
	options := []server.Option{
		server.Name(*name),
		server.Version(*version),
		server.Address(*address),
		server.Metadata(metadata),
		server.Registry(reg),
		server.Broker(brk),
		server.Transport(trans),
	}
	if *registerTtl > 0 {
		options = append(options, server.RegisterTTL(*registerTtl), server.RegisterInterval(*registerTtl/3))
	}
	if *wait {
		options = append(options, server.Wait(new(sync.WaitGroup)))
	}
	newServer := servers[*serverName]
	if newServer == nil {
		return fmt.Errorf("there is no server %q in this program", *serverName)
	}
	srv := newServer(options...)
	node := *name + "-" + srv.Options().Id
	for _, handler := range []any{&Helloworld{written: trans.written}, &Plain{service: *name, node: node}, &Raw{}} {
		if err := srv.Handle(srv.NewHandler(handler)); err != nil {
			return err
		}
	}
	for topic, queue := range subscriptions {
		subscriber := srv.NewSubscriber(topic, hear(out, topic), server.SubscriberQueue(queue))
		if err := srv.Subscribe(subscriber); err != nil {
			return err
		}
	}
	if err := srv.Start(); err != nil {
		return err
	}
	subscribed, _ := reg.GetService(httpBrokerService)
	out.emit(map[string]any{"address": srv.Options().Address, "id": node, "subscriptions": subscribed})

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
	if *settle > 0 {
		// go-micro deregisters and stops in one go, before anybody can have heard of it.
		gone := &registry.Service{Name: *name, Version: *version, Nodes: []*registry.Node{{Id: node}}}
		if err := reg.Deregister(gone); err != nil {
			return err
		}
		time.Sleep(*settle)
	}
	if err := srv.Stop(); err != nil {
		return err
	}
	out.emit(map[string]any{"stopped": true})
	return nil
}
