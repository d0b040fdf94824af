// Command interop is a go-micro v4.9.0 process that a test drives over stdin and stdout with one JSON value per line.
// It ends when its stdin ends, so it never outlives the test that started it.
package main

import (
	"fmt"
	"os"
)

const usage = `usage: interop <program> [flags]

  server     serves Helloworld, Plain and Raw; says {"address": …} once it is ready
  client     makes one call (with --endpoint) or one call per line of stdin
  registry   asks and changes a registry, one command per line of stdin
  broker     publishes and subscribes over the http broker, one command per line of stdin

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
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		lines.emit(map[string]any{"fatal": err.Error()})
		os.Exit(1)
	}
}
