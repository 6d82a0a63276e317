package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/quarry-ml/quarry/rundir"
)

// errDigest says that a file is not the one that the hub listed.
var errDigest = errors.New("has another digest than the hub says")

// download makes a blob: it continues the beginning that an interrupted download left, checks the whole and gives it its
// name. A beginning that turns out not to be one is thrown away, once.
func (p *pull) download(ctx context.Context, f remote, blob string) error {
	part := blob + ".incomplete"
	what := p.name.String() + ": " + f.name
	err := p.insist(ctx, what, func() (bool, error) {
		before := sizeOf(part)
		err := p.attempt(ctx, f, part)
		if errors.Is(err, errDigest) && before > 0 {
			p.note("%s: what was there of it already is no beginning of it: starting anew", what)
			err = p.attempt(ctx, f, part)
		}
		return sizeOf(part) > before, err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := os.Rename(part, blob); err != nil {
		return rundir.Explain(blob, err)
	}
	return rundir.Explain(blob, rundir.OS{}.SyncDir(filepath.Dir(blob)))
}

// attempt asks once for what is missing of a part, and checks it when it is whole. A whole that is wrong is removed.
func (p *pull) attempt(ctx context.Context, f remote, part string) error {
	sum := newDigest(f)
	have, err := p.beginning(ctx, f, part, sum)
	if err != nil {
		return err
	}
	if have < f.size || have == 0 {
		if have, err = p.receive(ctx, f, part, have, sum); err != nil {
			return err
		}
	}
	if have < f.size {
		return passing(fmt.Errorf("the answer ends after %d of %d bytes", have, f.size))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.digest {
		return errors.Join(fmt.Errorf("%w: %s, not %s; it was removed", errDigest, got, f.digest), os.Remove(part))
	}
	return nil
}

// beginning reads what is there of a part into its digest. One that is longer than the file is none.
func (p *pull) beginning(ctx context.Context, f remote, part string, sum hash.Hash) (int64, error) {
	opened, err := os.Open(part)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer opened.Close() // read only
	if sizeOf(part) > f.size {
		return 0, rundir.Explain(part, rundir.OS{}.Truncate(part, 0))
	}
	return io.CopyBuffer(sum, rundir.UntilDone(ctx, opened), make([]byte, 1<<17))
}

// receive appends to a part what comes, and returns how long it is then; all of it is durable. An answer that begins
// elsewhere than was asked begins the part anew.
func (p *pull) receive(ctx context.Context, f remote, part string, have int64, sum hash.Hash) (int64, error) {
	body, err := p.get(ctx, p.fileAddress(p.name, p.listing.commit, f.name), have)
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusRequestedRangeNotSatisfiable {
		return 0, errors.Join(passing(err), rundir.Explain(part, rundir.OS{}.Truncate(part, 0)))
	}
	if err != nil {
		return have, explainAnswer(err, p.Client, p.name)
	}
	defer body.Close()
	start, err := body.start()
	if err != nil {
		return have, err
	}
	switch start {
	case have:
	case 0: // the server knows no ranges
		if err := (rundir.OS{}).Truncate(part, 0); err != nil {
			return have, rundir.Explain(part, err)
		}
		have = 0
		sum.Reset()
		newDigestHead(f, sum)
	default:
		return have, fmt.Errorf("asked for the bytes from %d on, and got those from %d on", have, start)
	}
	out, err := rundir.OS{}.OpenAppend(part)
	if err != nil {
		return have, rundir.Explain(part, err)
	}
	have, err = p.copy(f, out, rundir.UntilDone(ctx, body), have, sum)
	if failed := errors.Join(out.Sync(), out.Close()); failed != nil {
		err = errors.Join(err, rundir.Explain(part, failed))
	}
	return have, err
}

// copy writes what comes to a file and its digest.
func (p *pull) copy(f remote, out io.Writer, in io.Reader, have int64, sum hash.Hash) (int64, error) {
	buffer := make([]byte, 1<<17)
	for {
		n, err := in.Read(buffer)
		if have+int64(n) > f.size {
			return have, fmt.Errorf("more bytes come than the %d that the hub says it has", f.size)
		}
		if n > 0 {
			if _, failed := out.Write(buffer[:n]); failed != nil {
				return have, rundir.Explain(p.blob(f.digest), failed)
			}
			_, _ = sum.Write(buffer[:n]) // a digest takes everything
			have += int64(n)
			p.tell(f.name, have)
		}
		if err == io.EOF {
			return have, nil
		}
		if err != nil {
			return have, err
		}
	}
}

// newDigest is what a file's blob is named by: SHA-256 where LFS keeps it, else what git names a blob by, the SHA-1 of a
// line that says its length and of its bytes.
func newDigest(f remote) hash.Hash {
	if f.lfs {
		return sha256.New()
	}
	sum := sha1.New()
	newDigestHead(f, sum)
	return sum
}

func newDigestHead(f remote, sum hash.Hash) {
	if !f.lfs {
		fmt.Fprintf(sum, "blob %d\x00", f.size)
	}
}

// sizeOf is the length of a file; 0 where there is none.
func sizeOf(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// writing is content for rundir.WriteFile.
func writing(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}
