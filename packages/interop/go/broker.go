package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"go-micro.dev/v4/broker"
	"go-micro.dev/v4/client"
	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/registry"
)

// httpBrokerService is what go-micro's http broker registers its subscriptions under.
const httpBrokerService = "micro.http.broker"

// brokerCommand is one line of stdin: subscribe, unsubscribe, publish, emit, register, records or disconnect.
type brokerCommand struct {
	Id      string `json:"id"`
	Command string `json:"command"`
	Topic   string `json:"topic"`
	Queue   string `json:"queue"`
	// Subscription names what subscribe makes and unsubscribe ends.
	Subscription string            `json:"subscription"`
	Header       map[string]string `json:"header"`
	Body         []byte            `json:"body"`
	// Message is what a client publishes, in ContentType and as the Go type that As names.
	Message     json.RawMessage   `json:"message"`
	ContentType string            `json:"contentType"`
	As          string            `json:"as"`
	Metadata    map[string]string `json:"metadata"`
	Service     *registry.Service `json:"service"`
}

// delivered is an event as a handler of the broker gets it.
type delivered struct {
	Topic  string            `json:"topic"`
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

// bus is one connected broker, and a client that publishes over it.
type bus struct {
	out           *lines
	registry      registry.Registry
	broker        broker.Broker
	client        client.Client
	subscriptions map[string]broker.Subscriber
}

func runBroker(out *lines, args []string) error {
	flags := flag.NewFlagSet("broker", flag.ExitOnError)
	registryName := flags.String("registry", "memory", "memory or mdns, for the http broker")
	brokerName := flags.String("broker", "http", "http or nats")
	clientName := flags.String("client", "mucp", "whose client publishes: mucp, or grpc in the program that has it")
	address := flags.String("address", "127.0.0.1:0", "where subscribers of the http broker listen; of nats, host:port of its servers with commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	reg, err := newRegistry(*registryName, "")
	if err != nil {
		return err
	}
	brk, err := newBroker(*brokerName, *address, reg)
	if err != nil {
		return err
	}
	newClient := clients[*clientName]
	if newClient == nil {
		return fmt.Errorf("there is no client %q in this program", *clientName)
	}
	if err := brk.Connect(); err != nil {
		return err
	}
	b := &bus{
		out:           out,
		registry:      reg,
		broker:        brk,
		client:        newClient(client.Registry(reg), client.Broker(brk)),
		subscriptions: map[string]broker.Subscriber{},
	}
	out.emit(map[string]any{"address": brk.Address()})
	// One line after the other: what is registered is known to what is published next.
	err = answerLines(out, b.run)
	_ = brk.Disconnect()
	return err
}

func (b *bus) run(cmd brokerCommand) (any, error) {
	switch cmd.Command {
	case "subscribe":
		return nil, b.subscribe(cmd)
	case "unsubscribe":
		subscription := b.subscriptions[cmd.Subscription]
		if subscription == nil {
			return nil, fmt.Errorf("there is no subscription %q", cmd.Subscription)
		}
		delete(b.subscriptions, cmd.Subscription)
		return nil, subscription.Unsubscribe()
	case "publish":
		return nil, b.broker.Publish(cmd.Topic, &broker.Message{Header: cmd.Header, Body: cmd.Body})
	case "emit":
		return nil, emit(b.client, cmd)
	case "register":
		return nil, b.registry.Register(cmd.Service)
	case "records":
		return b.registry.GetService(httpBrokerService)
	case "disconnect":
		return nil, b.broker.Disconnect()
	}
	return nil, fmt.Errorf("unknown command %q", cmd.Command)
}

func (b *bus) subscribe(cmd brokerCommand) error {
	handle := func(event broker.Event) error {
		message := event.Message()
		b.out.emit(map[string]any{"id": cmd.Id, "event": delivered{event.Topic(), message.Header, message.Body}})
		return nil
	}
	subscription, err := b.broker.Subscribe(cmd.Topic, handle, broker.Queue(cmd.Queue))
	if err == nil {
		b.subscriptions[cmd.Subscription] = subscription
	}
	return err
}

// emit publishes as an application does: go-micro's client encodes the message and fills in its header.
func emit(cl client.Client, cmd brokerCommand) error {
	form, err := shapeOf("", cmd.As)
	if err != nil {
		return err
	}
	message := form.request()
	if err := fill(message, cmd.Message, 0); err != nil {
		return err
	}
	ctx := context.Background()
	if len(cmd.Metadata) > 0 {
		ctx = metadata.NewContext(ctx, cmd.Metadata)
	}
	event := cl.NewMessage(cmd.Topic, message, client.WithMessageContentType(cmd.ContentType))
	return cl.Publish(ctx, event)
}
