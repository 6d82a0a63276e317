package lora

import "slices"

// pooler is a linear module that transformers' AutoModel gives a BERT whether or not the base's files have weights for
// it, and that no text's vector passes through.
const pooler = "pooler.dense"

// written returns the targets that adapter_config.json names for layers on some of a base's modules. Targets that PEFT
// would find other modules by, as all-linear and dense find the pooler, are replaced by the shortest ends of names that
// find the layers' modules alone: PEFT would make layers there that the adapter has no weights for, and say that keys
// are missing.
func (c Config) written(layers []Layer, modules []Module) (Targets, error) {
	m, err := c.matcher()
	if err != nil {
		return Targets{}, err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(layers, func(l Layer) bool { return l.Name == name })
	}
	others := []string{pooler}
	for _, module := range modules {
		others = append(others, module.Name)
	}
	others = slices.DeleteFunc(others, has)
	if !c.Targets.allLinear() && !slices.ContainsFunc(others, m.selects) {
		return c.Targets, nil
	}
	var names []string
	for _, l := range layers {
		name := shortest(l.Name, others)
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return Targets{Names: names}, nil
}

// shortest is the least end of a name, whole parts of it, that none of the others has.
func shortest(name string, others []string) string {
	for at := len(name) - 1; at > 0; at-- {
		if name[at-1] != '.' {
			continue
		}
		if end := name[at:]; !slices.ContainsFunc(others, func(other string) bool { return ends(other, end) }) {
			return end
		}
	}
	return name
}
