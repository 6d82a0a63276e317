package lora

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Take puts copies of another adapter's matrices in place of a's, to train on from there. Another adapter of other modules, ranks or
// scalings, and one that brings whole tensors (modules_to_save, a table of word embeddings), are errors that name what differs; a
// is as it was then.
func (a *Adapter) Take(from *Adapter) error {
	if len(from.Saved) > 0 {
		return fmt.Errorf("the adapter brings whole tensors (%s), and adapters are trained on linear layers alone", strings.Join(slices.Sorted(maps.Keys(from.Saved)), ", "))
	}
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
	byName := make(map[string]Layer, len(from.Layers))
	for _, l := range from.Layers {
		byName[l.Name] = l
	}
	for i := range a.Layers {
		copy(a.Layers[i].A, byName[a.Layers[i].Name].A)
		copy(a.Layers[i].B, byName[a.Layers[i].Name].B)
	}
	return nil
}
