package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/quarry-ml/quarry/rundir"
)

// readVersioned reads a JSON file of one version, nil where there is no file. The version is looked at before the rest,
// so that a newer file is called newer and not a file with a strange key.
func readVersioned[T any](fsys rundir.FS, file string, version int) (*T, error) {
	content, err := rundir.ReadFile(fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseVersioned[T](content, file, version)
}

func parseVersioned[T any](content []byte, file string, version int) (*T, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.NewDecoder(bytes.NewReader(content)).Decode(&head); err != nil {
		return nil, rundir.JSONError(file, err)
	}
	switch {
	case head.Version > version:
		return nil, fmt.Errorf("%s: version %d is newer than this quarry knows (%d): update quarry", file, head.Version, version)
	case head.Version != version:
		return nil, fmt.Errorf("%s: version %d, and this quarry reads %d", file, head.Version, version)
	}
	value := new(T)
	if err := rundir.ParseJSON(file, content, value); err != nil {
		return nil, err
	}
	return value, nil
}
