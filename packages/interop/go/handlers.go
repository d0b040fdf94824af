package main

import (
	"context"
	"encoding/json"
	stderrors "errors"
	"io"
	"strings"
	"time"

	"go-micro.dev/v4/codec/bytes"
	"go-micro.dev/v4/errors"
	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/server"

	"micro.internal/interop/helloworld"
)

// endMark as a stroke ends a client stream, since a Go client cannot say that it has no more and still receive.
const endMark = -1

// Helloworld serves the proto of examples/helloworld. Its methods have the shapes that go-micro takes by reflection, so
// that no generated glue stands between.
type Helloworld struct{ written *written }

func (*Helloworld) Call(_ context.Context, in *helloworld.CallRequest, out *helloworld.CallResponse) error {
	out.Msg = "Hello " + in.Name
	return nil
}

func (h *Helloworld) ClientStream(ctx context.Context, stream server.Stream) error {
	var sum int64
	for {
		in := new(helloworld.ClientStreamRequest)
		err := stream.Recv(in)
		if err == io.EOF || (err == nil && in.Stroke == endMark) {
			return h.written.send(ctx, stream, &helloworld.ClientStreamResponse{Count: sum})
		}
		if err != nil {
			return err
		}
		sum += in.Stroke
	}
}

func (h *Helloworld) ServerStream(ctx context.Context, stream server.Stream) error {
	in := new(helloworld.ServerStreamRequest)
	if err := stream.Recv(in); err != nil {
		return err
	}
	if in.Count < 0 {
		return errors.BadRequest("helloworld", "count %d is below 0", in.Count)
	}
	for i := int64(0); i < in.Count; i++ {
		if err := h.written.send(ctx, stream, &helloworld.ServerStreamResponse{Count: i}); err != nil {
			return err
		}
	}
	return nil
}

func (h *Helloworld) BidiStream(ctx context.Context, stream server.Stream) error {
	for {
		in := new(helloworld.BidiStreamRequest)
		err := stream.Recv(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.written.send(ctx, stream, &helloworld.BidiStreamResponse{Stroke: in.Stroke}); err != nil {
			return err
		}
	}
}

// Plain serves ordinary Go structs, which only JSON content types can carry, and a few oddities.
type Plain struct{ service, node string }

// Echo answers with the JSON value it was given.
func (*Plain) Echo(_ context.Context, in *json.RawMessage, out *json.RawMessage) error {
	*out = *in
	return nil
}

// Person has the fields that encoding/json treats each in its own way.
type Person struct {
	Name    string            `json:"name"`
	Age     int               `json:"age,omitempty"`
	Picture []byte            `json:"picture,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Friends []Person          `json:"friends,omitempty"`
	Pause   time.Duration     `json:"pause,omitempty"`
}

// Struct answers with the person it was given, a year older.
func (*Plain) Struct(_ context.Context, in *Person, out *Person) error {
	*out = *in
	out.Age++
	return nil
}

// FailRequest says how to fail.
type FailRequest struct {
	Code   int32  `json:"code"`
	Detail string `json:"detail"`
	Id     string `json:"id"`
}

// Nothing is an answer without fields.
type Nothing struct{}

// Fail returns an error: a plain one for code 0, go-micro's own constructors for their codes, errors.New for others.
func (p *Plain) Fail(_ context.Context, in *FailRequest, _ *Nothing) error {
	id := in.Id
	if id == "" {
		id = p.service
	}
	constructors := map[int32]func(id, format string, args ...interface{}) error{
		400: errors.BadRequest,
		401: errors.Unauthorized,
		403: errors.Forbidden,
		404: errors.NotFound,
		405: errors.MethodNotAllowed,
		408: errors.Timeout,
		409: errors.Conflict,
		500: errors.InternalServerError,
	}
	if in.Code == 0 {
		return stderrors.New(in.Detail)
	}
	if construct := constructors[in.Code]; construct != nil {
		return construct(id, "%s", in.Detail)
	}
	return errors.New(id, in.Detail, in.Code)
}

// WhoRequest says how long to take.
type WhoRequest struct {
	Ms int64 `json:"ms"`
}

// WhoResponse names a node.
type WhoResponse struct {
	Node string `json:"node"`
}

// Who answers with the node that was called.
func (p *Plain) Who(_ context.Context, in *WhoRequest, out *WhoResponse) error {
	time.Sleep(time.Duration(in.Ms) * time.Millisecond)
	out.Node = p.node
	return nil
}

// Panic panics; go-micro then answers nothing at all.
func (*Plain) Panic(context.Context, *Nothing, *Nothing) error {
	panic("asked to")
}

// SleepRequest says how long, and what to answer with so that answers can be told apart.
type SleepRequest struct {
	Ms  int64 `json:"ms"`
	Tag int64 `json:"tag"`
}

// SleepResponse tells whether the context ended before the sleep did.
type SleepResponse struct {
	Tag       int64 `json:"tag"`
	Cancelled bool  `json:"cancelled"`
}

// Sleep waits, or until its context ends.
func (*Plain) Sleep(ctx context.Context, in *SleepRequest, out *SleepResponse) error {
	out.Tag = in.Tag
	select {
	case <-time.After(time.Duration(in.Ms) * time.Millisecond):
	case <-ctx.Done():
		out.Cancelled = true
	}
	return nil
}

// Metadata answers with the metadata of its context.
func (*Plain) Metadata(ctx context.Context, _ *json.RawMessage, out *map[string]string) error {
	md, _ := metadata.FromContext(ctx)
	*out = md
	return nil
}

// DeadlineResponse is the time that is left, in milliseconds; -1 without a deadline.
type DeadlineResponse struct {
	LeftMs int64 `json:"leftMs"`
}

// Deadline tells how much time the caller left.
func (*Plain) Deadline(ctx context.Context, _ *json.RawMessage, out *DeadlineResponse) error {
	out.LeftMs = -1
	if deadline, ok := ctx.Deadline(); ok {
		out.LeftMs = time.Until(deadline).Milliseconds()
	}
	return nil
}

// Quick answers with numbers from 0 on, one right after the other, as any handler would.
func (*Plain) Quick(_ context.Context, stream server.Stream) error {
	in := new(helloworld.ServerStreamRequest)
	if err := stream.Recv(in); err != nil {
		return err
	}
	for i := int64(0); i < in.Count; i++ {
		if err := stream.Send(&helloworld.ServerStreamResponse{Count: i}); err != nil {
			return err
		}
	}
	return nil
}

// BigRequest says how many bytes.
type BigRequest struct {
	Size int `json:"size"`
}

// BigResponse has that many bytes.
type BigResponse struct {
	Data string `json:"data"`
}

// Big answers with a string of a given length.
func (*Plain) Big(_ context.Context, in *BigRequest, out *BigResponse) error {
	out.Data = strings.Repeat("x", in.Size)
	return nil
}

// Numbers are integers that JavaScript's number cannot hold.
type Numbers struct {
	Signed   int64  `json:"signed"`
	Unsigned uint64 `json:"unsigned"`
}

// Int64 answers with the numbers it was given.
func (*Plain) Int64(_ context.Context, in *Numbers, out *Numbers) error {
	*out = *in
	return nil
}

// Int64Proto is Int64 with protobuf types.
func (*Plain) Int64Proto(_ context.Context, in *helloworld.ServerStreamRequest, out *helloworld.ServerStreamResponse) error {
	out.Count = in.Count
	return nil
}

// Empty answers with a message in which nothing is set: no bytes in protobuf, {} in JSON.
func (*Plain) Empty(context.Context, *helloworld.CallRequest, *helloworld.CallResponse) error {
	return nil
}

// hear makes a subscriber that tells of every event, and fails where the name in it is "fail".
func hear(out *lines, topic string) func(context.Context, *helloworld.CallRequest) error {
	return func(ctx context.Context, in *helloworld.CallRequest) error {
		md, _ := metadata.FromContext(ctx)
		out.emit(map[string]any{"event": map[string]any{"topic": topic, "name": in.Name, "metadata": md}})
		if in.Name == "fail" {
			return errors.BadRequest("helloworld", "asked to")
		}
		return nil
	}
}

// Raw serves bytes that no codec touches, whatever the content type.
type Raw struct{}

// Echo answers with the bytes it was given.
func (*Raw) Echo(_ context.Context, in *bytes.Frame, out *bytes.Frame) error {
	out.Data = in.Data
	return nil
}
