package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"micro.internal/interop/helloworld"
)

// grpcCommand is one line of stdin: call, health, services or describe.
type grpcCommand struct {
	Id      string `json:"id"`
	Command string `json:"command"`
	// Endpoint is the method to call, such as Helloworld.Call, or any path from / on.
	Endpoint string `json:"endpoint"`
	// Bodies are the messages; a unary call and a server stream send the first.
	Bodies   []json.RawMessage `json:"bodies"`
	Metadata map[string]string `json:"metadata"`
	// TimeoutMs is the deadline of the call; none at 0.
	TimeoutMs int64 `json:"timeoutMs"`
	// CancelAfterMs cancels the context of the call.
	CancelAfterMs int64 `json:"cancelAfterMs"`
	Gzip          bool  `json:"gzip"`
	// Service is what health and describe ask about.
	Service string `json:"service"`
}

// grpcOutcome is what came of a call.
type grpcOutcome struct {
	Code    uint32              `json:"code"`
	Name    string              `json:"name"`
	Message string              `json:"message"`
	Details []grpcDetail        `json:"details"`
	Header  map[string][]string `json:"header"`
	Trailer map[string][]string `json:"trailer"`
}

// grpcDetail is one detail of a status, as it came.
type grpcDetail struct {
	Type  string `json:"type"`
	Value []byte `json:"value"`
}

// runGrpcClient calls with grpc-go, and without anything of go-micro's.
func runGrpcClient(out *lines, args []string) error {
	flags := flag.NewFlagSet("grpc-client", flag.ExitOnError)
	address := flags.String("address", "", "host:port to call")
	ca := flags.String("ca", "", "file of the authority to trust; plaintext without")
	if err := flags.Parse(args); err != nil {
		return err
	}
	option := grpc.WithInsecure()
	if *ca != "" {
		creds, err := credentials.NewClientTLSFromFile(*ca, "")
		if err != nil {
			return err
		}
		option = grpc.WithTransportCredentials(creds)
	}
	conn, err := grpc.Dial(*address, option)
	if err != nil {
		return err
	}
	defer conn.Close()
	return eachLine(func(line []byte) {
		// Several at a time: each is a stream of the one connection.
		go answerLine(out, line, func(cmd grpcCommand) (any, error) { return runGrpcCommand(out, conn, cmd) })
	})
}

func runGrpcCommand(out *lines, conn *grpc.ClientConn, cmd grpcCommand) (any, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if cmd.TimeoutMs > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(cmd.TimeoutMs)*time.Millisecond)
		defer cancel()
	}
	if cmd.CancelAfterMs > 0 {
		defer time.AfterFunc(time.Duration(cmd.CancelAfterMs)*time.Millisecond, cancel).Stop()
	}
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(cmd.Metadata))
	switch cmd.Command {
	case "call":
		return callGrpc(ctx, out, conn, cmd)
	case "health":
		answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: cmd.Service})
		return answer.GetStatus().String(), err
	case "services":
		return reflectServices(ctx, conn)
	case "describe":
		return reflectMethods(ctx, conn, cmd.Service)
	}
	return nil, fmt.Errorf("unknown command %q; use call, health, services or describe", cmd.Command)
}

// callGrpc makes the call as grpc-go's generated code does, and tells each reply as an event.
func callGrpc(ctx context.Context, out *lines, conn *grpc.ClientConn, cmd grpcCommand) (any, error) {
	form, desc, path := grpcMethod(cmd.Endpoint)
	var header, trailer metadata.MD
	var options []grpc.CallOption
	if cmd.Gzip {
		options = append(options, grpc.UseCompressor(gzip.Name))
	}
	if desc.StreamName == "" {
		options = append(options, grpc.Header(&header), grpc.Trailer(&trailer))
		request, reply := form.request(), form.reply()
		if err := fill(request, body(cmd, 0), 0); err != nil {
			return nil, err
		}
		err := conn.Invoke(ctx, path, request, reply, options...)
		if err == nil {
			err = tell(out, cmd, reply)
		}
		return outcomeOf(err, header, trailer), nil
	}
	stream, err := conn.NewStream(ctx, desc, path, options...)
	if err != nil {
		return outcomeOf(err, nil, nil), nil
	}
	err = converse(out, stream, cmd, form, desc)
	header, _ = stream.Header()
	return outcomeOf(err, header, stream.Trailer()), nil
}

// converse sends the messages of a stream, in turn with the answers where both sides stream, and reads to the end.
func converse(out *lines, stream grpc.ClientStream, cmd grpcCommand, form shape, desc *grpc.StreamDesc) error {
	receive := func() error {
		reply := form.reply()
		if err := stream.RecvMsg(reply); err != nil {
			return err
		}
		return tell(out, cmd, reply)
	}
	for n := range cmd.Bodies {
		request := form.request()
		if err := fill(request, body(cmd, n), n); err != nil {
			return err
		}
		// io.EOF says that the stream is over; what is received says why.
		if err := stream.SendMsg(request); err != nil && err != io.EOF {
			return err
		}
		if desc.ClientStreams && desc.ServerStreams {
			if err := receive(); err != nil {
				return err
			}
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		if err := receive(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// grpcMethod says what grpc-go's generated code knows of an endpoint. Of a path that it does not know it takes it for a
// unary method with the messages of Helloworld.Call.
func grpcMethod(endpoint string) (shape, *grpc.StreamDesc, string) {
	form, known := shapes[endpoint]
	if !known {
		return shapes["Helloworld.Call"], &grpc.StreamDesc{}, endpoint
	}
	service := helloworld.Helloworld_ServiceDesc
	method := endpoint[len("Helloworld."):]
	path := "/" + service.ServiceName + "/" + method
	for i := range service.Streams {
		if service.Streams[i].StreamName == method {
			return form, &service.Streams[i], path
		}
	}
	return form, &grpc.StreamDesc{}, path
}

func body(cmd grpcCommand, n int) json.RawMessage {
	if n < len(cmd.Bodies) {
		return cmd.Bodies[n]
	}
	return nil
}

func tell(out *lines, cmd grpcCommand, reply any) error {
	shown, err := show(reply)
	if err == nil {
		out.emit(map[string]any{"id": cmd.Id, "event": shown})
	}
	return err
}

func outcomeOf(err error, header, trailer metadata.MD) grpcOutcome {
	st := status.Convert(err)
	details := []grpcDetail{}
	for _, detail := range st.Proto().GetDetails() {
		details = append(details, grpcDetail{detail.TypeUrl, detail.Value})
	}
	return grpcOutcome{uint32(st.Code()), st.Code().String(), st.Message(), details, header, trailer}
}

// reflectServices lists what a server says that it serves.
func reflectServices(ctx context.Context, conn *grpc.ClientConn) ([]string, error) {
	answer, err := reflect(ctx, conn, &reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, service := range answer.GetListServicesResponse().GetService() {
		names = append(names, service.Name)
	}
	return names, nil
}

// reflectMethods lists the methods of a service as its file describes them: name, request and reply, and whether they stream.
func reflectMethods(ctx context.Context, conn *grpc.ClientConn, service string) ([]string, error) {
	answer, err := reflect(ctx, conn, &reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
	})
	if err != nil {
		return nil, err
	}
	methods := []string{}
	for _, data := range answer.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(data, file); err != nil {
			return nil, err
		}
		for _, described := range file.Service {
			if file.GetPackage()+"."+described.GetName() != service {
				continue
			}
			for _, method := range described.Method {
				methods = append(methods, fmt.Sprintf("%s(%s %v) %s %v", method.GetName(),
					method.GetInputType(), method.GetClientStreaming(), method.GetOutputType(), method.GetServerStreaming()))
			}
		}
	}
	return methods, nil
}

func reflect(
	ctx context.Context, conn *grpc.ClientConn, request *reflectionpb.ServerReflectionRequest,
) (*reflectionpb.ServerReflectionResponse, error) {
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(request); err != nil {
		return nil, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	if failed := answer.GetErrorResponse(); failed != nil {
		return nil, fmt.Errorf("reflection: %d %s", failed.ErrorCode, failed.ErrorMessage)
	}
	return answer, stream.CloseSend()
}
