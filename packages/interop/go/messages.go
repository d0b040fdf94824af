package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	raw "go-micro.dev/v4/codec/bytes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"micro.internal/interop/helloworld"
)

// shape makes the Go values that a call of an endpoint takes and answers with.
type shape struct {
	request func() any
	reply   func() any
}

var (
	anyShape   = shape{func() any { return new(json.RawMessage) }, func() any { return new(json.RawMessage) }}
	frameShape = shape{func() any { return new(raw.Frame) }, func() any { return new(raw.Frame) }}
)

// shapes are the endpoints that take more than any JSON value.
var shapes = map[string]shape{
	"Helloworld.Call": {
		func() any { return new(helloworld.CallRequest) }, func() any { return new(helloworld.CallResponse) },
	},
	"Helloworld.ClientStream": {
		func() any { return new(helloworld.ClientStreamRequest) }, func() any { return new(helloworld.ClientStreamResponse) },
	},
	"Helloworld.ServerStream": {
		func() any { return new(helloworld.ServerStreamRequest) }, func() any { return new(helloworld.ServerStreamResponse) },
	},
	"Helloworld.BidiStream": {
		func() any { return new(helloworld.BidiStreamRequest) }, func() any { return new(helloworld.BidiStreamResponse) },
	},
	"Plain.Int64Proto": {
		func() any { return new(helloworld.ServerStreamRequest) }, func() any { return new(helloworld.ServerStreamResponse) },
	},
	"Plain.Empty": {
		func() any { return new(helloworld.CallRequest) }, func() any { return new(helloworld.CallResponse) },
	},
	"Plain.Struct": {func() any { return new(Person) }, func() any { return new(Person) }},
	"Plain.Int64":  {func() any { return new(Numbers) }, func() any { return new(Numbers) }},
}

// shapeOf picks by what a command says in `as`: "json" any JSON value, "frame" bytes in base64, "call" the
// messages of Helloworld.Call, "" what the endpoint takes.
func shapeOf(endpoint, as string) (shape, error) {
	switch as {
	case "json":
		return anyShape, nil
	case "frame":
		return frameShape, nil
	case "call":
		return shapes["Helloworld.Call"], nil
	case "":
		if s, ok := shapes[endpoint]; ok {
			return s, nil
		}
		return anyShape, nil
	}
	return shape{}, fmt.Errorf("unknown shape %q; use json, frame or call", as)
}

// fill reads a JSON body into a request. A `$n` in the body stands for the number of the call.
func fill(into any, body json.RawMessage, n int) error {
	text := bytes.ReplaceAll(body, []byte("$n"), []byte(fmt.Sprint(n)))
	if len(text) == 0 {
		text = []byte("{}")
	}
	switch target := into.(type) {
	case *raw.Frame:
		var encoded string
		if err := json.Unmarshal(text, &encoded); err != nil {
			return fmt.Errorf("a frame is a base64 string: %w", err)
		}
		data, err := base64.StdEncoding.DecodeString(encoded)
		target.Data = data
		return err
	case proto.Message:
		return protojson.Unmarshal(text, target)
	}
	return json.Unmarshal(text, into)
}

// show writes a reply as JSON; int64 fields of protobuf messages are strings there, and every field is present.
func show(reply any) (json.RawMessage, error) {
	switch value := reply.(type) {
	case *raw.Frame:
		return json.Marshal(base64.StdEncoding.EncodeToString(value.Data))
	case proto.Message:
		return protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(value)
	case *json.RawMessage:
		if len(*value) == 0 {
			return json.RawMessage("null"), nil
		}
		return *value, nil
	}
	return json.Marshal(reply)
}
