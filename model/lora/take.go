package lora

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Take puts copies of another adapter's matrices, and of its tensors of modules_to_save, in place of a's, to train on from there.
// Tables of word embeddings that it brings besides, those of a vocabulary that has grown, become a's, too, which shares their
// memory: nothing trains them. Another adapter of other
// modules, ranks, scalings or modules_to_save is an error that names what differs; a is as it was then.
func (a *Adapter) Take(from *Adapter) error {
	theirs := make(map[string]Layer, len(from.Layers))
	for _, l := range from.Layers {
		theirs[l.Name] = l
	}
	for _, l := range a.Layers {
		other, ok := theirs[l.Name]
		switch {
		case !ok:
			return fmt.Errorf("the adapter has no layer on module %q", l.Name)
		case other.Rank != l.Rank || other.Scaling != l.Scaling || other.In != l.In || other.Out != l.Out:
			return fmt.Errorf("module %q: the adapter has rank %d and scaling %g there on [%d, %d], and rank %d and scaling %g on [%d, %d] are trained",
				l.Name, other.Rank, other.Scaling, other.Out, other.In, l.Rank, l.Scaling, l.Out, l.In)
		}
		delete(theirs, l.Name)
	}
	if len(theirs) > 0 {
		return fmt.Errorf("the adapter has layers on modules that are not trained: %s", strings.Join(slices.Sorted(maps.Keys(theirs)), ", "))
	}
	if err := a.sameWhole(from); err != nil {
		return err
	}
	byName := make(map[string]Layer, len(from.Layers))
	for _, l := range from.Layers {
		byName[l.Name] = l
	}
	for i := range a.Layers {
		copy(a.Layers[i].A, byName[a.Layers[i].Name].A)
		copy(a.Layers[i].B, byName[a.Layers[i].Name].B)
	}
	for name, s := range from.Saved {
		if own, trained := a.Saved[name]; trained {
			copy(own.Values, s.Values)
			continue
		}
		if a.Saved == nil {
			a.Saved = map[string]Saved{}
		}
		a.Saved[name] = s
	}
	return nil
}

// sameWhole checks that another adapter brings the tensors that a trains whole, and no others but tables of word embeddings.
func (a *Adapter) sameWhole(from *Adapter) error {
	for _, name := range slices.Sorted(maps.Keys(a.Saved)) {
		if other, ok := from.Saved[name]; !ok || !slices.Equal(other.Shape, a.Saved[name].Shape) {
			return fmt.Errorf("the adapter brings no tensor %q of shape %v, which is trained whole (modules_to_save)", name, a.Saved[name].Shape)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from.Saved)) {
		if _, ok := a.Saved[name]; !ok && !ofVocabulary(name) {
			return fmt.Errorf("the adapter brings the whole tensor %q, which is not trained (modules_to_save)", name)
		}
	}
	return nil
}
