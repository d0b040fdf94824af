package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	starjson "go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"sigs.k8s.io/yaml"
)

// stepValue is a step as a Tiltfile sees it: something to hand on.
type stepValue struct{ step }

func newStep(kind string, args ...string) stepValue { return stepValue{step{kind, args}} }

func (value stepValue) String() string        { return value.Kind }
func (value stepValue) Type() string          { return "live_update_step" }
func (value stepValue) Freeze()               {}
func (value stepValue) Truth() starlark.Bool  { return true }
func (value stepValue) Hash() (uint32, error) { return 0, fmt.Errorf("a step has no hash") }

func texts(list *starlark.List) []string {
	var all []string
	for i := 0; list != nil && i < list.Len(); i++ {
		text, _ := starlark.AsString(list.Index(i))
		all = append(all, text)
	}
	return all
}

func mustExist(folder string, paths ...string) error {
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(folder, path)); err != nil {
			return err
		}
	}
	return nil
}

func documents(text string) []string {
	var all []string
	for _, document := range strings.Split("\n"+text, "\n---\n") {
		if strings.TrimSpace(document) != "" {
			all = append(all, document)
		}
	}
	return all
}

// decode makes Starlark values of YAML, by way of JSON, which Starlark can read.
func decode(thread *starlark.Thread, text string) (*starlark.List, error) {
	list := starlark.NewList(nil)
	for _, document := range documents(text) {
		asJSON, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			return nil, err
		}
		value, err := starlark.Call(thread, starjson.Module.Members["decode"], starlark.Tuple{starlark.String(asJSON)}, nil)
		if err != nil {
			return nil, err
		}
		if err := list.Append(value); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func encode(thread *starlark.Thread, objects *starlark.List) (starlark.Value, error) {
	var all []string
	for i := 0; i < objects.Len(); i++ {
		value, err := starlark.Call(thread, starjson.Module.Members["encode"], starlark.Tuple{objects.Index(i)}, nil)
		if err != nil {
			return nil, err
		}
		text, _ := starlark.AsString(value)
		asYAML, err := yaml.JSONToYAML([]byte(text))
		if err != nil {
			return nil, err
		}
		all = append(all, string(asYAML))
	}
	return starlark.String(strings.Join(all, "---\n")), nil
}
