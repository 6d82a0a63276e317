package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/model/transformer"
)

// checkUnused refuses weights that the network does not use: a config.json of fewer layers than the file holds would
// leave a part of the model out, and its vectors would only be wrong.
func (m *Model) checkUnused() error {
	g, err := m.Graph(transformer.Mode{})
	if err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	used := map[string]bool{}
	for _, p := range g.Params {
		used[p.Name] = true
	}
	var unused []string
	for name := range m.tensors {
		if !used[name] && !m.Config.family.hasNoPart(strings.TrimPrefix(name, m.prefix)) {
			unused = append(unused, name)
		}
	}
	if len(unused) == 0 {
		return nil
	}
	slices.Sort(unused)
	const shown = 3
	list := strings.Join(unused[:min(shown, len(unused))], ", ")
	if more := len(unused) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%s: weights that config.json leaves without use: %s: the weights belong to another config.json (num_hidden_layers is %d)", m.Path, list, m.Config.Layers)
}
