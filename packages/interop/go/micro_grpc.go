//go:build microgrpc

package main

import (
	grpcclient "github.com/go-micro/plugins/v4/client/grpc"
	grpcserver "github.com/go-micro/plugins/v4/server/grpc"
)

// go-micro's gRPC client and server replace the codecs of grpc-go for the whole process, so they have a program of their own
// (`go build -tags microgrpc`), and grpc-server and grpc-client of the other one are as grpc-go made them.
func init() {
	clients["grpc"] = grpcclient.NewClient
	servers["grpc"] = grpcserver.NewServer
}
