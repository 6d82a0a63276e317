package lora

import (
	"regexp"
	"slices"

	"github.com/quarry-ml/quarry/model/safetensors"
)

// Since its fifth version transformers renames the modules of NomicBERT and GTE when it loads them, and takes those apart that
// make several things at once (transformers.conversion_mapping). An adapter that PEFT trained on these classes names what came
// of that. The files, and Quarry, keep the maps whole: one map with a part for each such adapter is the same function.

// part is a module of such a class: some rows of a module of the files.
type part struct {
	Module
	of    int // the module of the files
	first int // row
}

// conversion turns the name of a module of the files into those of its parts, of equal numbers of rows.
type conversion struct {
	file  *regexp.Regexp
	parts []string
}

// conversions by the family that the names of the files tell.
var conversions = [][]conversion{
	{ // nomic_bert
		{regexp.MustCompile(`^encoder\.layers\.(\d+)\.attn\.Wqkv$`), []string{"layers.$1.self_attn.q_proj", "layers.$1.self_attn.k_proj", "layers.$1.self_attn.v_proj"}},
		{regexp.MustCompile(`^encoder\.layers\.(\d+)\.attn\.out_proj$`), []string{"layers.$1.self_attn.o_proj"}},
		{regexp.MustCompile(`^encoder\.layers\.(\d+)\.mlp\.fc11$`), []string{"layers.$1.mlp.up_proj"}},
		{regexp.MustCompile(`^encoder\.layers\.(\d+)\.mlp\.fc12$`), []string{"layers.$1.mlp.gate_proj"}},
		{regexp.MustCompile(`^encoder\.layers\.(\d+)\.mlp\.fc2$`), []string{"layers.$1.mlp.down_proj"}},
	},
	{ // gte and new
		{regexp.MustCompile(`^encoder\.layer\.(\d+)\.attention\.qkv_proj$`), []string{"layers.$1.self_attn.q_proj", "layers.$1.self_attn.k_proj", "layers.$1.self_attn.v_proj"}},
		{regexp.MustCompile(`^encoder\.layer\.(\d+)\.attention\.o_proj$`), []string{"layers.$1.self_attn.o_proj"}},
		{regexp.MustCompile(`^encoder\.layer\.(\d+)\.mlp\.up_gate_proj$`), []string{"layers.$1.mlp.up_proj", "layers.$1.mlp.gate_proj"}},
		{regexp.MustCompile(`^encoder\.layer\.(\d+)\.mlp\.down_proj$`), []string{"layers.$1.mlp.down_proj"}},
	},
}

// takenApart lists the parts of the modules where an adapter's tensors name parts and no module of the files; else it is nil.
func takenApart(f *safetensors.File, modules []Module) []part {
	for _, t := range f.Tensors() {
		path, _, isMatrix := cutMatrix(t.Name)
		if isMatrix && slices.ContainsFunc(modules, func(m Module) bool { return m.Name == unwrap(path) }) {
			return nil
		}
	}
	for _, family := range conversions {
		parts := partsBy(family, modules)
		for _, t := range f.Tensors() {
			path, _, isMatrix := cutMatrix(t.Name)
			if isMatrix && slices.ContainsFunc(parts, func(p part) bool { return p.Name == unwrap(path) }) {
				return parts
			}
		}
	}
	return nil
}

// partsBy lists the parts of the modules that a family's conversions name, and the other modules whole.
func partsBy(family []conversion, modules []Module) []part {
	var parts []part
	for i, m := range modules {
		at := slices.IndexFunc(family, func(c conversion) bool { return c.file.MatchString(m.Name) })
		if at < 0 || m.Out%len(family[at].parts) != 0 {
			parts = append(parts, part{Module: m, of: i})
			continue
		}
		rows := m.Out / len(family[at].parts)
		for n, name := range family[at].parts {
			named := family[at].file.ReplaceAllString(m.Name, name)
			parts = append(parts, part{Module{Name: named, Tensor: m.Tensor, Out: rows, In: m.In}, i, n * rows})
		}
	}
	return parts
}

func modulesOfParts(parts []part) []Module {
	modules := make([]Module, len(parts))
	for i, p := range parts {
		modules[i] = p.Module
	}
	return modules
}

// join makes of the layers on parts those on the modules of the files: of rank r1 + r2 + …, with the A below each other and each B
// in its own rows and columns.
func join(layers []Layer, parts []part, modules []Module) []Layer {
	var joined []Layer
	for i, m := range modules {
		var of []Layer
		var first []int
		for _, p := range parts {
			at := slices.IndexFunc(layers, func(l Layer) bool { return l.Name == p.Name })
			if p.of == i && at >= 0 {
				of, first = append(of, layers[at]), append(first, p.first)
			}
		}
		if len(of) > 0 {
			joined = append(joined, joinParts(m, of, first))
		}
	}
	return joined
}

// onParts says whether a layer is on less than a module of the files.
func onParts(layers []Layer, parts []part, modules []Module) bool {
	return slices.ContainsFunc(parts, func(p part) bool {
		return p.Out < modules[p.of].Out && slices.ContainsFunc(layers, func(l Layer) bool { return l.Name == p.Name })
	})
}

func joinParts(m Module, layers []Layer, first []int) Layer {
	whole := Layer{Target: Target{Module: m, Scaling: layers[0].Scaling}}
	for _, l := range layers {
		whole.Rank += l.Rank
		if l.Scaling != whole.Scaling {
			whole.Scaling = 1 // each B is scaled alone
		}
	}
	whole.B = make([]float32, m.Out*whole.Rank)
	column := 0
	for i, l := range layers {
		whole.A = append(whole.A, l.A...)
		scale := 1.0
		if l.Scaling != whole.Scaling {
			scale = l.Scaling // that of the whole is 1
		}
		for row := range l.Out {
			for k, v := range l.B[row*l.Rank : (row+1)*l.Rank] {
				whole.B[(first[i]+row)*whole.Rank+column+k] = float32(float64(v) * scale)
			}
		}
		column += l.Rank
	}
	return whole
}
