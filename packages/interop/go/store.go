package main

import (
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/go-micro/plugins/v4/store/redis"
	"go-micro.dev/v4/store"
)

// storeCommand is one line of stdin: read, write, delete or list.
type storeCommand struct {
	Command string `json:"command"`
	Key     string `json:"key"`
	Value   []byte `json:"value"`
	// ExpiryMs is the record's expiry, the only one that the redis store minds.
	ExpiryMs int64 `json:"expiryMs"`
	// By says what the key of a read is: "prefix", "suffix", or "" for the whole key.
	By string `json:"by"`
	// Table is where to look in place of the store's own table.
	Table  string `json:"table"`
	Prefix string `json:"prefix"`
	Suffix string `json:"suffix"`
	Limit  uint   `json:"limit"`
	Offset uint   `json:"offset"`
}

// record is what a read finds.
type record struct {
	Key      string `json:"key"`
	Value    []byte `json:"value"`
	ExpiryNs int64  `json:"expiryNs"`
}

func runStore(out *lines, args []string) error {
	flags := flag.NewFlagSet("store", flag.ExitOnError)
	nodes := flags.String("nodes", "", "redis:// URLs, several with commas")
	table := flags.String("table", "", "where records are; without it the store's own default")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options := []store.Option{store.Nodes(strings.Split(*nodes, ",")...)}
	if *table != "" {
		options = append(options, store.Table(*table))
	}
	made := redis.NewStore(options...)
	err := answerLines(out, func(cmd storeCommand) (any, error) { return runStoreCommand(made, cmd) })
	_ = made.Close()
	return err
}

func runStoreCommand(s store.Store, cmd storeCommand) (any, error) {
	switch cmd.Command {
	case "read":
		return readRecords(s, cmd)
	case "write":
		var options []store.WriteOption
		if cmd.Table != "" {
			options = append(options, store.WriteTo("", cmd.Table))
		}
		expiry := time.Duration(cmd.ExpiryMs) * time.Millisecond
		return nil, s.Write(&store.Record{Key: cmd.Key, Value: cmd.Value, Expiry: expiry}, options...)
	case "delete":
		var options []store.DeleteOption
		if cmd.Table != "" {
			options = append(options, store.DeleteFrom("", cmd.Table))
		}
		return nil, s.Delete(cmd.Key, options...)
	case "list":
		options := []store.ListOption{store.ListPrefix(cmd.Prefix), store.ListSuffix(cmd.Suffix)}
		if cmd.Table != "" {
			options = append(options, store.ListFrom("", cmd.Table))
		}
		options = append(options, store.ListLimit(cmd.Limit), store.ListOffset(cmd.Offset))
		return s.List(options...)
	}
	return nil, fmt.Errorf("unknown command %q; use read, write, delete or list", cmd.Command)
}

func readRecords(s store.Store, cmd storeCommand) ([]record, error) {
	options := []store.ReadOption{store.ReadLimit(cmd.Limit), store.ReadOffset(cmd.Offset)}
	if cmd.Table != "" {
		options = append(options, store.ReadFrom("", cmd.Table))
	}
	switch cmd.By {
	case "prefix":
		options = append(options, store.ReadPrefix())
	case "suffix":
		options = append(options, store.ReadSuffix())
	}
	found, err := s.Read(cmd.Key, options...)
	if err != nil {
		return nil, err
	}
	records := make([]record, 0, len(found))
	for _, r := range found {
		records = append(records, record{r.Key, r.Value, r.Expiry.Nanoseconds()})
	}
	return records, nil
}
