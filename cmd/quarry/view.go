package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/view"
)

// ViewOptions are the flags of quarry view.
type ViewOptions struct {
	Dir     string // of the recipe that is named
	Port    int
	Data    string
	Against string
}

func newViewCommand(h *host) *cobra.Command {
	o := ViewOptions{Port: 8765}
	cmd := &cobra.Command{
		Use:   "view RUN",
		Short: "Look at a run in a browser: live charts, rankings, doubtful negatives",
		Long: `Serve a run to a browser on this machine, also while it goes on: charts that move as the run writes, every query with
its rankings in every round, before and after training among them where epochs are scored (dev, test, data.also), every passage with the queries that know it, the
mined negatives that look like answers, with one key a verdict, and two rankings query by query. RUN is a run directory, or a
recipe whose run directory is meant.

It listens on 127.0.0.1 alone and refuses requests of other pages. It writes nothing but verdicts.jsonl in the run directory.
Ctrl-C ends it.`,
		Example: `  quarry view runs/eedi
  quarry view recipe.yaml --port 0                   # any free port
  quarry view runs/second --against runs/first`,
		Args: one("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error { return runView(cmd.Context(), h, o, args[0]) },
	}
	f := cmd.Flags()
	f.IntVar(&o.Port, "port", o.Port, "of 127.0.0.1; 0 takes any that is free")
	addRecipeDir(f, &o.Dir)
	f.StringVar(&o.Data, "data", "", "`folder` that the recipe's relative paths start at (that of the recipe; of a run directory, the one that holds its runs folder)")
	f.StringVar(&o.Against, "against", "", "compare with this `run`: a directory or a recipe")
	return cmd
}

// runView serves until it is interrupted, which is its good end.
func runView(ctx context.Context, h *host, o ViewOptions, run string) (err error) {
	if o.Port < 0 || o.Port > 65535 {
		return badInputf("--port %d: ports are 0 to 65535", o.Port)
	}
	options := view.Options{Token: rand.Text()}
	dir, err := inDir(run, o.Dir)
	if err != nil {
		return err
	}
	own := o
	if dir != run && own.Data == "" {
		own.Data = filepath.Dir(run)
	}
	if options.Dir, options.Files, err = own.open(ctx, dir); err != nil {
		return badInput(err)
	}
	if o.Against != "" {
		if options.Against, options.AgainstFiles, err = o.open(ctx, o.Against); err != nil {
			return badInputf("--against: %w", err)
		}
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)))
	if err != nil {
		return badInputf("--port: %w: choose another, or 0 for any that is free", err)
	}
	options.Host = listener.Addr().String()
	v, err := view.Open(ctx, options)
	if err != nil {
		return errors.Join(badInput(err), listener.Close())
	}
	if err := h.printf("http://%s/ shows %s; Ctrl-C ends it\n", options.Host, options.Dir.Name()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serve(ctx, listener, v.Handler())
}

// serve answers requests until the context ends, and lets those under way end.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: log.New(io.Discard, "", 0), // what browsers do wrong is no news for the terminal
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	<-ended
	return err
}

// open finds a run directory and the texts that it was made of, which must be the same still.
func (o ViewOptions) open(ctx context.Context, run string) (*rundir.Dir, view.Files, error) {
	var names rundir.DataNames
	texts := runTexts{folder: o.Data, remedy: "name the recipe in place of the run directory, or --data, the folder that its paths start at"}
	d, err := texts.open(ctx, run, func(found rundir.DataNames) ([]string, error) {
		names = found
		picked := []string{names.Corpus, names.Train, names.Dev}
		for _, set := range names.Sets {
			picked = append(picked, set.Train)
			if set.Corpus != "" {
				picked = append(picked, set.Corpus)
			}
		}
		for _, split := range heldSplits(names) {
			set, _ := names.Set(split)
			picked = append(picked, set.Queries)
			if set.Corpus != "" {
				picked = append(picked, set.Corpus)
			}
		}
		return picked, nil
	})
	files := view.Files{
		Corpus: texts.path(names.Corpus), Train: texts.path(names.Train), Dev: texts.path(names.Dev),
		IDField: names.IDField, GroupField: names.GroupField, Folder: texts.folder,
	}
	for _, set := range names.Sets {
		one := view.SetFiles{Name: set.Name, Train: texts.path(set.Train), IDField: set.IDField, GroupField: set.GroupField}
		if set.Corpus != "" {
			one.Corpus = texts.path(set.Corpus)
		}
		files.Sets = append(files.Sets, one)
	}
	for _, split := range heldSplits(names) {
		set, _ := names.Set(split)
		one := view.HeldFiles{Split: split, Queries: texts.path(set.Queries), IDField: set.IDField, GroupField: set.GroupField}
		if set.Corpus != "" {
			one.Corpus = texts.path(set.Corpus)
		}
		files.Held = append(files.Held, one)
	}
	return d, files, err
}

// heldSplits are the sets that epochs are scored on besides dev: test where there is one, then those of data.also and what the sets
// of data.sets hold out.
func heldSplits(names rundir.DataNames) []rundir.Split {
	var splits []rundir.Split
	if names.Test != "" {
		splits = append(splits, rundir.Test)
	}
	for _, set := range names.Also {
		splits = append(splits, rundir.AlsoSplit(set.Name))
	}
	return splits
}
