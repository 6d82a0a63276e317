package rundir

import (
	"io"
	"io/fs"

	"github.com/quarry-ml/quarry/corpus"
)

// RowFiles is a file system in which a path may also name the rows of a data set's folder, as corpus.FindRows finds them: to open
// and to describe they are one file.
func RowFiles(fsys FS) FS { return rowFiles{fsys} }

type rowFiles struct{ FS }

// Open implements FS.
func (f rowFiles) Open(path string) (io.ReadCloser, error) { return corpus.OpenRows(f.FS, path, "") }

// Stat implements FS. Of several files it describes the first.
func (f rowFiles) Stat(path string) (fs.FileInfo, error) {
	found, err := corpus.FindRows(f.FS, path, "")
	if err != nil {
		return nil, err
	}
	return f.FS.Stat(found[0])
}
