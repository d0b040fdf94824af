// Command interop is a go-micro v4.9.0 process that a test drives over stdin and stdout with one JSON value per line.
// It ends when its stdin ends, so it never outlives the test that started it.
package main

import (
	"fmt"
	"os"
)

const usage = `usage: interop <program> [flags]

  server       serves Helloworld, Plain and Raw; says {"address": …} once it is ready
  client       makes one call (with --endpoint) or one call per line of stdin
  service      a whole service, set up by MICRO_* variables; calls, publishes and stores, one command per line of stdin
  registry     asks and changes a registry, one command per line of stdin
  broker       publishes and subscribes over a broker, one command per line of stdin
  store        reads and writes a store, one command per line of stdin
  cache        reads and writes a cache, one command per line of stdin
  auth         makes and inspects tokens, one command per line of stdin
  grpc-server  serves Helloworld, health and reflection with grpc-go alone; says {"address": …} once it is ready
  grpc-client  calls with grpc-go alone, one command per line of stdin

interop <program> --help lists the flags.`

func main() {
	// go-micro's logger prints to stdout, which belongs to the protocol here.
	out := os.Stdout
	os.Stdout = os.Stderr
	lines := newLines(out)

	program, args := "", []string(nil)
	if len(os.Args) > 1 {
		program, args = os.Args[1], os.Args[2:]
	}
	var err error
	switch program {
	case "server":
		err = runServer(lines, args)
	case "client":
		err = runClient(lines, args)
	case "registry":
		err = runRegistry(lines, args)
	case "broker":
		err = runBroker(lines, args)
	case "store":
		err = runStore(lines, args)
	case "cache":
		err = runCache(lines, args)
	case "auth":
		err = runAuth(lines, args)
	case "grpc-server":
		err = runGrpcServer(lines, args)
	case "grpc-client":
		err = runGrpcClient(lines, args)
	case "service":
		err = runService(lines, args)
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		lines.emit(map[string]any{"fatal": err.Error()})
		os.Exit(1)
	}
}
