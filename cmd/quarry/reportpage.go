package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
)

// isPage says whether a word is the name of a page and not of a run.
func isPage(word string) bool { return strings.EqualFold(filepath.Ext(word), ".html") }

// writePage writes the page with charts of a run directory to a file, or to its place in the directory.
func writePage(h *host, d *rundir.Dir, file string) error {
	p, err := page.Read(d)
	if err != nil {
		return badInput(err)
	}
	if file == inRun {
		if err := replacePage(d, p); err != nil {
			return err
		}
		h.note("the page is %s", d.Page())
		return nil
	}
	return writeNamedPage(h, p, file)
}

// writeNamedPage writes a page to a file, or to standard output.
func writeNamedPage(h *host, p *page.Page, file string) error {
	if err := writeOutput(h, file, p.Write); err != nil || file == standard {
		return err
	}
	h.note("wrote %s", file)
	return nil
}

// replacePage writes the page to its place in the run directory, where it is not there yet as it should be: a run that has
// nothing left to do leaves no trace.
func replacePage(d *rundir.Dir, p *page.Page) error {
	var content bytes.Buffer
	if err := p.Write(&content); err != nil {
		return err
	}
	old, err := rundir.ReadFile(d.FS, d.Page())
	if err == nil && bytes.Equal(old, content.Bytes()) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return rundir.WriteFile(d.FS, d.Page(), func(w io.Writer) error {
		_, err := content.WriteTo(w)
		return err
	})
}

// writeRunPage leaves the page in the directory of a run that has ended, however it ended. Where nothing has begun there
// is nothing to show.
func writeRunPage(h *host, dir string) (err error) {
	d, err := rundir.Open(dir, rundir.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := writePage(h, d, inRun); err != nil {
		return fmt.Errorf("the page with charts: %w", err)
	}
	return nil
}
