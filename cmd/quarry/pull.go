package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/hub"
	"github.com/quarry-ml/quarry/rundir"
)

// PullOptions are the flags of quarry pull.
type PullOptions struct {
	Name    string
	Include []string
	JSON    bool
}

func newPullCommand(h *host) *cobra.Command {
	var o PullOptions
	cmd := &cobra.Command{
		Use:   "pull NAME[@REVISION]",
		Short: "Download a model from the Hugging Face hub",
		Long: `Download a model from the Hugging Face hub into the cache of the Hugging Face libraries, and print its directory. Every
command and recipe then takes the name for the model; so do the Python libraries.

Only what a model is run with comes: configuration, tokenizer, modules and weights: safetensors, or pytorch_model.bin where there
are none. Each file is checked against its digest. An interrupted download goes on where it stopped. The cache, the token, the hub and whether it may be asked are
those of the Hugging Face libraries: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME; HF_TOKEN, HF_TOKEN_PATH; HF_ENDPOINT;
HF_HUB_OFFLINE.`,
		Example: `  quarry pull BAAI/bge-small-en-v1.5
  quarry pull intfloat/e5-base-v2@main --include README.md`,
		Args: one("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			return runPull(cmd.Context(), o, h)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Include, "include", nil, "`pattern` of files that come too, such as '*.md' or 'onnx/*'; may be repeated")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}

// runPull downloads a model and prints where it is.
func runPull(ctx context.Context, o PullOptions, h *host) error {
	n, err := hub.ParseName(o.Name)
	if err != nil {
		return badInput(err)
	}
	home, err := h.hubHome()
	if err != nil {
		return badInput(err)
	}
	s, err := pullOrFind(ctx, o, h, home, n)
	if err != nil {
		return err
	}
	h.note("%s is %s", n, s.Commit)
	if !o.JSON {
		return h.printf("%s\n", s.Dir)
	}
	return printJSON(h, struct {
		Schema   int    `json:"schema"`
		Name     string `json:"name"`
		Revision string `json:"revision"`
		Dir      string `json:"dir"`
	}{schema, n.ID, s.Commit, s.Dir})
}

// pullOrFind downloads; where the hub must not be asked, a model that is there whole is as good.
func pullOrFind(ctx context.Context, o PullOptions, h *host, home hubHome, n hub.Name) (hub.Snapshot, error) {
	if home.offline {
		s, err := home.cache.Find(n)
		if err == nil {
			err = s.Check(n)
		}
		if err != nil {
			return s, badInputf("HF_HUB_OFFLINE forbids to download, and %w: unset it", err)
		}
		h.note("HF_HUB_OFFLINE forbids to ask the hub; what the cache holds is taken")
		return s, nil
	}
	s, err := home.client(h).Pull(ctx, home.cache, n, hub.PullOptions{Include: o.Include, Progress: func(file string, p hub.Progress) {
		const mega = 1e6
		h.progress(progress{Label: "pull " + n.String(), Done: int64(float64(p.Done) / mega), Total: int64(float64(p.Total) / mega), Unit: "MB", Detail: file})
	}})
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, context.Canceled):
		return s, interruption{err, "what has come is kept; the same command goes on from there"}
	case as[*rundir.WriteError](err), as[hub.PassingError](err):
		return s, err
	}
	return s, badInput(err)
}
