package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// listing is what the hub says of a model's revision.
type listing struct {
	commit string
	files  map[string]remote
}

// remote is a file on the hub.
type remote struct {
	name   string // with slashes
	digest string // the name of its blob: SHA-256 of its bytes where it is kept by LFS, else git's SHA-1 of a blob
	lfs    bool
	size   int64
}

var digestPattern = map[bool]*regexp.Regexp{false: commitPattern, true: regexp.MustCompile(`^[0-9a-f]{64}$`)}

// list asks for the commit that a name means and for all of its files.
func (c Client) list(ctx context.Context, n Name) (listing, error) {
	address := c.endpoint() + "/api/models/" + n.ID + "/revision/" + escape(n.revision()) + "?blobs=true"
	var raw []byte
	err := c.insist(ctx, n.String(), func() (progressed bool, err error) {
		body, err := c.get(ctx, address, 0)
		if err != nil {
			return false, explainAnswer(err, c, n)
		}
		defer body.Close()
		const most = 256 << 20 // of a listing
		raw, err = io.ReadAll(io.LimitReader(body, most))
		return false, passing(err)
	})
	if err != nil {
		return listing{}, err
	}
	l, err := parseListing(raw)
	if err != nil {
		return l, fmt.Errorf("%s: the answer of %s: %w", n, c.endpoint(), err)
	}
	return l, nil
}

// parseListing reads the answer of the hub's API and checks what becomes a name of a file.
func parseListing(raw []byte) (listing, error) {
	var answer struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name   string `json:"rfilename"`
			Size   *int64 `json:"size"`
			BlobID string `json:"blobId"`
			LFS    *struct {
				SHA256 string `json:"sha256"`
				Size   int64  `json:"size"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return listing{}, err
	}
	if !commitPattern.MatchString(answer.SHA) {
		return listing{}, fmt.Errorf("sha %q is no commit", answer.SHA)
	}
	l := listing{commit: answer.SHA, files: map[string]remote{}}
	for _, s := range answer.Siblings {
		f := remote{name: s.Name, digest: s.BlobID}
		if s.Size != nil {
			f.size = *s.Size
		}
		if s.LFS != nil {
			f.digest, f.lfs, f.size = s.LFS.SHA256, true, s.LFS.Size
		}
		switch _, twice := l.files[f.name]; {
		case !safePath(f.name):
			return listing{}, fmt.Errorf("%q is no name of a file", f.name)
		case twice:
			return listing{}, fmt.Errorf("%q comes twice", f.name)
		case !digestPattern[f.lfs].MatchString(f.digest):
			return listing{}, fmt.Errorf("%s: %q is no digest, and without one the file cannot be checked", f.name, f.digest)
		case f.size < 0 || s.Size == nil && s.LFS == nil:
			return listing{}, fmt.Errorf("%s: no size", f.name)
		}
		l.files[f.name] = f
	}
	return l, nil
}

// fileAddress is where a file's content is asked for.
func (c Client) fileAddress(n Name, commit, name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return c.endpoint() + "/" + n.ID + "/resolve/" + commit + "/" + strings.Join(parts, "/")
}

// escape is a revision in a path: its slashes are no separators.
func escape(revision string) string { return url.PathEscape(revision) }
