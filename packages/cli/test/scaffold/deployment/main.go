// Does with the files of a scaffold what Kustomize and Tilt do with them, without a cluster: `kustomize <folder>` prints the
// manifests that the folder comes to, and `tilt <folder>` what its Tiltfile asks for, as JSON.
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("say kustomize or tilt, and a folder"))
	}
	var out string
	var err error
	switch command, folder := os.Args[1], os.Args[2]; command {
	case "kustomize":
		out, err = kustomize(folder)
	case "tilt":
		out, err = tilt(folder)
	default:
		err = fmt.Errorf("%s: say kustomize or tilt", command)
	}
	if err != nil {
		fail(err)
	}
	fmt.Print(out)
}

// kustomize is what `kubectl kustomize` prints.
func kustomize(folder string) (string, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return "", err
	}
	text, err := resources.AsYaml()
	return string(text), err
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
