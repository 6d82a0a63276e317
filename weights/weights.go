// Package weights keeps copies of published models whose weights are stored in another type, made once and used again.
package weights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/model/safetensors"
	"github.com/quarry-ml/quarry/rundir"
)

// RecordName is the file of a copy that says what it was made of.
const RecordName = "weights.json"

// recordVersion is raised when the same model gives another copy.
const recordVersion = 1

// Record is the content of RecordName.
type Record struct {
	Version int             `json:"version"`
	Source  string          `json:"source"`  // ModelDigest of the model as published
	Weights string          `json:"weights"` // the type that they were rounded to
	Files   []rundir.Output `json:"files"`   // all others of the copy
}

// Options say how a copy is made.
type Options struct {
	ShardLimit int64                   // bytes a file may hold; 0 is safetensors.ShardLimit
	Progress   func(done, total int64) // bytes written; may be nil
	Note       func(line string)       // may be nil
}

// BF16 returns the directory of a model whose F32 weights are rounded to bf16: below the cache, under the digest of the
// model, where it is made unless it is there. A model whose weights are bf16 already is its own. F16 is an error: a
// number of it has more digits than one of bf16, and would only lose them.
func BF16(ctx context.Context, cache, dir string, o Options) (string, error) {
	d, err := model.ReadDirectory(dir, model.Options{AssumeMean: true})
	if err != nil {
		return "", err
	}
	types, err := d.WeightTypes()
	if err != nil {
		return "", err
	}
	switch {
	case slices.Contains(types, safetensors.F16):
		return "", fmt.Errorf("%s: has weights in F16, which are not rounded to bf16: take them as they are stored", dir)
	case !slices.Contains(types, safetensors.F32):
		return dir, nil
	}
	digest, err := rundir.ModelDigest(ctx, rundir.OS{}, dir)
	if err != nil {
		return "", err
	}
	c := &copying{Options: o, source: d, digest: digest, dir: filepath.Join(cache, "weights", digest+"-bf16")}
	if there, err := c.there(); err != nil || there {
		return c.dir, err
	}
	waiting := func() { c.note("another process rounds the weights of %s: waiting", dir) }
	return c.dir, rundir.InTurn(ctx, c.dir+".lock", waiting, func() error {
		if there, err := c.there(); err != nil || there { // another process made it meanwhile
			return err
		}
		return c.make(ctx)
	})
}

// copying is one copy.
type copying struct {
	Options
	source *model.Directory
	digest string
	dir    string
}

func (c *copying) note(format string, args ...any) {
	if c.Note != nil {
		c.Note(fmt.Sprintf(format, args...))
	}
}

// there says whether the copy is whole. It appears under its name only when it is; what was taken from it since shows in
// the lengths of its files.
func (c *copying) there() (bool, error) {
	file := filepath.Join(c.dir, RecordName)
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var r Record
	if rundir.ParseJSON(file, raw, &r) != nil || r.Version != recordVersion || r.Source != c.digest {
		return false, nil // of another quarry, or damaged: a cache is made anew
	}
	for _, f := range r.Files {
		info, err := os.Stat(filepath.Join(c.dir, filepath.FromSlash(f.Path)))
		if err != nil || info.Size() != f.Size {
			return false, nil
		}
	}
	return true, nil
}

// make writes the copy and its record, all or nothing.
func (c *copying) make(ctx context.Context) error {
	total, err := c.size()
	if err != nil {
		return err
	}
	c.note("rounding the weights of %s to bf16, once, into %s", c.source.Path, c.dir)
	var done int64
	return rundir.WriteDir(rundir.OS{}, c.dir, func(dir string) error {
		sink := rundir.Sink(rundir.OS{}, dir)
		counted := func(name string, write func(io.Writer) error) error {
			return sink(name, func(w io.Writer) error {
				return write(writer(func(p []byte) (int, error) {
					n, err := w.Write(p)
					if done += int64(n); c.Progress != nil {
						c.Progress(min(done, total), total)
					}
					return n, err
				}))
			})
		}
		if err := c.source.WriteBF16(ctx, counted, c.ShardLimit); err != nil {
			return err
		}
		files, err := rundir.DigestTree(ctx, rundir.OS{}, dir)
		if err != nil {
			return err
		}
		return rundir.WriteJSON(rundir.OS{}, filepath.Join(dir, RecordName), Record{recordVersion, c.digest, "bf16", files})
	})
}

// size is the bytes of the weights to be written.
func (c *copying) size() (int64, error) {
	f, err := c.source.OpenWeights()
	if err != nil {
		return 0, err
	}
	defer f.Close() // read only
	var n int64
	for _, t := range f.Tensors() {
		size := int64(len(t.Data))
		if t.DType == safetensors.F32 {
			size /= 2
		}
		n += size
	}
	return n, nil
}

type writer func([]byte) (int, error)

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) { return w(p) }
