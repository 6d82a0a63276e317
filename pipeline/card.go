package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/quarry-ml/quarry/format/modelcard"
	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/stats"
)

// stageCard is the stamp of the card beside the round's model.
const stageCard = "card"

// algorithmCard is raised when the same round gives another card.
const algorithmCard = 1

// card writes README.md into the round's model directory: what the model is, what it scored and what made it. It is a stage
// by itself, for a file that is no part of the model makes no other model.
func (r *round) card(ctx context.Context) error {
	settings, err := r.recipe.Settings(r.index)
	if err != nil {
		return err
	}
	choice, err := r.dir.ReadChoice(r.index)
	if err != nil {
		return err
	}
	result, err := rundir.ModelDigest(ctx, r.dir.FS, r.files.Merged())
	if err != nil {
		return err
	}
	options := struct {
		Recipe   string `json:"recipe"`
		Settings string `json:"settings"`
	}{r.recipe.Name, string(settings)}
	inputs := []rundir.Input{
		{Name: "model", Digest: result}, r.base.input("base"), r.miner.input("miner"),
		r.made(r.files.Scores()), r.made(r.files.Choice()), r.made(r.files.EpochQueries(rundir.Dev, choice.Epoch)),
	}
	for _, f := range r.data.files {
		inputs = append(inputs, r.data.input(f.Role))
	}
	if r.data.queries[rundir.Test] != nil {
		inputs = append(inputs, r.made(r.files.TestScores()), r.made(r.files.EpochQueries(rundir.Test, choice.Epoch)))
	}
	for _, set := range r.data.also {
		for _, epoch := range slices.Compact([]int{0, choice.Epoch}) {
			inputs = append(inputs, r.made(r.files.EpochAlso(set.also.Name, epoch)))
		}
		inputs = append(inputs, r.made(r.files.EpochQueries(set.split, choice.Epoch)))
	}
	path := filepath.Join(r.files.Merged(), modelcard.Name)
	stage := r.stage(stageCard, algorithmCard, options, inputs...)
	return r.do(ctx, work{Stage: stage, outputs: []string{path}, apart: true, run: func(context.Context) error {
		card := modelcard.Card{
			Title: fmt.Sprintf("%s, round %d", r.recipe.Name, r.index), Base: cardModel(r.base),
			Convention: string(r.recipe.Eval.Convention), Settings: settings, Identity: r.engine.Identity(),
		}
		if r.stages.Mine.Embeds() && r.miner.digest != r.base.digest {
			card.Miner = cardModel(r.miner)
		}
		for _, f := range r.data.files {
			card.Data = append(card.Data, modelcard.Data{Role: f.Role, Name: f.Name, Count: f.Count, Digest: f.Digest})
		}
		if err := errors.Join(r.describe(&card), r.addResults(&card, choice)); err != nil {
			return err
		}
		return rundir.WriteFile(r.dir.FS, path, card.Write)
	}})
}

// describe fills in what the model says of itself.
func (r *round) describe(card *modelcard.Card) error {
	m, err := r.openModel(r.files.Merged())
	if err != nil {
		return err
	}
	c := m.Contract
	card.Dimension, card.MaxTokens, card.Score = m.Dimension(), c.MaxLength, string(c.Score)
	card.Query, card.Passage = CardPrompt(c.Query), CardPrompt(c.Passage)
	return m.Close()
}

func cardModel(s source) modelcard.Model {
	return modelcard.Model{Name: s.model(), Hub: s.revision != "", Revision: s.revision, Digest: s.digest}
}

// CardPrompt is a prompt of a model as its card tells it.
func CardPrompt(p model.Prompt) modelcard.Prompt {
	prefix, plain := p.Prefix()
	if plain {
		return modelcard.Prompt{Template: prefix, Stored: true}
	}
	return modelcard.Prompt{Template: string(p.Template), Suffix: p.Suffix}
}

// addResults fills in what the base and the chosen epoch scored on dev, on test and on the sets of data.also.
func (r *round) addResults(card *modelcard.Card, choice *rundir.Choice) error {
	table, err := r.dir.ReadScores(r.index)
	if err != nil {
		return err
	}
	if err := r.addAlso(table); err != nil {
		return err
	}
	card.Choice = fmt.Sprintf("The model is epoch %d of %d, chosen by %s: %s.", choice.Epoch, len(table.Epochs)-1, choice.By, choice.Because)
	base, chosen := table.Epochs[0], table.Epochs[choice.Epoch]
	add := func(name string, split rundir.Split, base, chosen rundir.Means) error {
		one := result(name, table.Measures, base, chosen)
		err := r.addIntervals(&one, split, choice.Epoch)
		card.Results = append(card.Results, one)
		return err
	}
	if err := add(string(rundir.Dev), rundir.Dev, base.Dev, chosen.Dev); err != nil {
		return err
	}
	if r.data.queries[rundir.Test] != nil && base.Test != nil && chosen.Test != nil {
		if err := add(string(rundir.Test), rundir.Test, *base.Test, *chosen.Test); err != nil {
			return err
		}
	}
	for i, a := range chosen.Also {
		if err := add(a.Name, rundir.AlsoSplit(a.Name), base.Also[i].Scores, a.Scores); err != nil {
			return err
		}
	}
	return nil
}

func result(set string, measures []string, base, chosen rundir.Means) modelcard.Result {
	one := modelcard.Result{Set: set, Queries: chosen.Queries}
	for i, m := range measures {
		one.Values = append(one.Values, modelcard.Value{Measure: m, Base: base.All[i], Model: chosen.All[i]})
	}
	return one
}

// addIntervals gives the measures on one set their bootstrap intervals, resampled by group.
func (r *round) addIntervals(one *modelcard.Result, split rundir.Split, epoch int) error {
	kept, err := r.dir.ReadQueryScores(r.files.EpochQueries(split, epoch))
	if err != nil {
		return err
	}
	columns, groups := make([][]float64, len(kept.Measures)), make([]string, len(kept.Queries))
	for i, q := range kept.Queries {
		groups[i] = q.Group
		for m, v := range q.Values {
			columns[m] = append(columns[m], v)
		}
	}
	intervals, err := stats.MeanIntervals(columns, groups, stats.DefaultOptions())
	if err != nil {
		return err
	}
	for i, interval := range intervals {
		v := &one.Values[i]
		v.Low, v.High, v.Level = &interval.Low, &interval.High, interval.Level
	}
	return nil
}
