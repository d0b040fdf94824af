package main

import (
	"fmt"
	"strings"

	"github.com/go-micro/plugins/v4/broker/nats"
	"github.com/go-micro/plugins/v4/registry/etcd"
	"github.com/go-micro/plugins/v4/transport/grpc"
	"go-micro.dev/v4/broker"
	"go-micro.dev/v4/client"
	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/server"
	"go-micro.dev/v4/transport"
)

// clients and servers make a client or a server by name; see micro_grpc.go for "grpc".
var (
	clients = map[string]func(...client.Option) client.Client{"mucp": client.NewClient}
	servers = map[string]func(...server.Option) server.Server{"mucp": server.NewServer}
)

// newRegistry makes a registry by name; addresses are those of the servers behind it, with commas.
func newRegistry(name, addresses string) (registry.Registry, error) {
	switch name {
	case "memory":
		return registry.NewMemoryRegistry(), nil
	case "mdns":
		return registry.NewRegistry(), nil
	case "etcd":
		return etcd.NewRegistry(registry.Addrs(strings.Split(addresses, ",")...)), nil
	}
	return nil, fmt.Errorf("unknown registry %q; use memory, mdns or etcd", name)
}

// newBroker makes a broker by name; addresses are those of the servers behind it, or where an http broker listens.
func newBroker(name, addresses string, r registry.Registry) (broker.Broker, error) {
	switch name {
	case "memory":
		return broker.NewMemoryBroker(), nil
	case "http":
		if addresses == "" {
			return broker.NewBroker(broker.Registry(r)), nil
		}
		return broker.NewBroker(broker.Registry(r), broker.Addrs(addresses)), nil
	case "nats":
		return nats.NewBroker(broker.Addrs(strings.Split(addresses, ",")...)), nil
	}
	return nil, fmt.Errorf("unknown broker %q; use memory, http or nats", name)
}

func newTransport(name string) (transport.Transport, error) {
	switch name {
	case "http":
		return transport.NewHTTPTransport(), nil
	case "grpc":
		return grpc.NewTransport(), nil
	}
	return nil, fmt.Errorf("unknown transport %q; use http or grpc", name)
}
