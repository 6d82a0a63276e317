package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/rundir"
)

// writeManifest traces the round from its sources to its result.
func (r *round) writeManifest(ctx context.Context) error {
	options, err := json.Marshal(r.stages)
	if err != nil {
		return err
	}
	choice, err := r.dir.ReadChoice(r.index)
	if err != nil {
		return err
	}
	m, err := r.openModel(r.base.path)
	if err != nil {
		return err
	}
	t := r.texts(m)
	sets, err := r.manifestSets(m)
	if err := errors.Join(err, m.Close()); err != nil {
		return err
	}
	name, err := r.dir.Relative(r.files.Merged())
	if err != nil {
		return err
	}
	result, err := rundir.ModelDigest(ctx, r.dir.FS, r.files.Merged())
	if err != nil {
		return err
	}
	manifest := &rundir.Manifest{
		Version: rundir.ManifestVersion, Recipe: r.recipe.Name, Round: r.index, Seed: r.recipe.Seed, Identity: r.engine.Identity(),
		Data: r.data.files, Miner: manifestModel(r.miner), Base: manifestModel(r.base),
		Prompts:  t.manifestPrompts(),
		Examples: r.manifestExamples(),
		Sets:     sets,
		Options:  options,
		Choice:   rundir.ManifestChoice{Epoch: choice.Epoch, By: choice.By, Because: choice.Because},
		Result:   rundir.ManifestModel{Name: name, Digest: result},
	}
	// The order of the loop, not of the moment: a resumed run scores epochs after the training that it skips.
	stamps := slices.Clone(r.stamps)
	slices.SortStableFunc(stamps, func(a, b *rundir.Stamp) int { return cmp.Compare(place(a.Stage), place(b.Stage)) })
	for _, s := range stamps {
		manifest.Stages = append(manifest.Stages, s.ManifestStage())
	}
	manifest.Given = r.givenTo(stamps)
	return r.dir.WriteManifest(manifest)
}

// givenTo is what else the recipe gives to stages, each once, by name.
func (r *round) givenTo(stamps []*rundir.Stamp) []rundir.Input {
	var given []rundir.Input
	for _, in := range r.foreign {
		read := slices.ContainsFunc(stamps, func(s *rundir.Stamp) bool { return slices.Contains(s.Inputs, in) })
		if read && !slices.Contains(given, in) {
			given = append(given, in)
		}
	}
	slices.SortFunc(given, func(a, b rundir.Input) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	return given
}

func (t texts) manifestPrompts() rundir.ManifestPrompts {
	return rundir.ManifestPrompts{Query: string(t.Query.Template), Suffix: t.Query.Suffix, Passage: string(t.Passage.Template)}
}

// manifestSets is what the round's manifest says of the sets that take turns in training; nil where the run's own is alone.
func (r *round) manifestSets(m *model.Model) ([]rundir.ManifestSet, error) {
	if len(r.sets) == 0 {
		return nil, nil
	}
	mixture := r.mixture()
	steps := r.finetuneOptions().EpochSteps(mixture)
	var sets []rundir.ManifestSet
	for i, one := range r.all() {
		t := one.texts(m)
		mine, err := json.Marshal(one.stages.Mine)
		if err != nil {
			return nil, err
		}
		s := rundir.ManifestSet{Name: mixture[i].Name, Weight: mixture[i].Weight, Queries: mixture[i].Queries, Steps: steps[i], Prompts: t.manifestPrompts(), Lengths: rundir.ManifestLengths{Query: t.QueryLength, Passage: t.PassageLength}, Mine: mine}
		if one.set != nil {
			s.Examples = one.manifestExamples()
		}
		sets = append(sets, s)
	}
	return sets, nil
}

// place is a stage's place in the loop; epochs are scored after the finetuning, in order, first on dev and then on other sets.
func place(stage string) int {
	const betweenStages = 1 << 20
	var epoch int
	if n, err := fmt.Sscanf(stage, "eval-epoch-%d", &epoch); n == 1 && err == nil {
		return slices.Index(Stages(), StageFinetune)*betweenStages + 1 + epoch
	}
	if n, err := fmt.Sscanf(stage, "also-epoch-%d-", &epoch); n == 1 && err == nil {
		return slices.Index(Stages(), StageFinetune)*betweenStages + betweenStages/2 + epoch
	}
	if strings.HasPrefix(stage, stageSource) {
		return slices.Index(Stages(), StageEmbed)*betweenStages + 1
	}
	if strings.HasPrefix(stage, stageGuide) {
		return slices.Index(Stages(), StageFinetune)*betweenStages - 1
	}
	stage = stageOf(stage)
	if stage == stageTeach {
		return slices.Index(Stages(), StageMine)*betweenStages - 1
	}
	if stage == stageCard {
		return slices.Index(Stages(), StageMerge)*betweenStages + 1
	}
	if stage == stageTest {
		return slices.Index(Stages(), StageSelect)*betweenStages + 1
	}
	return slices.Index(Stages(), stage) * betweenStages
}

func manifestModel(s source) rundir.ManifestModel {
	return rundir.ManifestModel{Name: s.name, Revision: s.revision, Digest: s.digest}
}
