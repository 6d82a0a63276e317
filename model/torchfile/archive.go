package torchfile

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const (
	pickleName    = "data.pkl"
	byteOrderName = "byteorder"
	storageFolder = "data/"
)

// maxDirectory is the bytes of an archive's directory that are read. An entry has about 80.
const maxDirectory = 16 << 20

// archive is a zip file in memory whose entries lie in one folder, as torch writes them.
//
// Checksums are not compared: torch.load does not either, torch.serialization.set_crc32_options(False) makes it write others
// than zip's, and of gigabytes of storages, which are mapped, it would cost reading each byte twice.
type archive struct {
	data    []byte
	folder  string // of all entries, with its slash
	entries map[string]*zip.File
	spans   map[string]span // of what was read, by name
}

// span is an entry's bytes in the archive.
type span struct{ begin, end int }

func openArchive(data []byte) (*archive, error) {
	budget := &budgeted{ReaderAt: bytes.NewReader(data), left: maxDirectory}
	r, err := zip.NewReader(budget, int64(len(data)))
	if err != nil && budget.left < 0 {
		return nil, errDirectory
	}
	if err != nil {
		return nil, fmt.Errorf("is a zip archive without an end: the file is truncated or damaged, get it again (%w)", err)
	}
	budget.left = len(data) // what is read from here on are headers of entries
	a := &archive{data: data, entries: map[string]*zip.File{}, spans: map[string]span{}}
	for _, f := range r.File {
		if a.entries[f.Name] != nil {
			return nil, fmt.Errorf("entry %q comes twice", f.Name)
		}
		a.entries[f.Name] = f
		if folder, ok := strings.CutSuffix(f.Name, "/"+pickleName); ok && !strings.Contains(folder, "/") {
			if a.folder != "" {
				return nil, fmt.Errorf("holds two of what torch.save writes: %s and %s", a.folder+pickleName, f.Name)
			}
			a.folder = folder + "/"
		}
	}
	if a.folder == "" {
		return nil, fmt.Errorf("is a zip archive without %s: no file of torch.save", pickleName)
	}
	return a, a.checkKind()
}

// checkKind refuses what is laid out as a file of weights and is none.
func (a *archive) checkKind() error {
	if a.entries[a.folder+"constants.pkl"] != nil {
		return errors.New("is a program of TorchScript, which is not read; save its weights: torch.save(torch.jit.load(file).state_dict(), file)")
	}
	if a.entries[a.folder+byteOrderName] == nil { // written since torch 2.0; before, every file was taken to be little-endian
		return nil
	}
	order, err := a.read(byteOrderName)
	if err == nil && string(order) != "little" {
		err = fmt.Errorf("its byteorder is %.16q; only little is read: save it again on a machine of that order", order)
	}
	return err
}

// read returns an entry's bytes, a view of the archive.
func (a *archive) read(name string) ([]byte, error) {
	if s, ok := a.spans[name]; ok {
		return a.data[s.begin:s.end:s.end], nil
	}
	f := a.entries[a.folder+name]
	if f == nil {
		return nil, fmt.Errorf("has no entry %q", a.folder+name)
	}
	if f.Flags&1 != 0 {
		return nil, fmt.Errorf("entry %q is encrypted, as torch.save writes none", f.Name)
	}
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
		return nil, fmt.Errorf("entry %q is compressed, as torch.save writes none: save the file again with torch, and do not pack it anew", f.Name)
	}
	begin, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("entry %q: its header is damaged: %w", f.Name, err)
	}
	if begin < 0 || begin > int64(len(a.data)) || f.CompressedSize64 > uint64(int64(len(a.data))-begin) {
		return nil, fmt.Errorf("entry %q has %d bytes from byte %d on, beyond the file's %d: the file is truncated or damaged, get it again", f.Name, f.CompressedSize64, begin, len(a.data))
	}
	s := span{int(begin), int(begin) + int(f.CompressedSize64)}
	a.spans[name] = s
	return a.data[s.begin:s.end:s.end], nil
}

// checkApart refuses entries that were read and share bytes: one of them says something else than its author meant.
func (a *archive) checkApart() error {
	names := slices.SortedFunc(maps.Keys(a.spans), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.spans[x].begin, a.spans[y].begin), cmp.Compare(a.spans[x].end, a.spans[y].end), cmp.Compare(x, y))
	})
	end, last := 0, ""
	for _, name := range names {
		if s := a.spans[name]; s.begin < end {
			return fmt.Errorf("entries %q and %q overlap: the file is damaged, get it again", a.folder+last, a.folder+name)
		}
		end, last = a.spans[name].end, name
	}
	return nil
}

var errDirectory = fmt.Errorf("its directory has more than %d bytes: this is no file of weights", maxDirectory)

// budgeted fails once more than a number of bytes were read: what a zip reader keeps of a directory grows with them.
type budgeted struct {
	io.ReaderAt
	left int
}

func (b *budgeted) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errDirectory
	}
	return b.ReaderAt.ReadAt(p, offset)
}
