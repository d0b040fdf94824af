package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/go-micro/plugins/v4/auth/jwt"
	"go-micro.dev/v4/auth"
)

// authCommand is one line of stdin: generate, inspect, token or verify.
type authCommand struct {
	Command string `json:"command"`
	// Account is the id of the account that generate makes.
	Account  string            `json:"account"`
	Type     string            `json:"type"`
	Scopes   []string          `json:"scopes"`
	Metadata map[string]string `json:"metadata"`
	// Token is what inspect looks at.
	Token        string `json:"token"`
	Secret       string `json:"secret"`
	RefreshToken string `json:"refreshToken"`
	// ExpiryMs is the life of the access token; go-micro's own minute without.
	ExpiryMs int64 `json:"expiryMs"`
}

func runAuth(out *lines, args []string) error {
	flags := flag.NewFlagSet("auth", flag.ExitOnError)
	publicKey := flags.String("public-key", "", "base64 of a PEM")
	privateKey := flags.String("private-key", "", "base64 of a PEM")
	namespace := flags.String("namespace", "go.micro", "who issues accounts")
	if err := flags.Parse(args); err != nil {
		return err
	}
	made := jwt.NewAuth(auth.PublicKey(*publicKey), auth.PrivateKey(*privateKey), auth.Namespace(*namespace))
	return answerLines(out, func(cmd authCommand) (any, error) { return runAuthCommand(made, cmd) })
}

func runAuthCommand(a auth.Auth, cmd authCommand) (any, error) {
	switch cmd.Command {
	case "generate":
		var options []auth.GenerateOption
		if cmd.Type != "" {
			options = append(options, auth.WithType(cmd.Type))
		}
		if cmd.Scopes != nil {
			options = append(options, auth.WithScopes(cmd.Scopes...))
		}
		if cmd.Metadata != nil {
			options = append(options, auth.WithMetadata(cmd.Metadata))
		}
		return a.Generate(cmd.Account, options...)
	case "inspect":
		return a.Inspect(cmd.Token)
	case "token":
		var options []auth.TokenOption
		if cmd.Secret != "" {
			options = append(options, auth.WithCredentials(cmd.Account, cmd.Secret))
		}
		if cmd.RefreshToken != "" {
			options = append(options, auth.WithToken(cmd.RefreshToken))
		}
		if cmd.ExpiryMs != 0 {
			options = append(options, auth.WithExpiry(time.Duration(cmd.ExpiryMs)*time.Millisecond))
		}
		return a.Token(options...)
	}
	return nil, fmt.Errorf("unknown command %q; use generate, inspect or token", cmd.Command)
}
