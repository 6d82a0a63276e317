package rundir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model"
)

// Output is a file that a stage made.
type Output struct {
	Path   string `json:"path"`   // relative to the run directory, forward slashes
	SHA256 string `json:"sha256"` // hex
	Size   int64  `json:"size"`   // bytes
}

// DigestFile returns the SHA-256 (hex) and size of a file. It always reads the file: a size and a time of change do not
// prove that content is the same.
func DigestFile(ctx context.Context, fsys FS, file string) (digest string, size int64, err error) {
	opened, err := fsys.Open(file)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	h := sha256.New()
	size, err = io.CopyBuffer(h, UntilDone(ctx, opened), make([]byte, 1<<17))
	if err != nil {
		return "", 0, fmt.Errorf("digest of %s: %w", file, err)
	}
	return sum(h), size, nil
}

// DigestTree returns every file at or below root, sorted by path, their paths relative to root ("." when root is a
// file). Temporary files are left out.
func DigestTree(ctx context.Context, fsys FS, root string) ([]Output, error) {
	info, err := fsys.Stat(root)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return digestDir(ctx, fsys, root, "")
	}
	digest, size, err := DigestFile(ctx, fsys, root)
	if err != nil {
		return nil, err
	}
	return []Output{{Path: ".", SHA256: digest, Size: size}}, nil
}

// TreeDigest returns one digest (hex) for a file or a directory: of a file the SHA-256 of its bytes; of
// a directory the SHA-256 of lines "digest  size  path" sorted by path.
func TreeDigest(ctx context.Context, fsys FS, root string) (string, error) {
	files, err := DigestTree(ctx, fsys, root)
	if err != nil {
		return "", err
	}
	return treeDigest(files), nil
}

// SourceDigest is the TreeDigest of a program's source: without what Python compiles it to as it runs, the folders
// __pycache__ and the files *.pyc.
func SourceDigest(ctx context.Context, fsys FS, root string) (string, error) {
	files, err := DigestTree(ctx, fsys, root)
	if err != nil {
		return "", err
	}
	return treeDigest(slices.DeleteFunc(files, func(f Output) bool {
		return path.Ext(f.Path) == ".pyc" || slices.Contains(strings.Split(path.Dir(f.Path), "/"), "__pycache__")
	})), nil
}

// treeDigest is that of a list that DigestTree returned.
func treeDigest(files []Output) string {
	if len(files) == 1 && files[0].Path == "." {
		return files[0].SHA256
	}
	return listDigest(files)
}

// ModelDigest returns one digest for a model directory: as TreeDigest's, but over the files that make the model, so that
// what else lies there, such as its README, may change.
func ModelDigest(ctx context.Context, fsys FS, dir string) (string, error) {
	names, err := model.Files(dir)
	if err != nil {
		return "", err
	}
	return digestOf(ctx, fsys, dir, names)
}

// CrossEncoderDigest is ModelDigest of the directory of a cross-encoder.
func CrossEncoderDigest(ctx context.Context, fsys FS, dir string) (string, error) {
	names, err := model.CrossEncoderFiles(dir)
	if err != nil {
		return "", err
	}
	return digestOf(ctx, fsys, dir, names)
}

// digestOf is one digest of files below dir.
func digestOf(ctx context.Context, fsys FS, dir string, names []string) (_ string, err error) {
	files := make([]Output, len(names))
	for i, name := range names {
		files[i].Path = name
		if files[i].SHA256, files[i].Size, err = DigestFile(ctx, fsys, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return "", err
		}
	}
	return listDigest(files), nil
}

// listDigest is the SHA-256 of lines "digest  size  path".
func listDigest(files []Output) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s  %d  %s\n", f.SHA256, f.Size, f.Path)
	}
	return sum(h)
}

// DigestBytes returns the SHA-256 (hex) of content.
func DigestBytes(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

// digestDir lists dir's files in the order of ReadDir, which sorts names; relative is dir's path below the root.
func digestDir(ctx context.Context, fsys FS, dir, relative string) ([]Output, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []Output
	for _, entry := range entries {
		name := entry.Name()
		if isTemporary(name) {
			continue
		}
		full, below := filepath.Join(dir, name), path.Join(relative, name)
		info, err := fsys.Stat(full) // follows links: a linked weight file counts by its content
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			inner, err := digestDir(ctx, fsys, full, below)
			if err != nil {
				return nil, err
			}
			files = append(files, inner...)
			continue
		}
		digest, size, err := DigestFile(ctx, fsys, full)
		if err != nil {
			return nil, err
		}
		files = append(files, Output{Path: below, SHA256: digest, Size: size})
	}
	return files, nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// UntilDone is r until a context ends, whose error it then gives: for reads that take long.
func UntilDone(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
