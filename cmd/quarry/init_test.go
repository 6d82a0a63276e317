package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/internal/tinymodel"
	"github.com/quarry-ml/quarry/recipe"
)

func (p project) initOptions() InitOptions {
	return InitOptions{
		Data: DataOptions{Corpus: p.path("corpus.jsonl"), GroupField: "group"}, Train: p.path("train.jsonl"), Dev: p.path("dev.jsonl"),
		Model: p.path("model"), Output: p.path("my/recipe.yaml"), DevShare: 0.2, Seed: 42,
	}
}

func TestInit(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	o := p.initOptions()
	mustBe(t, runInit(t.Context(), o, h.host))
	r, err := recipe.Load(o.Output)
	mustBe(t, err)
	if r.Data.Dev.File != p.path("dev.jsonl") || r.Model.File != p.path("model") || r.Data.GroupField != "group" {
		t.Errorf("the recipe names %+v, model %+v", r.Data, r.Model)
	}
	if got := r.Round(0).Mine.Window.String(); got != "2-30" {
		t.Errorf("window %s for 30 passages", got)
	}
	for _, want := range []string{"corpus: 30 passages\n", "train: 30 queries\n", "dev: 10 queries, 0 (0 %) with", "model: 32 dimensions, 64 tokens"} {
		if !strings.Contains(h.out.String(), want) {
			t.Errorf("told\n%swant %q in it", h.out.String(), want)
		}
	}
	refused(t, runInit(t.Context(), o, h.host), "recipe.yaml is there already")
	o.Force = true
	mustBe(t, runInit(t.Context(), o, h.host))
}

func TestInitLeavesNothingWhereTheRecipeWouldNotLoad(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	for _, change := range []func(*InitOptions){
		func(o *InitOptions) { o.Output = p.path("my/own recipe.yaml") },
		func(o *InitOptions) { o.Name = "a/b" },
	} {
		o := p.initOptions()
		o.Dev = ""
		change(&o)
		refused(t, runInit(t.Context(), o, newTestHost().host), "want letters, digits, dots, dashes and underscores")
		if _, err := os.Stat(p.path("my")); err == nil {
			t.Error("files were written")
		}
	}
}

func TestInitWritesThePoolingThatAModelLeavesOpen(t *testing.T) {
	p := newProject(t, tinymodel.Options{Plain: true})
	h := newTestHost()
	o := p.initOptions()
	mustBe(t, runInit(t.Context(), o, h.host))
	r, err := recipe.Load(o.Output)
	mustBe(t, err)
	text, err := os.ReadFile(o.Output)
	mustBe(t, err)
	if r.Pooling != "mean" || !strings.Contains(string(text), "pooling: mean  # a guess") || !strings.Contains(h.err.String(), "assumed pooling mean") {
		t.Errorf("pooling %q; told %q", r.Pooling, h.err.String())
	}
}

func TestInitSplitsOffDev(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	h := newTestHost()
	o := p.initOptions()
	o.Dev, o.Test = "", p.path("dev.jsonl")
	mustBe(t, runInit(t.Context(), o, h.host))
	train, dev := lines(p.read(t, "my/recipe-train.jsonl")), lines(p.read(t, "my/recipe-dev.jsonl"))
	all := append(slices.Clone(train), dev...)
	slices.Sort(all)
	if want := slices.Sorted(slices.Values(lines(p.read(t, "train.jsonl")))); !slices.Equal(all, want) {
		t.Error("the two parts are not the whole")
	}
	if len(dev) != 6 {
		t.Errorf("%d dev queries of 30, want 6", len(dev))
	}
	r, err := recipe.Load(o.Output)
	mustBe(t, err)
	if r.Data.Train.Written != "recipe-train.jsonl" || r.Data.Dev.Written != "recipe-dev.jsonl" {
		t.Errorf("the recipe names %q and %q", r.Data.Train.Written, r.Data.Dev.Written)
	}
}

func TestInitRefuses(t *testing.T) {
	p := newProject(t, tinymodel.Options{})
	p.write(t, "leak.jsonl", strings.ReplaceAll(lines(p.read(t, "train.jsonl"))[4], `"t4"`, `"x"`))
	p.write(t, "broken.jsonl", "{\"id\":\"p00\",\"text\":\"a\"}\n{\"id\":\"p01\"\n")
	p.write(t, "one.jsonl", lines(p.read(t, "train.jsonl"))[0])
	for _, tc := range []struct {
		name, want string
		change     func(*InitOptions)
	}{
		{"no model", "--model is needed", func(o *InitOptions) { o.Model = "" }},
		{"share", "--dev-share 1", func(o *InitOptions) { o.Dev, o.DevShare = "", 1 }},
		{"broken corpus", "broken.jsonl:2: ", func(o *InitOptions) { o.Data.Corpus = p.path("broken.jsonl") }},
		{"leak", "leak.jsonl:1 has the text of " + p.path("train.jsonl") + ":5", func(o *InitOptions) { o.Dev = p.path("leak.jsonl") }},
		{"nothing to split", "cannot be split", func(o *InitOptions) { o.Dev, o.Train = "", p.path("one.jsonl") }},
		{"no such group", `no "class"`, func(o *InitOptions) { o.Data.GroupField = "class" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := p.initOptions()
			tc.change(&o)
			refused(t, runInit(t.Context(), o, newTestHost().host), tc.want)
		})
	}
}

func TestSplitOff(t *testing.T) {
	var queries []corpus.Query
	for i := range 200 {
		// Groups of three; every tenth text is that of the row ten before, which joins groups.
		text := fmt.Sprint("text ", i)
		if i%10 == 0 && i > 0 {
			text = fmt.Sprint("text ", i-10)
		}
		queries = append(queries, corpus.Query{Key: fmt.Sprint(i), Text: text, Group: fmt.Sprint(i / 3), Line: i + 1})
	}
	train, dev, err := splitOff(queries, 0.25, 42)
	mustBe(t, err)
	if len(train)+len(dev) != 200 || len(dev) > 50 || len(dev) < 47 {
		t.Errorf("%d and %d queries of 200 at a quarter", len(train), len(dev))
	}
	if leaks := corpus.Leaks(train, dev); len(leaks) > 0 {
		t.Errorf("%d leaks, such as %+v", len(leaks), leaks[0])
	}
	turned := slices.Clone(queries)
	slices.Reverse(turned)
	_, again, err := splitOff(turned, 0.25, 42)
	mustBe(t, err)
	slices.Reverse(again)
	if !slices.EqualFunc(dev, again, func(a, b corpus.Query) bool { return a.Key == b.Key }) {
		t.Error("the split depends on the order of the file")
	}
	_, other, err := splitOff(queries, 0.25, 43)
	mustBe(t, err)
	if slices.EqualFunc(dev, other, func(a, b corpus.Query) bool { return a.Key == b.Key }) {
		t.Error("another seed gives the same split")
	}
}
