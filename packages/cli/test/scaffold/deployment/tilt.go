package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
	"sigs.k8s.io/yaml"
)

// asked is what a Tiltfile has Tilt do.
type asked struct {
	Images []image `json:"images"`
	// Manifests that are deployed.
	Manifests []any    `json:"manifests"`
	Resources []string `json:"resources"`
}

type image struct {
	Ref        string   `json:"ref"`
	Context    string   `json:"context"`
	Target     string   `json:"target"`
	Entrypoint []string `json:"entrypoint"`
	LiveUpdate []step   `json:"liveUpdate"`
}

// step is one of `fall_back_on`, `sync` and `run`.
type step struct {
	Kind string   `json:"kind"`
	Args []string `json:"args"`
}

// tilt runs a Tiltfile as Tilt does, with those of its functions that scaffolds use. Another function is an error, and so is
// a file that is not there.
func tilt(folder string) (string, error) {
	result := asked{}
	thread := &starlark.Thread{Name: "Tiltfile"}
	options := &syntax.FileOptions{}
	path := filepath.Join(folder, "Tiltfile")
	if _, err := starlark.ExecFileOptions(options, thread, path, nil, result.functions(folder)); err != nil {
		return "", err
	}
	text, err := json.Marshal(result)
	return string(text), err
}

type builtin = func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error)

func (result *asked) functions(folder string) starlark.StringDict {
	within := func(path string) string { return filepath.Join(folder, path) }
	functions := map[string]builtin{
		"docker_build": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var ref, context, target string
			var entrypoint, liveUpdate *starlark.List
			err := starlark.UnpackArgs(b.Name(), args, named,
				"ref", &ref, "context", &context, "target?", &target, "entrypoint?", &entrypoint, "live_update?", &liveUpdate)
			if err != nil {
				return nil, err
			}
			built := image{Ref: ref, Context: context, Target: target, Entrypoint: texts(entrypoint)}
			for i := 0; i < liveUpdate.Len(); i++ {
				built.LiveUpdate = append(built.LiveUpdate, liveUpdate.Index(i).(stepValue).step)
			}
			result.Images = append(result.Images, built)
			return starlark.None, nil
		},
		"fall_back_on": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var files *starlark.List
			if err := starlark.UnpackArgs(b.Name(), args, named, "files", &files); err != nil {
				return nil, err
			}
			return newStep(b.Name(), texts(files)...), mustExist(folder, texts(files)...)
		},
		"sync": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var local, remote string
			if err := starlark.UnpackArgs(b.Name(), args, named, "local_path", &local, "remote_path", &remote); err != nil {
				return nil, err
			}
			return newStep(b.Name(), local, remote), mustExist(folder, local)
		},
		"run": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var command string
			if err := starlark.UnpackArgs(b.Name(), args, named, "cmd", &command); err != nil {
				return nil, err
			}
			return newStep(b.Name(), command), nil
		},
		"kustomize": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var path string
			if err := starlark.UnpackArgs(b.Name(), args, named, "path", &path); err != nil {
				return nil, err
			}
			text, err := kustomize(within(path))
			return starlark.String(text), err
		},
		"read_yaml": func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var path string
			if err := starlark.UnpackArgs(b.Name(), args, named, "path", &path); err != nil {
				return nil, err
			}
			text, err := os.ReadFile(within(path))
			if err != nil {
				return nil, err
			}
			documents, err := decode(thread, string(text))
			if err == nil && documents.Len() != 1 {
				err = fmt.Errorf("%s has %d documents", path, documents.Len())
			}
			if err != nil {
				return nil, err
			}
			return documents.Index(0), nil
		},
		"decode_yaml_stream": func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var text string
			if err := starlark.UnpackArgs(b.Name(), args, named, "yaml", &text); err != nil {
				return nil, err
			}
			return decode(thread, text)
		},
		"encode_yaml_stream": func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var objects *starlark.List
			if err := starlark.UnpackArgs(b.Name(), args, named, "objs", &objects); err != nil {
				return nil, err
			}
			return encode(thread, objects)
		},
		"k8s_yaml": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var text string
			if err := starlark.UnpackArgs(b.Name(), args, named, "yaml", &text); err != nil {
				return nil, err
			}
			for _, document := range documents(text) {
				var manifest any
				if err := yaml.UnmarshalStrict([]byte(document), &manifest); err != nil {
					return nil, err
				}
				result.Manifests = append(result.Manifests, manifest)
			}
			return starlark.None, nil
		},
		"k8s_resource": func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, named []starlark.Tuple) (starlark.Value, error) {
			var workload string
			var port int
			if err := starlark.UnpackArgs(b.Name(), args, named, "workload", &workload, "port_forwards?", &port); err != nil {
				return nil, err
			}
			result.Resources = append(result.Resources, fmt.Sprintf("%s:%d", workload, port))
			return starlark.None, nil
		},
	}
	predeclared := starlark.StringDict{}
	for name, function := range functions {
		predeclared[name] = starlark.NewBuiltin(name, function)
	}
	return predeclared
}
