package main

import (
	"flag"
	"fmt"
	"time"

	"go-micro.dev/v4/registry"
)

// registryCommand is one line of stdin: get, list, watch, register or deregister.
type registryCommand struct {
	Id      string            `json:"id"`
	Command string            `json:"command"`
	Name    string            `json:"name"`
	Service *registry.Service `json:"service"`
	// TtlMs is how long what is registered lives. go-micro's etcd registry panics without one.
	TtlMs int64 `json:"ttlMs"`
}

func runRegistry(out *lines, args []string) error {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	name := flags.String("registry", "mdns", "memory, mdns or etcd")
	addresses := flags.String("registry-address", "", "host:port of etcd, several with commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	reg, err := newRegistry(*name, *addresses)
	if err != nil {
		return err
	}
	return answerLines(out, func(cmd registryCommand) (any, error) { return ask(out, reg, cmd) })
}

func ask(out *lines, reg registry.Registry, cmd registryCommand) (any, error) {
	switch cmd.Command {
	case "get":
		return reg.GetService(cmd.Name)
	case "list":
		return reg.ListServices()
	case "register":
		if cmd.TtlMs == 0 {
			return nil, reg.Register(cmd.Service)
		}
		return nil, reg.Register(cmd.Service, registry.RegisterTTL(time.Duration(cmd.TtlMs)*time.Millisecond))
	case "deregister":
		return nil, reg.Deregister(cmd.Service)
	case "watch":
		var options []registry.WatchOption
		if cmd.Name != "" {
			options = append(options, registry.WatchService(cmd.Name))
		}
		watcher, err := reg.Watch(options...)
		if err != nil {
			return nil, err
		}
		go func() {
			for {
				event, err := watcher.Next()
				if err != nil {
					return
				}
				if cmd.Name == "" || event.Service.Name == cmd.Name {
					out.emit(map[string]any{"id": cmd.Id, "event": event})
				}
			}
		}()
		return nil, nil
	}
	return nil, fmt.Errorf("unknown command %q; use get, list, watch, register or deregister", cmd.Command)
}
