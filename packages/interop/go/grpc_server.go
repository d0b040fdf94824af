package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"micro.internal/interop/helloworld"
)

// runGrpcServer serves Helloworld, health and reflection with grpc-go, and without anything of go-micro's.
func runGrpcServer(out *lines, args []string) error {
	flags := flag.NewFlagSet("grpc-server", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:0", "where to listen")
	cert := flags.String("cert", "", "certificate file; plaintext without")
	key := flags.String("key", "", "key file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	var options []grpc.ServerOption
	if *cert != "" {
		creds, err := credentials.NewServerTLSFromFile(*cert, *key)
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(creds))
	}
	srv := grpc.NewServer(options...)
	helloworld.RegisterHelloworldServer(srv, &plainHelloworld{})
	grpc_health_v1.RegisterHealthServer(srv, health.NewServer())
	reflection.Register(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	out.emit(map[string]any{"address": listener.Addr().String()})
	_ = eachLine(func([]byte) {})
	stopped := time.AfterFunc(time.Second, srv.Stop)
	srv.GracefulStop()
	stopped.Stop()
	return <-served
}

// plainHelloworld is Helloworld as grpc-go's generated code has it. The name in a call says what to do: see call.
type plainHelloworld struct {
	helloworld.UnimplementedHelloworldServer
}

// Call greets. "metadata" answers with the metadata of the call as JSON, "deadline" with the milliseconds that are left,
// "sleep" waits until the call is over, "fail:5:text" fails with that code and text.
func (*plainHelloworld) Call(ctx context.Context, in *helloworld.CallRequest) (*helloworld.CallResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("served-by", "grpc-go"))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("went", "well"))
	word, rest, _ := strings.Cut(in.Name, ":")
	switch word {
	case "metadata":
		shown, err := json.Marshal(md)
		return &helloworld.CallResponse{Msg: string(shown)}, err
	case "deadline":
		deadline, ok := ctx.Deadline()
		if !ok {
			return &helloworld.CallResponse{Msg: "-1"}, nil
		}
		return &helloworld.CallResponse{Msg: strconv.FormatInt(time.Until(deadline).Milliseconds(), 10)}, nil
	case "sleep":
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	case "fail":
		number, text, _ := strings.Cut(rest, ":")
		code, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Code(code), text)
	}
	return &helloworld.CallResponse{Msg: "Hello " + in.Name}, nil
}

func (*plainHelloworld) ClientStream(stream helloworld.Helloworld_ClientStreamServer) error {
	var sum int64
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(&helloworld.ClientStreamResponse{Count: sum})
		}
		if err != nil {
			return err
		}
		sum += in.Stroke
	}
}

func (*plainHelloworld) ServerStream(in *helloworld.ServerStreamRequest, stream helloworld.Helloworld_ServerStreamServer) error {
	if in.Count < 0 {
		return status.Errorf(codes.InvalidArgument, "count %d is below 0", in.Count)
	}
	for i := int64(0); i < in.Count; i++ {
		if err := stream.Send(&helloworld.ServerStreamResponse{Count: i}); err != nil {
			return err
		}
	}
	return nil
}

func (*plainHelloworld) BidiStream(stream helloworld.Helloworld_BidiStreamServer) error {
	for {
		in, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&helloworld.BidiStreamResponse{Stroke: in.Stroke}); err != nil {
			return err
		}
	}
}
