package main

import (
	"encoding/json"
	"flag"
	"fmt"

	"go-micro.dev/v4/registry"
)

// registryCommand is one line of stdin: get, list, watch, register or deregister.
type registryCommand struct {
	Id      string            `json:"id"`
	Command string            `json:"command"`
	Name    string            `json:"name"`
	Service *registry.Service `json:"service"`
}

func runRegistry(out *lines, args []string) error {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	name := flags.String("registry", "mdns", "memory or mdns")
	if err := flags.Parse(args); err != nil {
		return err
	}
	reg, err := newRegistry(*name)
	if err != nil {
		return err
	}
	return eachLine(func(line []byte) {
		var cmd registryCommand
		err := json.Unmarshal(line, &cmd)
		var result any
		if err == nil {
			result, err = ask(out, reg, cmd)
		}
		if err != nil {
			out.emit(map[string]any{"id": cmd.Id, "done": true, "error": newFailure(err)})
			return
		}
		out.emit(map[string]any{"id": cmd.Id, "done": true, "result": result})
	})
}

func ask(out *lines, reg registry.Registry, cmd registryCommand) (any, error) {
	switch cmd.Command {
	case "get":
		return reg.GetService(cmd.Name)
	case "list":
		return reg.ListServices()
	case "register":
		return nil, reg.Register(cmd.Service)
	case "deregister":
		return nil, reg.Deregister(cmd.Service)
	case "watch":
		watcher, err := reg.Watch()
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
