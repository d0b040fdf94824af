package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"github.com/go-micro/plugins/v4/cache/redis"
	"go-micro.dev/v4/cache"
)

// cacheCommand is one line of stdin: put, get or delete.
type cacheCommand struct {
	Command string `json:"command"`
	Key     string `json:"key"`
	// Value is what is put, as the Go type that As names: string, bytes, int, float, bool, nil, time or struct.
	Value json.RawMessage `json:"value"`
	As    string          `json:"as"`
	TtlMs int64           `json:"ttlMs"`
}

// entry is what a get finds. Never stands for the time that go-micro gives an entry without an end, which is no time.
type entry struct {
	Value     []byte `json:"value"`
	ExpiresAt int64  `json:"expiresAt"`
	Never     bool   `json:"never"`
}

func runCache(out *lines, args []string) error {
	flags := flag.NewFlagSet("cache", flag.ExitOnError)
	address := flags.String("address", "redis://127.0.0.1:6379", "URL of redis")
	if err := flags.Parse(args); err != nil {
		return err
	}
	made := redis.NewCache(cache.WithAddress(*address))
	return answerLines(out, func(cmd cacheCommand) (any, error) { return runCacheCommand(made, cmd) })
}

func runCacheCommand(c cache.Cache, cmd cacheCommand) (any, error) {
	ctx := context.Background()
	switch cmd.Command {
	case "put":
		value, err := valueAs(cmd.Value, cmd.As)
		if err != nil {
			return nil, err
		}
		return nil, c.Put(ctx, cmd.Key, value, time.Duration(cmd.TtlMs)*time.Millisecond)
	case "get":
		value, ends, err := c.Get(ctx, cmd.Key)
		if err != nil {
			return nil, err
		}
		data, ok := value.([]byte)
		if !ok {
			return nil, fmt.Errorf("got a %T, not bytes", value)
		}
		if ends.Equal(time.Unix(1<<63-1, 0)) {
			return entry{Value: data, Never: true}, nil
		}
		return entry{Value: data, ExpiresAt: ends.UnixMilli()}, nil
	case "delete":
		return nil, c.Delete(ctx, cmd.Key)
	}
	return nil, fmt.Errorf("unknown command %q; use put, get or delete", cmd.Command)
}

// valueAs makes the Go value that an application would put.
func valueAs(data json.RawMessage, as string) (any, error) {
	switch as {
	case "string":
		return decoded[string](data)
	case "bytes":
		return decoded[[]byte](data)
	case "int":
		return decoded[int64](data)
	case "float":
		return decoded[float64](data)
	case "bool":
		return decoded[bool](data)
	case "nil":
		return nil, nil
	case "time":
		return decoded[time.Time](data)
	case "struct":
		return decoded[Person](data)
	}
	return nil, fmt.Errorf("unknown type %q", as)
}

func decoded[T any](data json.RawMessage) (any, error) {
	var value T
	err := json.Unmarshal(data, &value)
	return value, err
}
