#!/bin/sh
# Writes helloworld/*.pb.go anew with the protoc-gen-go of the version that go.mod pins, and a protoc-gen-go-grpc of the
# time of the grpc that it pins. `npm run generate` runs it, and has buf on the PATH.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
version=$(go list -m -f '{{.Version}}' google.golang.org/protobuf)
GOBIN="$bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$version"
GOBIN="$bin" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.1.0
PATH="$bin:$PATH" buf generate
