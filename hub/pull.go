package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/rundir"
)

// PullOptions say what of a model is downloaded.
type PullOptions struct {
	Include  []string                      // patterns of path.Match: files beside those that a model is run with
	Progress func(file string, p Progress) // may be nil
}

// Progress is how far a download has come, in bytes of all files.
type Progress struct{ Done, Total int64 }

// Pull downloads what a model is run with into a cache: configuration, tokenizer, modules and weights. What is there
// already is not asked for again, what is there in part goes on. Every file is checked against its digest before it gets
// its name, and the branch or tag points to the new commit only when all of its files are there. An interrupted download
// leaves nothing but beginnings of files, from which the next one goes on.
func (c Client) Pull(ctx context.Context, cache Cache, n Name, o PullOptions) (Snapshot, error) {
	l, err := c.list(ctx, n)
	if err != nil {
		return Snapshot{}, err
	}
	names, err := l.wanted(o.Include)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%s: %w", n, err)
	}
	p := &pull{Client: c, name: n, listing: l, repository: cache.repository(n), progress: o.Progress}
	s := Snapshot{Dir: p.snapshot(l.commit), Commit: l.commit}
	if names, err = p.withShards(ctx, names); err != nil {
		return Snapshot{}, err
	}
	for _, name := range names {
		p.state.Total += l.files[name].size
	}
	for _, name := range names {
		if err := p.fetch(ctx, l.files[name]); err != nil {
			return Snapshot{}, err
		}
		p.state.Done += l.files[name].size
		p.tell(name, 0)
	}
	if n.revision() != l.commit {
		if err := p.point(ctx, n.revision(), l.commit); err != nil {
			return Snapshot{}, err
		}
	}
	return s, nil
}

// pull is one download at work.
type pull struct {
	Client
	repository
	name     Name
	listing  listing
	progress func(string, Progress)
	state    Progress // without the file at work
}

func (p *pull) tell(file string, more int64) {
	if p.progress != nil {
		p.progress(file, Progress{p.state.Done + more, p.state.Total})
	}
}

// withShards downloads the indexes among the names and adds the shards that they list.
func (p *pull) withShards(ctx context.Context, names []string) ([]string, error) {
	for _, name := range slices.Clone(names) {
		if !isIndex(path.Base(name)) {
			continue
		}
		quiet := *p
		quiet.progress = nil
		if err := quiet.fetch(ctx, p.listing.files[name]); err != nil {
			return nil, err
		}
		raw, err := os.ReadFile(p.blob(p.listing.files[name].digest))
		if err != nil {
			return nil, err
		}
		shards, err := shardsOf(raw, p.name.String()+": "+name, strings.TrimSuffix(path.Dir(name), "."))
		if err != nil {
			return nil, err
		}
		for _, shard := range shards {
			if _, ok := p.listing.files[shard]; !ok {
				return nil, fmt.Errorf("%s: %s lists the shard %s, which the hub does not have", p.name, name, shard)
			}
		}
		names = append(names, shards...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// fetch brings a file's blob into the cache and links it into the snapshot.
func (p *pull) fetch(ctx context.Context, f remote) error {
	blob := p.blob(f.digest)
	if err := (rundir.OS{}).MkdirAll(filepath.Dir(blob)); err != nil {
		return rundir.Explain(blob, err)
	}
	waiting := func() { p.note("%s: another process downloads it: waiting", f.name) }
	// The lock is huggingface_hub's own, which may be at it, too.
	return rundir.InTurn(ctx, p.lock(f.digest), waiting, func() error {
		if info, err := os.Stat(blob); err != nil || info.Size() != f.size {
			if err := p.download(ctx, f, blob); err != nil {
				return err
			}
		}
		return link(blob, filepath.Join(p.snapshot(p.listing.commit), filepath.FromSlash(f.name)))
	})
}

// link makes a link to a blob, relative so that the cache can be moved. One of an older download is replaced.
func link(blob, name string) error {
	folder := filepath.Dir(name)
	if err := (rundir.OS{}).MkdirAll(folder); err != nil {
		return rundir.Explain(name, err)
	}
	target, err := filepath.Rel(folder, blob)
	if err != nil {
		return err
	}
	if there, err := os.Readlink(name); err == nil && there == target {
		return nil
	}
	temporary := name + ".quarry.tmp"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rundir.Explain(name, err)
	}
	if err := os.Symlink(target, temporary); err != nil {
		return fmt.Errorf("the cache is made of symbolic links, and here is none to be made: %w", rundir.Explain(name, err))
	}
	if err := os.Rename(temporary, name); err != nil {
		return rundir.Explain(name, err)
	}
	return rundir.Explain(name, rundir.OS{}.SyncDir(folder))
}

// point notes, as one of several downloads at a time, which commit a branch or a tag stands for.
func (p *pull) point(ctx context.Context, revision, commit string) error {
	file := p.ref(revision)
	return rundir.InTurn(ctx, p.lock("ref-"+strings.ReplaceAll(revision, "/", "--")), func() {}, func() error {
		if raw, err := os.ReadFile(file); err == nil && string(raw) == commit {
			return nil
		}
		return rundir.WriteFile(rundir.OS{}, file, writing([]byte(commit)))
	})
}
